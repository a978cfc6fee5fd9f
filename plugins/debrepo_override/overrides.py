"""The model: the fields that a repository gives its packages, by kind and name of packages."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, NamedTuple

from debrepo import catalog, packageset
from debrepo.catalog import CHUNKS
from debrepo.database import json_table
from debrepo.errors import InvalidInput
from debrepo.index_kind import Replacement
from debrepo.package import PackageKey

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pluggy import HookRelay

    from debrepo.database import Transaction
    from debrepo.package import Entry, PackageList

#: Kinds of package that have overrides of their own.
KINDS = ("deb", "udeb", "source")


class Override(NamedTuple):
    """A field that packages of a kind get, by their name or a pattern."""

    kind: str
    package: str
    field: str
    value: str


class Rules(NamedTuple):
    """The overrides of a repository: fields by kind and package."""

    rules: dict[str, dict[str, dict[str, str]]]


RULES = json_table(
    "override.rules", load=lambda row: Rules(**row), dump=Rules._asdict, record=Rules
)

_FIELD = re.compile(r"[!\"$-,.-9;-~][!-9;-~]*")  # Policy 5.1
#: Fields that tell one package, and its file, from another.
_FIXED = re.compile(
    r"package|version|architecture|filename|size|md5sum|sha1|sha256|sha512|directory|files|"
    r"checksums-.*|source|binary|description-md5",
    re.I,
)
_SET = r"\[!?[A-Za-z0-9+.-]+\]"  # of letters, in a pattern
_NAME = re.compile(rf"(?:[A-Za-z0-9*?]|{_SET})(?:[A-Za-z0-9+.*?_-]|{_SET})*")


def checked(one: Override) -> Override:
    """Return an override; raise `InvalidInput` if it cannot be one."""
    if one.kind not in KINDS:
        raise InvalidInput(f"no kind of package is called {one.kind[:80]!r}")
    if not _NAME.fullmatch(one.package):
        raise InvalidInput(
            f"{one.package[:80]!r} cannot be the name of a package",
            hint="patterns have *, ? and [abc]",
        )
    if not _FIELD.fullmatch(one.field) or _FIXED.fullmatch(one.field):
        raise InvalidInput(
            f"the field {one.field[:80]!r} of a package cannot be overridden",
            hint="such as: Section=net, Priority=optional",
        )
    value = one.value.strip()
    if not value or not value.isprintable():
        raise InvalidInput(f"the field {one.field} needs a value of one line")
    return one._replace(value=value)


def all_of(txn: Transaction, name: str) -> Iterator[Override]:
    """Yield the overrides of a repository, sorted."""
    rules = txn[RULES].get(name, Rules({})).rules
    for kind, packages in sorted(rules.items()):
        for package, found in sorted(packages.items()):
            for field, value in sorted(found.items()):
                yield Override(kind, package, field, value)


def put(txn: Transaction, name: str, overrides: Iterable[Override]) -> None:
    """Store the overrides of a repository in the place of those before; the last one counts."""
    rules: dict[str, dict[str, dict[str, str]]] = {}
    for kind, package, field, value in overrides:
        found = rules.setdefault(kind, {}).setdefault(package, {})
        same = next((one for one in found if one.lower() == field.lower()), field)
        found.pop(same, None)
        found[field] = value
    if rules:
        txn[RULES][name] = Rules(rules)
    else:
        txn[RULES].discard(name)


def rename(txn: Transaction, old: str, new: str) -> None:
    """Follow a repository to its new name."""
    found = txn[RULES].get(old)
    if found is not None:
        txn[RULES][new] = found
        txn[RULES].discard(old)


def drop(txn: Transaction, name: str) -> None:
    """Remove the overrides of a repository: the next one of this name is another one."""
    txn[RULES].discard(name)


def fields(
    hook: HookRelay, txn: Transaction, target: PackageList
) -> dict[Entry, dict[str, Replacement]]:
    """Return the fields that packages of a list get.

    Of a list that was made from repositories they are those of the repositories. The own name of
    a package precedes patterns.
    """
    if not txn[RULES]:
        return {}
    found: dict[Entry, dict[str, Replacement]] = {}
    for name in reversed(_origins(hook, txn, str(target))):  # nearer ones replace farther ones
        for kind, packages in sorted(txn[RULES].get(name, Rules({})).rules.items()):
            for package, said in sorted(packages.items(), key=_exact_last):
                for entry in _matching(txn, target, kind, package):
                    known = found.setdefault(entry, {})
                    for field, value in said.items():
                        same = next((one for one in known if one.lower() == field.lower()), field)
                        known.pop(same, None)
                        known[field] = Replacement(value)
    return found


def _exact_last(item: tuple[str, Any]) -> tuple[bool, str]:
    return not _is_pattern(item[0]), item[0]


def _is_pattern(name: str) -> bool:
    return bool({"*", "?", "["} & set(name))


def _origins(hook: HookRelay, txn: Transaction, target: str) -> list[str]:
    """Return the repositories that a list is, or was made from, the nearest first."""
    sources: dict[str, list[str]] = {}
    if not target.startswith("repo:"):
        for links in hook.debrepo_links(txn=txn):
            for link in links:
                sources.setdefault(link.target, []).append(link.source)
    found: dict[str, None] = {}
    waiting = [target]
    while waiting:
        waiting = [one for one in waiting if one not in found]
        found.update(dict.fromkeys(waiting))
        waiting = [source for one in waiting for source in sources.get(one, ())]
    return [one.removeprefix("repo:") for one in found if one.startswith("repo:")]


def _matching(txn: Transaction, target: PackageList, kind: str, package: str) -> list[Entry]:
    """Return the packages of a list that an override is for."""
    if _is_pattern(package):
        everything = packageset.entries(txn[CHUNKS], target.set_id)
        entries = [
            entry
            for entry in everything
            if fnmatchcase(entry.partition(b"\0")[0].decode(), package)
        ]
    else:
        start = package.encode() + b"\0"
        entries = list(packageset.find(txn[CHUNKS], target.set_id, start))
    if kind == "source":
        return [one for one in entries if PackageKey.from_entry(one).architecture == "source"]
    return [
        entry
        for entry, found in zip(entries, catalog.get_many(txn, entries), strict=True)
        if found.kind == kind
    ]


def grouped(overrides: Iterable[Override]) -> Mapping[tuple[str, str], list[Override]]:
    """Return overrides by kind and package."""
    found: dict[tuple[str, str], list[Override]] = {}
    for one in overrides:
        found.setdefault((one.kind, one.package), []).append(one)
    return found

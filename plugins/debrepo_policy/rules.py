"""Rules: what packages have to be like to join a repository, and how one is refused."""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from debrepo import catalog, lists, packageset, selection
from debrepo.archive import stored_findings
from debrepo.arrival import Arrival
from debrepo.catalog import CHUNKS
from debrepo.errors import InvalidInput, InvalidPackage
from debrepo.package import PackageKey, PackageList
from debrepo.packageset import EMPTY
from debrepo.query import And, Candidate, Field, Not, Or
from debrepo.version import sort_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from debrepo.config import Config
    from debrepo.database import Transaction
    from debrepo.package import Package
    from debrepo.query import Query
    from debrepo.session import Session

_SHOWN = 80  # characters of a value


class AcceptanceRule(NamedTuple):
    """A rule as it is configured; the settings ``policy.*`` say what each field means."""

    name: str
    repo: tuple[str, ...] = ()
    publication: tuple[str, ...] = ()
    require: Query | None = None
    deny: Query | None = None
    names: tuple[str, ...] = ()
    architectures: tuple[str, ...] = ()
    maintainers: tuple[str, ...] = ()
    max_size: int = 0
    no_remarks: bool = False
    signed: bool = False
    copied_from: tuple[str, ...] = ()
    no_downgrade: bool = False
    max_removed: int = 100
    message: str = ""

    def holds_for(self, target: PackageList) -> bool:
        """Return whether a package list is one that the rule is for."""
        names = (str(target), target.name) if target.kind == "repo" else (str(target),)
        return any(_fits(name, self.repo) for name in names)

    def is_gate_of(self, publication: str) -> bool:
        """Return whether a publication is one that the rule is for."""
        return any(
            _fits(name, self.publication) for name in (publication, publication.removeprefix("./"))
        )


class Breach(NamedTuple):
    """A rule that a package, or a publication, breaks."""

    rule: str
    what: str  #: ``name_version_architecture``, or a publication
    setting: str  #: the part of the rule: ``max_size``
    expected: str
    found: str
    message: str = ""

    def __str__(self) -> str:
        return (
            f"{self.what} breaks the rule {self.rule}: expected {self.expected}, found {self.found}"
        )

    @property
    def hint(self) -> str:
        """What the administrator wants said, else where the rule is."""
        return self.message or f"the setting policy.{self.rule}.{self.setting} says so"


@lru_cache(maxsize=4)
def configured(config: Config) -> tuple[AcceptanceRule, ...]:
    """Return the rules, sorted by name; raise `InvalidInput` where one cannot be meant so."""
    return tuple(_rule(config, name) for name in sorted(config.names("policy")))


def _rule(config: Config, name: str) -> AcceptanceRule:
    values = config.section(f"policy.{name}")
    where = f"policy.{name}"
    for key in ("require", "deny"):
        text = values[key].strip()
        try:
            values[key] = selection.parse(config, [text]) if text else None
        except InvalidInput as error:
            raise InvalidInput(f"{where}.{key}: {error}", hint=error.hint) from None
    if not values["repo"] and not values["publication"]:
        raise InvalidInput(
            f"the rule {name} is for nothing", hint=f'set {where}.repo, to ["*"] for all'
        )
    if not 0 <= values["max_removed"] <= 100:
        raise InvalidInput(f"{where}.max_removed has to be a percentage, 0 to 100")
    if values["max_size"] < 0:
        raise InvalidInput(f"{where}.max_size has to be a number of bytes; 0: no limit")
    return AcceptanceRule(name, **values)


def accept(
    session: Session, txn: Transaction, package: Package, target: PackageList, arrival: Arrival
) -> None:
    """Raise `InvalidPackage` if a package that is about to join a list breaks a rule."""
    for rule in configured(session.config):
        if not rule.holds_for(target):
            continue
        for broken in (
            *_broken_by_arrival(rule, package, arrival),
            *broken_by(rule, package, arrival.remark),
            *_broken_by_version(rule, txn, package, target),
        ):
            raise InvalidPackage(str(broken), hint=broken.hint)


def check_renamed(session: Session, txn: Transaction, old: str, new: str) -> None:
    """Raise `InvalidPackage` if a repository gets a name with rules that its packages break.

    The packages count as copied from it.
    """
    before = PackageList("repo", old, EMPTY)
    after = lists.get(session.hook, txn, "repo", new)
    rules = [
        rule
        for rule in configured(session.config)
        if rule.holds_for(after) and not rule.holds_for(before)
    ]
    if not rules:
        return
    arrival = Arrival(str(before))
    members = packageset.entries(txn[CHUNKS], after.set_id)
    for package in catalog.get_many(txn, members):
        for rule in rules:
            for broken in (*_broken_by_arrival(rule, package, arrival), *broken_by(rule, package)):
                raise InvalidPackage(str(broken), hint=broken.hint)


def broken_by(rule: AcceptanceRule, package: Package, remark: str = "") -> Iterator[Breach]:
    """Yield what a package breaks of a rule, wherever it comes from and goes to."""
    candidate = Candidate(package.key, lambda: package)

    def broken(setting: str, expected: str, found: str) -> Breach:
        return Breach(rule.name, package.key.display, setting, expected, found, rule.message)

    if rule.require is not None and not rule.require.matches(candidate):
        yield broken("require", str(rule.require), _found(rule.require, candidate))
    if rule.deny is not None and rule.deny.matches(candidate):
        yield broken("deny", f"not {rule.deny}", _found(rule.deny, candidate))
    for setting, what, patterns, text in (
        ("names", "a name like", rule.names, package.key.name),
        ("architectures", "an architecture like", rule.architectures, package.key.architecture),
        ("maintainers", "a Maintainer like", rule.maintainers, package.field("Maintainer")),
    ):
        if patterns and not _fits(text, patterns):
            yield broken(setting, f"{what} {' or '.join(patterns)}", _short(text))
    size = sum(file.size for file in package.files)
    if rule.max_size and size > rule.max_size:
        yield broken("max_size", f"{rule.max_size} bytes at most", f"{size} bytes")
    if rule.no_remarks:
        remarks = [remark] if remark else [finding.text for finding in stored_findings(package)]
        if remarks:
            yield broken("no_remarks", "no remarks", "; ".join(remarks))


def _broken_by_arrival(
    rule: AcceptanceRule, package: Package, arrival: Arrival
) -> Iterator[Breach]:
    name = package.key.display
    if arrival.source:
        allowed = rule.copied_from or (() if rule.signed else ("*",))
        if not _fits(arrival.source, allowed):
            setting = "copied_from" if rule.copied_from else "signed"
            expected = f"a copy from {' or '.join(allowed)}" if allowed else "a signed upload"
            found = f"a copy from {arrival.source}"
            yield Breach(rule.name, name, setting, expected, found, rule.message)
    elif rule.signed and not arrival.signers:
        found = "a file without a verified signature"
        yield Breach(rule.name, name, "signed", "a signed upload", found, rule.message)


def _broken_by_version(
    rule: AcceptanceRule, txn: Transaction, package: Package, target: PackageList
) -> Iterator[Breach]:
    if not rule.no_downgrade:
        return
    there = versions(txn, [target], packageset.group(package.key.entry))
    newest = max(there, key=sort_key, default="")
    if newest and sort_key(package.key.version) < sort_key(newest):
        expected = f"a version not below {newest}, which {target.name} has"
        found = package.key.version
        yield Breach(rule.name, package.key.display, "no_downgrade", expected, found, rule.message)


def versions(txn: Transaction, targets: Sequence[PackageList], group: bytes) -> list[str]:
    """Return the versions of a package, named as `packageset.group` does, in package lists."""
    return [
        PackageKey.from_entry(entry).version
        for target in targets
        for entry in packageset.find(txn[CHUNKS], target.set_id, group)
    ]


def _found(query: Query, candidate: Candidate) -> str:
    """Return what a package says in the fields that a query asks about."""
    texts = {name: _short(candidate.text(name)) for name in dict.fromkeys(_fields(query))}
    said = [f"{name}: {text}" if text else f"no {name}" for name, text in texts.items()]
    return ", ".join(said) or candidate.key.display


def _fields(query: Query) -> Iterator[str]:
    if isinstance(query, And | Or):
        for term in query.terms:
            yield from _fields(term)
    elif isinstance(query, Not):
        yield from _fields(query.term)
    elif isinstance(query, Field) and query.name.lower() not in ("name", "package"):
        yield query.name


def _fits(text: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(text, pattern) for pattern in patterns)


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"

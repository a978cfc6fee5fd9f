"""What can be done with acceptance rules."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from debrepo import archive, catalog, packageset
from debrepo import lists as package_lists
from debrepo.catalog import CHUNKS
from debrepo.errors import DebrepoError, NotFound
from debrepo.ingest import configured_limits, find
from debrepo.package import PackageList
from debrepo.packageset import EMPTY
from debrepo_policy.rules import broken_by, configured

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from debrepo.archive import Limits
    from debrepo.package import Package
    from debrepo.session import Session
    from debrepo_policy.rules import AcceptanceRule, Breach


class ShownRule(NamedTuple):
    """A rule, with those of its settings that are not the default."""

    name: str
    settings: dict[str, str | int | bool | tuple[str, ...]]


class RuleCheck(NamedTuple):
    """A package, and the rules that it breaks."""

    package: str  #: ``name_version_architecture``; empty if it cannot be read
    source: Path | None = None  #: the file; none of a package that is stored
    broken: tuple[Breach, ...] = ()
    error: str = ""  #: why it cannot be read


def list_(session: Session) -> list[ShownRule]:
    """Return the rules, sorted by name; raise `InvalidInput` if one of them cannot be meant so."""
    names = [rule.name for rule in configured(session.config)]
    declared = session.config.declared()
    defaults = {s.name: s.default for s in declared if s.name.startswith("policy.")}
    return [
        ShownRule(
            name,
            {
                key: value
                for key, value in sorted(session.config.section(f"policy.{name}").items())
                if value != defaults[f"policy.*.{key}"]
            },
        )
        for name in names
    ]


def check(
    session: Session, paths: Iterable[Path] = (), *, lists: Sequence[str] = (), repo: str = ""
) -> Iterator[RuleCheck]:
    """Yield the rules that packages break: files, below directories, and those of lists.

    Files are held to the rules for the repository ``repo``, or to all rules without one; the
    packages of a list to those for it. What depends on how a package arrives is left out.
    """
    rules = configured(session.config)
    target = PackageList("repo", repo, EMPTY)
    chosen = [rule for rule in rules if not repo or rule.holds_for(target)]
    limits = configured_limits(session.config)
    files = list(find(paths))
    for path in session.progress.track("Reading packages", files, total=len(files)):
        yield _check_file(path, chosen, limits)
    for name in lists:
        yield from _check_list(session, name, rules)


def _check_file(path: Path, rules: Iterable[AcceptanceRule], limits: Limits) -> RuleCheck:
    try:
        if path.suffix in archive.EXTENSIONS:
            package = archive.read(path, limits=limits).package
        elif path.suffix == ".dsc":
            package = archive.read_source(path, limits=limits)
        else:
            path.stat()
            return RuleCheck("", path, error="not a package file by its name")
    except OSError as error:
        return RuleCheck("", path, error=f"cannot be read: {os.strerror(error.errno or 0)}")
    except DebrepoError as error:
        return RuleCheck("", path, error=str(error).removeprefix(f"{path}: "))
    found = tuple(broken for rule in rules for broken in broken_by(rule, package))
    return RuleCheck(package.key.display, path, found)


def _check_list(
    session: Session, name: str, rules: Iterable[AcceptanceRule]
) -> Iterator[RuleCheck]:
    with session.db.read() as txn:
        target = package_lists.get(session.hook, txn, *package_lists.parse(name, "repo"))
        entries = list(packageset.entries(txn[CHUNKS], target.set_id))
    chosen = [rule for rule in rules if rule.holds_for(target)]
    if not chosen:
        raise NotFound(f"no rule holds for {target}", hint='run "debrepo policy list"')
    for entry in session.progress.track("Reading packages", entries, total=len(entries)):
        with session.db.read() as txn:
            package: Package = catalog.get(txn, entry)
        found = tuple(broken for rule in chosen for broken in broken_by(rule, package))
        yield RuleCheck(package.key.display, None, found)

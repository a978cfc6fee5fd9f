"""The gate: what keeps a publication as it is, when the next one breaks a rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from debrepo import catalog, packageset
from debrepo.catalog import CHUNKS
from debrepo.errors import InvalidInput
from debrepo.package import PackageKey
from debrepo.packageset import EMPTY
from debrepo.version import sort_key
from debrepo_policy.rules import Breach, broken_by, configured, versions

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from debrepo.database import Transaction
    from debrepo.package import Entry, PackageList
    from debrepo.published import PublicationState
    from debrepo.session import Session
    from debrepo_policy.rules import AcceptanceRule

_SHOWN = 5  # packages that an error names


class _Changes(NamedTuple):
    """What changes for clients; packages that move between components do not count."""

    added: list[Entry]
    gone: list[PackageKey]  #: of which no version stays, on their architecture
    older: list[tuple[PackageKey, str]]  #: what was the newest, and what would be


def check(
    session: Session,
    publication: str,
    before: PublicationState | None,
    after: PublicationState,
    *,
    force: bool,
) -> None:
    """Raise `InvalidInput` if a publication would break a rule; ``force`` makes it a note."""
    rules = [rule for rule in configured(session.config) if rule.is_gate_of(publication)]
    if not rules:
        return
    with session.db.read() as txn:
        old = before.components if before else {}
        changes = _changes(txn, old, after.components)
        broken = [b for rule in rules for b in _broken(txn, rule, publication, old, changes)]
    if not broken:
        return
    said = "; ".join(map(str, broken[:_SHOWN]))
    if len(broken) > _SHOWN:
        said += f"; and {len(broken) - _SHOWN} more"
    if not force:
        hint = broken[0].message or "publish it with --force if this is meant"
        raise InvalidInput(said, hint=hint)
    session.progress.note(f"Publishing all the same: {said}.")


def _changes(
    txn: Transaction, before: Mapping[str, PackageList], after: Mapping[str, PackageList]
) -> _Changes:
    added: set[Entry] = set()
    removed: set[Entry] = set()
    for component in before.keys() | after.keys():
        sets = [
            targets[component].set_id if component in targets else EMPTY
            for targets in (before, after)
        ]
        difference = packageset.diff(txn[CHUNKS], *sets)
        added.update(difference.added)
        removed.update(difference.removed)
    gone, older = [], []
    for group in sorted({packageset.group(entry) for entry in removed - added}):
        newest = max(versions(txn, list(before.values()), group), key=sort_key)
        name, architecture = group.decode().rstrip("\0").split("\0")
        key = PackageKey(name, architecture, newest, "")
        now = max(versions(txn, list(after.values()), group), key=sort_key, default="")
        if not now:
            gone.append(key)
        elif sort_key(now) < sort_key(newest):
            older.append((key, now))
    return _Changes(sorted(added - removed), gone, older)


def _broken(
    txn: Transaction,
    rule: AcceptanceRule,
    publication: str,
    before: Mapping[str, PackageList],
    changes: _Changes,
) -> Iterator[Breach]:
    for package in catalog.get_many(txn, changes.added):
        yield from broken_by(rule, package)
    if rule.no_downgrade:
        for key, now in changes.older:
            expected = f"{key.version} or a newer version in {publication}"
            yield Breach(rule.name, key.display, "no_downgrade", expected, now, rule.message)
    if changes.gone and rule.max_removed < 100:
        total = _count(txn, before)
        percentage = 100 * len(changes.gone) / total
        if percentage > rule.max_removed:
            names = ", ".join(key.display for key in changes.gone[:_SHOWN])
            more = ", …" if len(changes.gone) > _SHOWN else ""
            yield Breach(
                rule.name,
                publication,
                "max_removed",
                f"to lose {rule.max_removed} % of its packages at most",
                f"{len(changes.gone)} of {total} gone ({names}{more})",
                rule.message,
            )


def _count(txn: Transaction, components: Mapping[str, PackageList]) -> int:
    """Return how many packages there are, each once on its architecture."""
    groups: set[bytes] = set()
    for target in components.values():
        groups.update(map(packageset.group, packageset.entries(txn[CHUNKS], target.set_id)))
    return len(groups)

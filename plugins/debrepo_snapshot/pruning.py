"""Pruning: which snapshots can go, by their age, their number and the calendar."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from debrepo import clock
from debrepo.errors import InvalidInput
from debrepo.values import NamedTuple
from debrepo_snapshot.snapshots import SNAPSHOTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from debrepo.database import Transaction
    from debrepo.package import Link
    from debrepo_snapshot.snapshots import Snapshot

#: The day, week or month of a moment in UTC; weeks begin on Monday, as in ISO 8601.
_PERIODS: dict[str, Callable[[datetime], tuple[int, ...]]] = {
    "daily": lambda at: (at.year, at.month, at.day),
    "weekly": lambda at: at.isocalendar()[:2],
    "monthly": lambda at: (at.year, at.month),
    "yearly": lambda at: (at.year,),
}


class SnapshotRules(NamedTuple):
    """Which snapshots stay: each that one of these numbers says so of."""

    older_than: int = 0  #: seconds: what is not older stays
    keep: int = 0  #: of the newest
    daily: int = 0  #: days of which the newest one stays, and so on
    weekly: int = 0
    monthly: int = 0
    yearly: int = 0


class SnapshotPlan(NamedTuple):
    """The snapshots that go, in an order in which they can, and those that are held."""

    dropped: tuple[Snapshot, ...]
    held: tuple[tuple[Snapshot, str], ...]  #: each with the reason
    kept: int


def rules(older_than: str, **numbers: int) -> SnapshotRules:
    """Return rules; raise `InvalidInput` for those that cannot be meant."""
    for name, number in numbers.items():
        if number < 0:
            raise InvalidInput(f"cannot keep {number} snapshots by --{name}")
    found = SnapshotRules(clock.span(older_than), **numbers)
    if not any(found):
        raise InvalidInput(
            "nothing says which snapshots to keep",
            hint="use --older-than, --keep, --daily, --weekly, --monthly or --yearly",
        )
    return found


def plan(
    txn: Transaction, links: Iterable[Link], given: SnapshotRules, pattern: str, now: float
) -> SnapshotPlan:
    """Return what can go of the snapshots whose names match a pattern, in which ``*`` is any text.

    Those that were made from the same lists are counted together.
    """
    fits = re.compile(".*".join(map(re.escape, pattern.split("*"))), re.DOTALL).fullmatch
    groups: dict[tuple[str, ...], list[Snapshot]] = {}
    for snapshot in txn[SNAPSHOTS].values():
        if fits(snapshot.name):
            groups.setdefault(snapshot.sources, []).append(snapshot)
    outdated = {
        str(snapshot.package_list()): snapshot
        for members in groups.values()
        for snapshot in _outdated(members, given, now)
    }
    users: dict[str, list[str]] = {}
    for link in links:
        if link.source in outdated:
            users.setdefault(link.source, []).append(link.target)
    reasons = _held(outdated, users)
    ahead = [s for members in groups.values() for s in members if _is_ahead(s, now)]
    going = sorted((s for name, s in outdated.items() if name not in reasons), key=_age)
    held = tuple((outdated[name], reason) for name, reason in reasons.items())
    held += tuple((one, "it is dated in the future") for one in sorted(ahead, key=_age))
    return SnapshotPlan(
        tuple(_users_first(going, users)), held, sum(map(len, groups.values())) - len(going)
    )


def _outdated(members: list[Snapshot], given: SnapshotRules, now: float) -> list[Snapshot]:
    """Return those of some snapshots that no rule keeps; the newest one always stays.

    Those that are dated in the future stay as well, and do not count: the clock was ahead when they
    were made, or is behind now, and what was made after them would go in their stead.
    """
    members = [one for one in members if not _is_ahead(one, now)]
    newest_first = sorted(members, key=_age, reverse=True)
    staying = {snapshot.name for snapshot in newest_first[: max(given.keep, 1)]}
    if given.older_than:
        moment = datetime.fromtimestamp(max(now - given.older_than, 0.0), UTC)
        staying |= {one.name for one in members if _time(one) >= moment}
    for name, period in _PERIODS.items():
        seen: dict[tuple[int, ...], str] = {}
        for snapshot in newest_first:
            seen.setdefault(period(_time(snapshot)), snapshot.name)
        staying.update(list(seen.values())[: getattr(given, name)])
    return [snapshot for snapshot in newest_first if snapshot.name not in staying]


def _held(outdated: Mapping[str, Snapshot], users: Mapping[str, list[str]]) -> dict[str, str]:
    """Return the snapshots that cannot go, each with the reason."""
    reasons = {name: "it is protected" for name, one in outdated.items() if one.protected}
    while True:
        found = {
            name: f"{using[0].replace(':', ' ', 1)} needs it"
            for name in outdated
            if name not in reasons
            and (using := [u for u in users.get(name, ()) if u not in outdated or u in reasons])
        }
        if not found:
            return reasons
        reasons |= found


def _users_first(going: list[Snapshot], users: Mapping[str, list[str]]) -> list[Snapshot]:
    """Return snapshots in an order in which each comes after those that were made from it."""
    waiting = {str(one.package_list()): one for one in going}
    ordered: list[Snapshot] = []
    while waiting:
        free = [name for name in waiting if not any(u in waiting for u in users.get(name, ()))]
        ordered += [waiting.pop(name) for name in free or list(waiting)]  # names can go in circles
    return ordered


def _age(snapshot: Snapshot) -> tuple[datetime, str]:
    return _time(snapshot), snapshot.name


def _is_ahead(snapshot: Snapshot, now: float) -> bool:
    return _time(snapshot).timestamp() >= now + 1  # the clock has whole seconds


def _time(snapshot: Snapshot) -> datetime:
    """Return when a snapshot was made; one without a time, from another tool, is the oldest."""
    try:
        found = datetime.fromisoformat(snapshot.created)
    except ValueError:
        return datetime(1970, 1, 1, tzinfo=UTC)
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)

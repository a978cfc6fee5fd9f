"""Repeats: what plugins have yet to be told again, because they asked for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo.database import json_table
from debrepo.errors import NotFound
from debrepo.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from debrepo.database import Transaction

_FIRST_PAUSE = 10.0  # seconds after the first failure; each later one doubles them
_LONGEST_PAUSE = 3600.0
_LONGEST_WISH = 86400.0  # seconds that a plugin may ask to wait


class Repeat(NamedTuple):
    """A call of a hook of one plugin that is to be made again."""

    id: str
    plugin: str
    hook: str
    actor: str  #: on whose behalf the work was done
    facts: str  #: the arguments besides the session, as JSON
    created: float  #: when the plugin was called first, in seconds since the epoch
    due: float  #: when to call it, at the earliest
    failures: int
    error: str  #: what the last failure was
    failed: bool = False  #: whether it was given up

    @property
    def key(self) -> str:
        """Waiting ones come first, by when they are due; then those that were given up."""
        state, when = ("failed", self.created) if self.failed else ("due", self.due)
        return f"{state}\0{int(when * 1e6):020}\0{self.id}"


REPEATS = json_table("core.repeats", lambda fields: Repeat(**fields), Repeat._asdict, record=Repeat)


def put(txn: Transaction, repeat: Repeat) -> None:
    """Store a call that is to be made again."""
    txn[REPEATS][repeat.key] = repeat


def count(txn: Transaction, *, failed: bool) -> int:
    """Return how many calls wait, or were given up."""
    return sum(1 for _ in txn[REPEATS].prefix_keys(b"failed\0" if failed else b"due\0"))


def due(txn: Transaction, now: float, most: int) -> list[Repeat]:
    """Return the calls that are due, the first of them first."""
    found: list[Repeat] = []
    for _, repeat in txn[REPEATS].prefix(b"due\0"):
        if repeat.due > now or len(found) == most:
            break
        found.append(repeat)
    return found


def is_due(txn: Transaction, now: float) -> bool:
    """Return whether a call is due."""
    first = next(txn[REPEATS].prefix_keys(b"due\0"), None)
    return first is not None and int(first.split("\0")[1]) <= now * 1e6


def all_(txn: Transaction) -> Iterator[Repeat]:
    """Yield all of them: those that wait, then those that were given up."""
    for wanted in (b"due\0", b"failed\0"):
        for _, repeat in txn[REPEATS].prefix(wanted):
            yield repeat


def find(txn: Transaction, id_: str) -> Repeat:
    """Return the one with this id."""
    for repeat in all_(txn):
        if repeat.id == id_:
            return repeat
    raise NotFound(f"no notice has the id {id_[:100]}", hint='run "debrepo plugin notices"')


def drop(txn: Transaction, repeat: Repeat) -> bool:
    """Remove one, and return whether it was there."""
    return txn[REPEATS].discard(repeat.key)


def again(repeat: Repeat, error: str, after: float, now: float, age: float) -> Repeat:
    """Return what becomes of one that has failed: it is due later, or given up after ``age``.

    ``after`` is the plugin's wish, in seconds; 0: the pauses double, from 10 seconds to an hour.
    """
    pause = min(_FIRST_PAUSE * 2 ** min(repeat.failures, 20), _LONGEST_PAUSE)
    if after > 0:
        pause = min(max(after, 1.0), _LONGEST_WISH)
    return repeat._replace(
        due=now + pause,
        failures=repeat.failures + 1,
        error=error[:1000],
        failed=now - repeat.created > age,
    )


def expire(txn: Transaction, before: float) -> int:
    """Delete what was given up, and was first called before a time; return how many."""
    old = [one for _, one in txn[REPEATS].prefix(b"failed\0") if one.created < before]
    return sum(drop(txn, one) for one in old)

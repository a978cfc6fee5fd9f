"""Notices: what plugins could not take note of, and asked to be told again."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from debrepo import notices
from debrepo.errors import InvalidInput
from debrepo.health import Checkup, Concern
from debrepo.metrics import Metric

if TYPE_CHECKING:
    from collections.abc import Sequence

    from debrepo.database import Transaction
    from debrepo.notices import Repeated
    from debrepo.session import Session

_MOST_CONCERNS = 5  # the list has them all


class Notice(NamedTuple):
    """A call of a hook that is to be made again, or was given up."""

    id: str
    plugin: str
    hook: str
    created: float  #: in seconds since the epoch
    due: float
    failures: int
    error: str
    failed: bool


def list_(session: Session) -> list[Notice]:
    """Return the notices that wait or were given up."""
    from debrepo import repeats  # and the database, which other commands do without

    with session.db.read() as txn:
        return [
            Notice(
                one.id,
                one.plugin,
                one.hook,
                one.created,
                one.due,
                one.failures,
                one.error,
                one.failed,
            )
            for one in repeats.all_(txn)
        ]


def retry(session: Session, ids: Sequence[str] = (), *, everything: bool = False) -> Repeated:
    """Call plugins again now: for notices with these ids, or all, those given up included."""
    return notices.repeat(session, ids=_chosen(session, ids, everything=everything))


def give_up(session: Session, ids: Sequence[str] = (), *, everything: bool = False) -> int:
    """Remove notices with these ids, or all; return how many."""
    from debrepo import repeats

    chosen = _chosen(session, ids, everything=everything)

    def change(txn: Transaction) -> int:
        return sum(repeats.drop(txn, repeats.find(txn, id_)) for id_ in chosen)

    return session.db.update(change)


def _chosen(session: Session, ids: Sequence[str], *, everything: bool) -> list[str]:
    if everything == bool(ids):
        raise InvalidInput(
            "name either notices or all of them", hint='run "debrepo plugin notices"'
        )
    if not everything:
        return list(dict.fromkeys(ids))
    from debrepo import repeats

    with session.db.read() as txn:
        return [one.id for one in repeats.all_(txn)]


def checkup(session: Session) -> Checkup:
    """Say which plugins were not told what they wanted to be told again."""
    concerns = tuple(
        Concern(
            "warning",
            f"{one.hook} of plugin {one.plugin} was given up: {one.error}",
            'run "debrepo plugin retry --all"',
        )
        for one in list_(session)
        if one.failed
    )
    return Checkup("notices", "of plugins", concerns[:_MOST_CONCERNS])


def metrics(txn: Transaction) -> list[Metric]:
    """Return how many notices wait, and how many were given up."""
    from debrepo import repeats

    return [
        Metric(
            "debrepo_notices_queued",
            "Notices that plugins want again.",
            repeats.count(txn, failed=False),
        ),
        Metric(
            "debrepo_notices_failed",
            "Notices that were given up.",
            repeats.count(txn, failed=True),
        ),
    ]

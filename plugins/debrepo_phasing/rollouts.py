"""Roll-outs: when each scheduled phase began, and how far it is."""

from __future__ import annotations

from logging import getLogger
from typing import TYPE_CHECKING, NamedTuple

from debrepo import clock
from debrepo.database import json_table
from debrepo.errors import DebrepoError
from debrepo.published import PublicationState
from debrepo_phasing import phases
from debrepo_phasing.phases import Phase

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from debrepo.background import Load
    from debrepo.database import Transaction
    from debrepo.package import PackageList
    from debrepo.session import Session

_log = getLogger("debrepo.phasing")


class Rollout(NamedTuple):
    """A version that is offered to more and more machines."""

    place: str  #: and the distribution, as commands name the publication
    distribution: str
    phase: tuple[int, int, int]  #: as a `Phase`
    versions: str  #: the newest ones when it began: another one begins anew
    since: int  #: seconds since the epoch
    steps: int = 0  #: that the next publish goes by
    offered: int = 0  #: of these, that clients see


class RaisedPhase(NamedTuple):
    """A package that is offered to more machines than before."""

    publication: str
    package: str
    percentage: int


#: Publication and package to how far it is.
ROLLOUTS = json_table(
    "phasing.rollouts",
    load=lambda row: Rollout(**{**row, "phase": tuple(row["phase"])}),
    dump=Rollout._asdict,
    record=Rollout,
)


def _key(publication: str, package: str) -> str:
    return f"{publication} {package}"


def percentages(
    txn: Transaction,
    publication: str,
    wanted: Mapping[str, Phase],
    targets: Iterable[PackageList],
) -> dict[str, int]:
    """Return the percentages of packages now, by name."""
    found: dict[str, int] = {}
    targets = list(targets)
    for name, phase in wanted.items():
        row = txn[ROLLOUTS].get(_key(publication, name)) if phase.every else None
        same = (
            row is not None
            and row.phase == phase
            and row.versions == phases.versions(txn, name, targets)
        )
        found[name] = phase.after(row.steps if row and same else 0)
    return found


def note(
    session: Session, publication: str, after: PublicationState | None, *, offered: bool = True
) -> None:
    """Take note of what clients are offered from now on; ``offered``: as far as it is recorded."""
    given = after.options.get("phased", ()) if after else ()
    wanted = phases.parse(given) if isinstance(given, tuple) else {}
    scheduled = {name: phase for name, phase in wanted.items() if phase.every}
    with session.db.read() as txn:
        there = dict(txn[ROLLOUTS].prefix(_key(publication, "").encode()))
        rows: dict[str, Rollout] = {}
        for name, phase in scheduled.items():
            assert after is not None
            said = phases.versions(txn, name, after.components.values())
            old = there.get(_key(publication, name))
            same = old is not None and old.phase == phase and old.versions == said
            place = f"{after.storage}:{after.prefix}" if after.storage else after.prefix
            new = Rollout(place, after.distribution, (*phase,), said, clock.now())
            rows[_key(publication, name)] = old if old and same else new
    if offered:
        rows = {key: row._replace(offered=row.steps) for key, row in rows.items()}
    if rows != there:
        with session.db.write() as txn:
            for key in there.keys() - rows.keys():
                txn[ROLLOUTS].discard(key)
            for key, row in rows.items():
                txn[ROLLOUTS][key] = row


def raise_(session: Session) -> list[RaisedPhase]:
    """Publish again what is to be offered to more machines by now, with the same packages.

    What a process was killed at is done too. One publication that fails leaves the others.
    """
    _begin(session)
    now = clock.now()
    with session.db.read() as txn:
        found = {
            key: (row, row._replace(steps=max(row.steps, Phase(*row.phase).steps(now - row.since))))
            for key, row in txn[ROLLOUTS].items()
        }
    due = {key: pair for key, pair in found.items() if pair[1].steps > pair[0].offered}
    raised: list[RaisedPhase] = []
    failure: DebrepoError | None = None
    for publication in sorted({key.rpartition(" ")[0] for key in due}):
        mine = {key: pair for key, pair in due.items() if key.rpartition(" ")[0] == publication}
        try:
            _raise(session, mine)
        except DebrepoError as error:
            failure = failure or error
            continue
        raised += (
            RaisedPhase(publication, key.rpartition(" ")[2], Phase(*new.phase).after(new.steps))
            for key, (_, new) in sorted(mine.items())
        )
    if failure is not None:
        raise failure
    return raised


def _begin(session: Session) -> None:
    """Take note of schedules whose publish was killed before it did."""
    served: dict[str, dict[str, PackageList]] = {}
    with session.db.read() as txn:
        for batch in session.hook.debrepo_served_lists(txn=txn):
            for one in batch:
                served.setdefault(one.name, {})[one.component] = one
    for one in session.call("publish.list") if served else ():
        if one.live and one.options.get("phased"):
            where = (one.storage, one.prefix, one.distribution, one.live, served[str(one)])
            note(
                session,
                str(one),
                PublicationState(*where, (), "", "", "", "", one.options),
                offered=False,
            )


def _raise(session: Session, rows: Mapping[str, tuple[Rollout, Rollout]]) -> None:
    """Publish again what is offered to more machines, or leave all as it was."""
    _put(session, {key: new for key, (_, new) in rows.items()})
    (first, _), *_ = rows.values()
    try:
        session.call(
            "publish.update",
            distribution=first.distribution,
            place=first.place,
            same_packages=True,
        )
    except BaseException:
        _put(session, {key: old for key, (old, _) in rows.items()})
        raise
    _put(session, {key: new._replace(offered=new.steps) for key, (_, new) in rows.items()})


def _put(session: Session, rows: Mapping[str, Rollout]) -> None:
    with session.db.write() as txn:
        for key, row in rows.items():
            there = txn[ROLLOUTS].get(key)
            if there and there[:-2] == row[:-2]:  # nobody has begun another one meanwhile
                txn[ROLLOUTS][key] = row


def in_background(session: Session, load: Load) -> Callable[[], None]:  # noqa: ARG001  # all get it
    """Return what a server calls: it raises what is due."""

    def look() -> None:
        try:
            for one in raise_(session):
                _log.info("%s %s: %s %%", one.publication, one.package, one.percentage)
        except DebrepoError as error:
            _log.warning("a phased update is not raised: %s", error)

    return look

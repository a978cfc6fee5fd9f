"""The engine: plan, stage, sign, commit, retire.

No step holds a write transaction while it renders, compresses, signs or talks to a
storage. A generation is *pending* in the database before anything of it is written, so
that the next run can tell what a crash left behind, and finish or undo it (`recovery`).
Clients see nothing of it: what they fetch has its content in its name, and the file that
leads them there is replaced last.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, ExitStack, closing
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from debrepo import leases
from debrepo.errors import Conflict
from debrepo_publish import clock, commits, publications, recovery
from debrepo_publish import plan as planning
from debrepo_publish.model import Generation, Publication, commit_path
from debrepo_publish.tables import PUBLICATIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from debrepo.session import Session
    from debrepo.storage import Storage
    from debrepo_publish.plan import Plan


class Result(NamedTuple):
    """What came of a publish."""

    publication: Publication
    generation: int
    changed: bool
    packages: int  #: in all components
    files: int  #: pool files that were put in place
    indexes: int  #: index files that were written
    fingerprints: tuple[str, ...]  #: of the keys that signed; empty if unsigned or unchanged
    requests: Mapping[str, int]  #: to the storage's service, by kind, and bytes; none: no service
    url: str  #: where clients find it, if somebody said


def lease_name(place: str) -> str:
    """Return the name of the lease that whoever changes a place has to hold."""
    return f"publish {place}"


def hold(session: Session, place: str) -> AbstractContextManager[leases.Lease]:
    """Take the lease on a place, telling the user whom it waits for."""
    return leases.hold(
        session.root,
        lease_name(place),
        note=lambda lease: session.progress.note(f"Waiting for {lease}."),
    )


def publish(
    session: Session,
    place: str,
    distribution: str,
    edit: Callable[[Publication | None], Publication],
    *,
    why: str,
    force: bool = False,
) -> Result:
    """Publish what ``edit`` makes of the publication, if anything has changed.

    ``edit`` gets the publication as it is now, or ``None``, and is called under the lease
    on the place; what it raises leaves everything as it was. ``force`` publishes even
    where nothing has changed, and over an archive that debrepo did not write.
    """
    key = f"{place} {distribution}"
    with hold(session, place):
        with session.db.read() as txn:
            publication = edit(txn[PUBLICATIONS].get(key))
        with closing(session.storage(publication.storage)) as storage, ExitStack() as alone:
            dirty = recovery.recover(session, storage, key)
            with session.db.read() as txn:
                plan = planning.make(txn, session.hook, publication, why, _now())
            if plan.unchanged and not force and not dirty and not _expiring(plan.previous):
                _store(session, plan)
                recovery.retire(session, storage, publication)
                return _result(plan, storage, changed=False)
            keys = [] if publication.skip_signing else session.signer.resolve(publication.keys)
            from debrepo_publish import (  # all that compresses; not to find nothing changed
                eviction,
                staging,
            )

            recovery.start(session, plan)
            try:
                staging.put_files(session, storage, plan, anew=force)
                staged = staging.put_indexes(session, storage, plan, keys, anew=dirty or force)
                session.hook.debrepo_before_commit(
                    publication=str(publication), release=staged.release
                )
                alone.enter_context(storage.exclusive(publication.path(commit_path(publication))))
                commits.check_expected(storage, plan, staged, force=force)
            except BaseException as error:
                recovery.abandon(session, publication, plan.generation.number)
                if plan.previous is None:  # nobody has seen any of it
                    theirs = isinstance(error, Conflict)  # who publishes here may need the same
                    recovery.retire(
                        session, storage, publication, everything=True, forget_only=theirs
                    )
                raise
            changed = commits.commit(storage, plan, staged, dirty=dirty, force=force)
            alone.close()
            recovery.finish(session, publication, plan.generation.number)
            recovery.retire(session, storage, publication)
            eviction.evict(session)
    session.hook.debrepo_published(
        publication=str(publication), generation=plan.generation.number, paths=changed
    )
    return _result(plan, storage, changed=True, indexes=staged.written, keys=staged.fingerprints)


def _now() -> str:
    return clock.moment(clock.seconds()).isoformat()


def _expiring(live: Generation | None) -> bool:
    """Tell whether half of the time is gone for which clients accept what is live."""
    if live is None or not live.expires:
        return False
    made = datetime.fromisoformat(live.created).timestamp()
    return clock.seconds() > (made + live.expires) / 2


def _store(session: Session, plan: Plan) -> None:
    """Store what has changed of the document although the published bytes have not."""
    assert plan.previous is not None
    document = plan.publication._replace(live=plan.previous.number)
    with session.db.read() as txn:
        if publications.get(txn, document.key) == document:
            return
    with session.db.write() as txn:
        txn[PUBLICATIONS][document.key] = document


def _result(
    plan: Plan,
    storage: Storage,
    *,
    changed: bool,
    indexes: int = 0,
    keys: tuple[str, ...] = (),
) -> Result:
    number = plan.generation.number
    if not changed and plan.previous:
        number = plan.previous.number
    count = sum(sum(part.architectures.values()) for part in plan.generation.parts.values())
    return Result(
        plan.publication,
        number,
        changed,
        count,
        len(plan.missing) if changed else 0,
        indexes,
        keys,
        storage.statistics(),
        storage.url("" if plan.publication.prefix == "." else plan.publication.prefix),
    )


def drop(session: Session, place: str, distribution: str) -> None:
    """Take a publication down, and delete what only it needed, at once."""
    key = f"{place} {distribution}"
    with hold(session, place):
        with session.db.read() as txn:
            publication = publications.get(txn, key)
        with closing(session.storage(publication.storage)) as storage:
            recovery.recover(session, storage, key)
            _take_down(session, storage, publication)
    session.hook.debrepo_published(
        publication=str(publication), generation=0, paths=frozenset(_releases(publication))
    )


def _releases(publication: Publication) -> list[str]:
    names = ("InRelease", "Release", "Release.gpg")
    return [publication.path(f"dists/{publication.distribution}/{name}") for name in names]


def _take_down(session: Session, storage: Storage, publication: Publication) -> None:
    storage.delete(_releases(publication))
    recovery.end(session, publication)
    recovery.retire(session, storage, publication, everything=True)
    with session.db.write() as txn:
        del txn[PUBLICATIONS][publication.key]

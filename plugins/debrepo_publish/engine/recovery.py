"""Recovery: generations start, go live, are retired or undone, whatever crashes in between.

Each step is one short transaction, or several with a counter of what is done, so the next
process continues after a crash.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo import clock, packageset
from debrepo.catalog import CHUNKS
from debrepo_publish.engine import (
    announcing,
    commits,
    displaced,
    expecting,
    ledger,
    renewals,
    superseded,
)
from debrepo_publish.engine import plan as planning
from debrepo_publish.engine.layout import written_files
from debrepo_publish.indexes import release
from debrepo_publish.model import dated, history, publications
from debrepo_publish.model.publication import Generation, Publication, commit_path, generation_key
from debrepo_publish.model.tables import (
    CLIENT_FILES,
    COMMITS,
    DATES,
    PUBLICATIONS,
    RETIRED,
    SWITCHES,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from debrepo.database import Transaction
    from debrepo.package import SetId
    from debrepo.session import Session
    from debrepo.storage import Storage
    from debrepo_publish.engine.ledger import File
    from debrepo_publish.engine.plan import Plan
    from debrepo_publish.model.publication import Switch


def start(session: Session, plan: Plan) -> bool:
    """Record a pending generation; from then on no cleanup deletes its packages.

    Return ``False`` if some are deleted already.
    """
    key, sets = plan.publication.key, _sets(plan.generation)

    def change(txn: Transaction) -> bool:
        # What the live generation lists, no cleanup deletes.
        live = _sets(plan.previous) if plan.previous else []
        if not all(packageset.is_whole(txn[CHUNKS], set_id, live) for set_id in sets):
            return False
        publications.put_generation(txn, key, plan.generation)
        displaced.remember(txn, plan.publication.place, plan.displaced)
        return True

    return session.db.update(change)


def _sets(generation: Generation) -> list[SetId]:
    sets = [part.set_id for part in generation.parts.values()]
    return [*sets, generation.verbatim.tree] if generation.verbatim else sets


def recover(session: Session, storage: Storage, key: str) -> bool:
    """Finish or undo an interrupted generation.

    Return whether names below ``dists`` may belong to a generation that is not live.
    """
    for generation in _latest(session, key):
        if generation.state == "live":
            _finish_renewal(session, storage, key, generation)
        if generation.state != "pending":
            continue
        publication = generation.publication
        if generation.indexes and _is_out(session, storage, publication, generation):
            finish(session, publication, generation.number)
            with session.db.read() as txn:
                base = publications.base(txn, key, generation)
            changed = announcing.names(publication, generation)
            announcing.announce(session, publication, base, generation, changed)
        else:
            undo(session, storage, publication, generation.number)
    latest = _latest(session, key)
    live = next((g.number for g in latest if g.state == "live"), 0)
    for generation in latest:
        if generation.state == "past" and not generation.settled:
            _release_files(session, generation.publication, generation)
    return any(g.state == "void" and g.base == live for g in latest)


def _finish_renewal(session: Session, storage: Storage, key: str, live: Generation) -> None:
    if renewals.recover(session, storage, key, live):
        publication = live.publication
        paths = [commits.release_path(publication), *commits.signature_paths(publication)]
        announcing.announce(session, publication, live, live, map(publication.path, paths))


def _latest(session: Session, key: str) -> list[Generation]:
    """Return the generations that a crash may have interrupted.

    These are the live one, the one before it, and all later ones.
    """
    with session.db.read() as txn:
        live = publications.live(txn, key)
        return list(publications.generations(txn, key, since=live.base if live else 0))


def _is_out(
    session: Session, storage: Storage, publication: Publication, generation: Generation
) -> bool:
    """Return whether a generation is live, after replacing the names that a crash left.

    Once the first name is replaced, a generation is finished and not undone.
    """
    path, key = publication.path(commit_path(publication)), publication.key
    with session.db.read() as txn:
        commit = txn[COMMITS].get(generation_key(key, generation.number).encode())
        switch = txn[SWITCHES].get(generation_key(key, generation.number))
    if commit is not None and commits.current(storage, path) == commit:
        return True
    return switch is not None and commits.resume(storage, publication, generation.indexes, switch)


def switching(session: Session, plan: Plan, switch: Switch) -> None:
    """Record, before the first name is replaced, how to finish with the others."""
    key = generation_key(plan.publication.key, plan.generation.number)

    def change(txn: Transaction) -> None:
        txn[SWITCHES][key] = switch

    session.db.update(change)


def undo(session: Session, storage: Storage, publication: Publication, number: int) -> None:
    """Undo a generation that was never live; its files are deleted like superseded ones."""
    key, place, now = publication.key, publication.place, clock.now()
    with session.db.read() as txn:
        generation = publications.generation(txn, key, number)
        base = publications.base(txn, key, generation)
        files = planning.changed_files(txn, place, base, generation)
        uncounted = files[generation.claimed : generation.claimed + ledger.BATCH]
        unknown = [file for file in uncounted if ledger.get(txn, place, file.path) is None]
    strays = [file for file in unknown if _is_there(storage, publication, file)]
    if strays:  # put in place, but not counted
        with session.db.write() as txn:
            ledger.claim(txn, place, strays)
            _release(txn, publication, number, [file.path for file in strays], now)
    claimed = files[: generation.claimed]
    while claimed:
        batch, claimed = claimed[-ledger.BATCH :], claimed[: -ledger.BATCH]
        with session.db.write() as txn:
            now_left = publications.generation(txn, key, number)._replace(claimed=len(claimed))
            publications.put_generation(txn, key, now_left)
            _release(txn, publication, number, [file.path for file in batch], now)
    paths = [file.path for file in written_files(generation)]
    unwritten = [path for path in paths if storage.stat(publication.path(path)) is None]
    with session.db.write() as txn:
        _release(txn, publication, number, paths, now)
        ledger.remove(txn, place, ledger.unneeded(txn, place, unwritten, now))
        lost = (file.path for file in files if ledger.get(txn, place, file.path) is None)
        displaced.remove(txn, place, lost)
        void = publications.generation(txn, key, number)._replace(
            state="void", ended=now, indexes={}, claimed=0
        )
        publications.put_generation(txn, key, void)
        txn[SWITCHES].pop(generation_key(key, number), None)
        history.undo(txn, key, number)


def _is_there(storage: Storage, publication: Publication, file: File) -> bool:
    found = storage.stat(publication.path(file.path))
    return found is not None and found.size == file.size


def finish(
    session: Session,
    publication: Publication,
    number: int,
    made: Mapping[str, str] | None = None,
    hashed: Mapping[str, str] | None = None,
) -> None:
    """Record that a generation is live, and retire the previous one.

    ``made`` has the version of each file that was replaced; without it, none is known.
    ``hashed`` has those of the files that were put under by-hash names.
    """
    key, now = publication.key, clock.now()
    with session.db.read() as txn:
        generation = publications.generation(txn, key, number)
        before = publications.base(txn, key, generation)
        gone = _needed_no_more(txn, publication, generation, before) if before else []

    def change(txn: Transaction) -> None:
        generation = publications.generation(txn, key, number)
        before = publications.base(txn, key, generation)
        versions = {} if made is None else _versions(before, generation, made)
        live = generation._replace(state="live", versions=versions, committed=now)
        if hashed:
            ledger.note(txn, publication.place, hashed)
        publications.put_generation(txn, key, live)
        dated.record(txn, key, live)
        history.commit(txn, key, number, now, session.config["publish.history"])
        txn[SWITCHES].pop(generation_key(key, number), None)
        if key not in txn[PUBLICATIONS]:
            session.hook.debrepo_created(
                session=session, txn=txn, kind=announcing.KIND, name=str(publication)
            )
        # As recorded, not as planned: a package list may have been renamed meanwhile.
        txn[PUBLICATIONS][key] = generation.publication._replace(live=number)
        expecting.note(txn, key, live)
        commit = txn[COMMITS].get(generation_key(key, number).encode())
        txn[DATES][key.encode()] = b"%d" % release.dated(commit)
        if before:
            _retire(txn, publication, before, number, now, gone)

    session.db.update(change)
    if before and len(gone) > ledger.BATCH:
        with session.db.read() as txn:
            before = publications.generation(txn, key, before.number)
        _release_files(session, publication, before)


def _versions(
    before: Generation | None, generation: Generation, made: Mapping[str, str]
) -> dict[str, str]:
    """Return the versions of what a generation has under names that are replaced."""
    roots = generation.publication.roots
    names = {root + path for root in roots for path in generation.indexes} | made.keys()
    versions = {**(before.versions if before else {}), **made}
    return {path: v for path, v in versions.items() if v and path in names}


def retire(session: Session, publication: Publication) -> None:
    """Retire all generations of a publication that is being dropped."""
    with session.db.write() as txn:
        live = publications.live(txn, publication.key)
        if live:
            _retire(txn, publication, live, 0, clock.now(), None)
    with session.db.read() as txn:
        known = list(publications.generations(txn, publication.key))
    for generation in known:
        if generation.state == "past" and not generation.settled:
            _release_files(session, publication, generation)


def _retire(
    txn: Transaction,
    publication: Publication,
    generation: Generation,
    by: int,
    now: int,
    gone: Sequence[str] | None,
) -> None:
    """Retire a generation, and release the first of its files that are ``gone``, if known."""
    past = generation._replace(state="past", ended=now, ended_by=by)
    paths = [file.path for file in written_files(generation)]
    if gone is None:
        publications.put_generation(txn, publication.key, past)
        _release(txn, publication, generation.number, paths, now)
        return
    first = gone[: ledger.BATCH]
    ledger.expect(txn, publication.place, [*paths, *first])
    past = past._replace(released=len(first), settled=len(first) == len(gone))
    publications.put_generation(txn, publication.key, past)
    _release(txn, publication, generation.number, paths, now)
    _release(txn, publication, generation.number, first, now)


def _needed_no_more(
    txn: Transaction,
    publication: Publication,
    successor: Generation | None,
    generation: Generation,
) -> list[str]:
    """Return the pool files that only a generation needs, always in the same order."""
    gone = planning.changed_files(txn, publication.place, successor, generation)
    adopted = publications.adopted_paths(txn, publication.key, generation.number)
    return [*(file.path for file in gone), *adopted]


def _release_files(session: Session, publication: Publication, generation: Generation) -> None:
    """Release the pool files that only a retired generation needed, and continue after a crash."""
    key, number = publication.key, generation.number
    with session.db.read() as txn:
        successor = (
            publications.generation(txn, key, generation.ended_by) if generation.ended_by else None
        )
        files = _needed_no_more(txn, publication, successor, generation)
    for position in range(generation.released, len(files) or 1, ledger.BATCH):  # once at least
        batch = files[position : position + ledger.BATCH]
        with session.db.write() as txn:
            released = position + len(batch)
            done = publications.generation(txn, key, number)._replace(
                released=released, settled=released == len(files)
            )
            publications.put_generation(txn, key, done)
            _release(txn, publication, number, batch, generation.ended)


def drop(session: Session, publication: Publication) -> None:
    """Drop a publication whose files cannot be deleted."""
    retire(session, publication)
    with session.db.write() as txn:
        known = list(publications.generations(txn, publication.key))
        for generation in known:
            start = (generation_key(publication.key, generation.number) + "\0").encode()
            for name, row in list(txn[RETIRED].prefix(start)):
                gone = ledger.unneeded(txn, publication.place, row["paths"], generation.ended)
                ledger.remove(txn, publication.place, gone)
                displaced.remove(txn, publication.place, gone)
                del txn[RETIRED][name]
            publications.remove_generation(txn, publication.key, generation.number)
        remove(session, txn, publication)


def remove(session: Session, txn: Transaction, publication: Publication) -> None:
    """Remove a publication from the database, and what plugins store of it."""
    history.remove(txn, publication.key)
    expecting.note(txn, publication.key, None)
    txn[CLIENT_FILES].pop(publication.key, None)
    if txn[PUBLICATIONS].pop(publication.key, None):
        session.hook.debrepo_dropped(
            session=session, txn=txn, kind=announcing.KIND, name=str(publication)
        )


def _release(
    txn: Transaction, publication: Publication, number: int, paths: Sequence[str], now: int
) -> None:
    """Release files, and queue those without references for deletion."""
    free = ledger.release(txn, publication.place, paths, now)
    superseded.queue(txn, publication.key, number, free)

"""Reconciling: bring the ledger of a place into line with its files and generations."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from debrepo import clock
from debrepo_publish.engine import displaced, ledger, recovery
from debrepo_publish.engine import plan as planning
from debrepo_publish.engine.layout import written_files
from debrepo_publish.model import publications
from debrepo_publish.model.tables import CLIENT_FILES, GENERATIONS, PUBLICATIONS, RETIRED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from debrepo.database import Transaction
    from debrepo.session import Session
    from debrepo.storage import Storage
    from debrepo_publish.engine.ledger import File
    from debrepo_publish.model.publication import Publication


class Reconciled(NamedTuple):
    """Paths below the prefix, by what was done about them."""

    adopted: list[str]  #: needed, stored, and added to the ledger
    recounted: list[str]  #: counted with a wrong number of references
    dropped: list[str]  #: neither stored nor needed, and removed from the ledger
    deleted: list[str]  #: written by debrepo, and not needed
    foreign: list[str]  #: not written by debrepo, and left alone


NOTHING = Reconciled([], [], [], [], [])


def reconcile(
    session: Session, storage: Storage, publication: Publication, *, dry_run: bool
) -> Reconciled:
    """Bring the ledger of a place into line with what is stored there.

    Files without a row in the ledger are listed and left alone. The whole place is listed,
    and the files of every publication in it counted. The caller holds the lease on the place.
    """
    place = publication.place
    keys = _keys(session, place)
    if not dry_run:
        for key in keys:
            recovery.recover(session, storage, key)
    with session.db.read() as txn:
        needed, wanted = _needed(txn, place, keys)
        rows = dict(ledger.files(txn, place))
        waiting = _waiting(txn, keys)
        releases = _releases(txn, place)
    there = _stored(storage, publication, rows)
    found = Reconciled(
        adopted=sorted(path for path in needed if path in there and path not in rows),
        recounted=sorted(p for p, held in rows.items() if held.references != needed[p]),
        dropped=sorted(p for p in rows if p not in there and not needed[p]),
        deleted=sorted(p for p in rows if p in there and not needed[p] and p not in waiting),
        foreign=sorted(there - rows.keys() - needed.keys() - releases),
    )
    if not dry_run:
        _settle(session, storage, publication, found, needed, wanted)
    return found


def _keys(session: Session, place: str) -> list[str]:
    """Return the keys of all publications at a place, dropped ones with files included."""
    with session.db.read() as txn:
        start = f"{place} ".encode()
        known = {key.partition("\0")[0] for key in txn[GENERATIONS].prefix_keys(start)}
        known |= set(txn[PUBLICATIONS].prefix_keys(start))
    return sorted(known)


def _stored(storage: Storage, publication: Publication, rows: Iterable[str]) -> set[str]:
    """Return the stored files by path below the prefix: those in ``dists``, ``pool``, and ours."""
    start = len(publication.path(""))
    names = sorted({"dists", "pool", *(path.partition("/")[0] for path in rows if "/" in path)})
    listed = (storage.list(publication.path(name)) for name in names)
    return {path[start:] for paths in listed for path in paths}


def _needed(txn: Transaction, place: str, keys: list[str]) -> tuple[Counter[str], dict[str, File]]:
    """Count how often live generations refer to each file."""
    needed: Counter[str] = Counter()
    wanted: dict[str, File] = {}
    for key in keys:
        for generation in publications.generations(txn, key):
            if generation.state == "live":
                files = planning.changed_files(txn, place, None, generation)
                files += written_files(generation)
                needed.update(file.path for file in files)
                needed.update(publications.adopted_paths(txn, key, generation.number))
                wanted.update((file.path, file) for file in files)
    return needed, wanted


def _waiting(txn: Transaction, keys: list[str]) -> set[str]:
    """Return the superseded files whose grace time is not over.

    Those of dropped publications have none.
    """
    found: set[str] = set()
    for key in keys:
        if key in txn[PUBLICATIONS]:
            for _, row in txn[RETIRED].prefix(f"{key}\0".encode()):
                found.update(row["paths"])
    return found


def _releases(txn: Transaction, place: str) -> set[str]:
    """Return the files that have no row because they are replaced each time."""
    found = set()
    for _, publication in txn[PUBLICATIONS].prefix(f"{place} ".encode()):
        root = f"dists/{publication.distribution}/"
        found |= {root + name for name in ("InRelease", "Release", "Release.gpg")}
        found |= {root + name for name in txn[CLIENT_FILES].get(publication.key, {})}
    return found


def _settle(
    session: Session,
    storage: Storage,
    publication: Publication,
    found: Reconciled,
    needed: Counter[str],
    wanted: dict[str, File],
) -> None:
    place, now = publication.place, clock.now()
    storage.delete([publication.path(path) for path in found.deleted])
    storage.flush()
    changed = [*found.adopted, *found.recounted]
    for start in range(0, len(changed), ledger.BATCH):
        with session.db.write() as txn:
            for path in changed[start : start + ledger.BATCH]:
                ledger.set_count(txn, place, path, needed[path], wanted.get(path), now)
    gone = [*found.dropped, *found.deleted]
    for start in range(0, len(gone), ledger.BATCH):
        with session.db.write() as txn:
            ledger.remove(txn, place, gone[start : start + ledger.BATCH])
            displaced.remove(txn, place, gone[start : start + ledger.BATCH])
    for key in _keys(session, place):
        with session.db.write() as txn:
            dropped = key not in txn[PUBLICATIONS]
            if dropped and not publications.adopted(txn, key):  # and its files stayed
                for name in list(txn[RETIRED].prefix_keys(f"{key}\0".encode())):
                    del txn[RETIRED][name]
                for generation in list(publications.generations(txn, key)):
                    publications.remove_generation(txn, key, generation.number)

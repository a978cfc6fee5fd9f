"""Superseded: delete what is of generations that are over, when no client needs it any more.

Package files and the generation itself stay for the ``grace`` of the publication. Its indexes, of
which each publish leaves some, need not stay so long: they are for clients that have begun to
read, and for proxies in between. So they have an ``index_grace``.
"""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING

from debrepo import clock
from debrepo.published import Superseded
from debrepo.storage import somebody_elses
from debrepo_publish.engine import commits, dating, displaced, ledger
from debrepo_publish.model import dated, publications
from debrepo_publish.model.publication import Generation, Publication, commit_path, generation_key
from debrepo_publish.model.tables import COMMITS, GENERATIONS, PUBLICATIONS, RETIRED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from debrepo.database import Transaction
    from debrepo.session import Session
    from debrepo.storage import Storage

#: Seconds for which indexes stay, however many publishes follow: a client reads all it needs.
AT_LEAST = 300
#: Generations without indexes are remembered in steps of a hundredth of the grace.
STEPS = 100


def queue(txn: Transaction, key: str, number: int, paths: Sequence[str]) -> None:
    """Queue files without references for deletion, with a generation."""
    if paths:
        start = generation_key(key, number) + "\0"
        last = next(txn[RETIRED].range_keys(start, f"{start}\x7f", reverse=True), f"{start}-1")
        txn[RETIRED][f"{start}{int(last.removeprefix(start)) + 1:06}"] = {"paths": list(paths)}


def clean_up(
    session: Session,
    storage: Storage,
    publication: Publication,
    *,
    everything: bool = False,
    keep_files: bool = False,
    look: bool = False,
) -> list[str]:
    """Delete superseded files whose grace time is over, and return their paths in the storage.

    The files of the last few generations stay in any case.
    With ``keep_files`` nothing is deleted, but the files become foreign. ``look`` checks
    first that no other publisher has published here since.
    """
    bare: list[Generation] = []
    with session.db.read() as txn:
        known = publications.generations(txn, publication.key)
        if everything:
            due = list(known)
        else:
            most = session.config["publish.index_generations"]
            due, bare = _due(txn, publication, known, most)
    if look and (due or bare):
        check_live(session, storage, publication)
    deleted = [
        path
        for generation in due
        if generation.state in ("past", "void")
        for path in _delete(session, storage, publication, generation, keep_files=keep_files)
    ]
    for generation in bare:
        deleted += _delete_indexes(session, storage, publication, generation)
        _thin_out(session, publication, generation)
    return deleted


def clean_up_dropped(
    session: Session, storage: Storage, place: str, *, only: str = ""
) -> list[str]:
    """Delete what publications of a place left that were dropped without a cleanup.

    ``only`` is the key of one of them.
    """
    with session.db.read() as txn:
        start = f"{place} ".encode()
        keys = {key.partition("\0")[0] for key in txn[GENERATIONS].prefix_keys(start)}
        dropped = sorted(key for key in keys if key not in txn[PUBLICATIONS] and only in ("", key))
        last = [next(iter(publications.generations(txn, key))).publication for key in dropped]
    return [
        path
        for publication in last
        for path in clean_up(session, storage, publication, everything=True)
    ]


def is_over(txn: Transaction, key: str, most: int) -> bool:
    """Return whether something of a publication is to be deleted by now; ``most`` as in `_due`.

    Of one that was dropped without a cleanup it is when the grace of its last generation is over.
    """
    publication = txn[PUBLICATIONS].get(key)
    if publication is not None:
        due, bare = _due(txn, publication, publications.generations(txn, key), most)
        return bool(due or bare)
    start, stop = generation_key(key, 0), f"{key}\1"
    last = next((one for _, one in txn[GENERATIONS].range(start, stop, reverse=True)), None)
    return (
        last is not None
        and last.state in ("past", "void")
        and last.ended + last.publication.grace <= clock.now()
    )


def waiting(txn: Transaction) -> list[Superseded]:
    """Return what each publication keeps of generations that are over."""
    found: dict[str, Superseded] = {}
    for generation in txn[GENERATIONS].values():
        if generation.state in ("past", "void"):
            publication = generation.publication
            known = found.get(publication.key, Superseded(str(publication), 0, 0, 0, 0, 0))
            found[publication.key] = _added(txn, known, publication, generation)
    for key in found.keys() & set(txn[PUBLICATIONS]):
        due, _ = _due(txn, txn[PUBLICATIONS][key], publications.generations(txn, key), 0)
        found[key] = found[key]._replace(expired=len(due))
    return [found[key] for key in sorted(found)]


def _added(
    txn: Transaction, known: Superseded, publication: Publication, generation: Generation
) -> Superseded:
    """Add what waits with one generation."""
    start = _start(publication.key, generation.number)
    paths = [path for _, row in txn[RETIRED].prefix(start) for path in row["paths"]]
    held = ledger.reader(txn, publication.place)
    rows = [(path, row.size) for path in paths if (row := held(path)) and not row.references]
    indexes = [size for path, size in rows if path.startswith("dists/")]
    packages = [size for path, size in rows if not path.startswith("dists/")]
    return known._replace(
        generations=known.generations + 1,
        indexes=known.indexes + len(indexes),
        index_bytes=known.index_bytes + sum(indexes),
        packages=known.packages + len(packages),
        package_bytes=known.package_bytes + sum(packages),
    )


def check_live(session: Session, storage: Storage, publication: Publication, *way_out: str) -> None:
    """Raise `Conflict` if another publisher has replaced what is live."""
    path = publication.path(commit_path(publication))
    with session.db.read() as txn:
        live = publications.live(txn, publication.key)
        commit = (
            txn[COMMITS].get(generation_key(publication.key, live.number).encode())
            if live
            else None
        )
    if commit is not None and commits.current(storage, path) not in (commit, None):
        raise somebody_elses(path, *way_out)


def _due(
    txn: Transaction, publication: Publication, known: Iterator[Generation], most: int
) -> tuple[list[Generation], list[Generation]]:
    """Return the generations that may go, and those of which the indexes may.

    ``known`` are all, oldest first; no more are read than those and the one after them.
    """
    now, live = clock.now(), publications.live(txn, publication.key)
    number = live.number if live else 0
    is_over = _is_over(publication, number, most, now)
    is_dated = dated.keeps(txn, publication, now)

    def may_go(generation: Generation) -> bool:
        if generation.state not in ("past", "void") or generation.base == number:  # see `recover`
            return False
        kept = generation.number >= number - publication.keep_generations
        return not kept and not is_dated(generation)

    due: list[Generation] = []
    bare: list[Generation] = []
    for generation in takewhile(may_go, known):
        if generation.ended + publication.grace <= now and not bare:
            due.append(generation)
        elif not generation.bare and not is_over(generation):
            break
        elif not generation.bare:
            bare.append(generation)
    return due, bare


def _is_over(
    publication: Publication, live: int, most: int, now: int
) -> Callable[[Generation], bool]:
    """Return a function that tells whether the grace of a generation's indexes is over.

    Where many generations follow one another, fewer keep theirs. Dated archives are for longer.
    """

    def is_over(generation: Generation) -> bool:
        many = bool(most) and generation.number < live - most
        grace = min(AT_LEAST, publication.index_grace) if many else publication.index_grace
        return not generation.dated and generation.ended + grace <= now

    return is_over


def _delete(
    session: Session,
    storage: Storage,
    publication: Publication,
    generation: Generation,
    *,
    keep_files: bool,
) -> list[str]:
    deleted: list[str] = []
    dating.withdraw(session, storage, generation)
    for name, paths in _queued(session, publication, generation):
        deleted += _delete_batch(
            session, storage, publication, generation, (name, paths, []), keep_files=keep_files
        )
    with session.db.write() as txn:
        publications.remove_generation(txn, publication.key, generation.number)
    return deleted


def _delete_indexes(
    session: Session, storage: Storage, publication: Publication, generation: Generation
) -> list[str]:
    """Delete the indexes of a generation, but not those below an alias that was taken back.

    Clients of that find them for as long as its Release file stays.
    """
    deleted: list[str] = []
    for name, paths in _queued(session, publication, generation):
        indexes = [path for path in paths if path.startswith(publication.roots)]
        if indexes:
            gone = set(indexes)
            left = [path for path in paths if path not in gone]
            batch = name, indexes, left
            deleted += _delete_batch(session, storage, publication, generation, batch)
    with session.db.write() as txn:
        found = publications.generation(txn, publication.key, generation.number)
        changed = found._replace(bare=True, indexes={}, versions={})
        publications.put_generation(txn, publication.key, changed)
    return deleted


def _queued(
    session: Session, publication: Publication, generation: Generation
) -> list[tuple[str, list[str]]]:
    start = _start(publication.key, generation.number)
    with session.db.read() as txn:
        return [(name, row["paths"]) for name, row in txn[RETIRED].prefix(start)]


def _delete_batch(
    session: Session,
    storage: Storage,
    publication: Publication,
    generation: Generation,
    batch: tuple[str, list[str], list[str]],
    *,
    keep_files: bool = False,
) -> list[str]:
    """Delete some of the files that wait in a batch: its name, those, and what waits further."""
    name, paths, left = batch
    place = publication.place
    with session.db.read() as txn:
        gone = ledger.unneeded(txn, place, paths, generation.ended)
        taken = publications.starts_among(txn, place, gone)  # an alias is a distribution now
    paths_there = [publication.path(path) for path in gone if path not in taken]
    if not keep_files:
        storage.delete(paths_there)
    with session.db.write() as txn:
        ledger.remove(txn, place, gone)
        displaced.remove(txn, place, gone)
        if left:
            txn[RETIRED][name] = {"paths": left}
        else:
            del txn[RETIRED][name]
    return paths_there


def _thin_out(session: Session, publication: Publication, generation: Generation) -> None:
    """Remove the one before a generation without indexes if one was kept that ended shortly before.

    So their number does not grow with that of the publishes. Its package files wait on, with
    this generation, for no less time.
    """
    key, number = publication.key, generation.number
    with session.db.read() as txn:
        waits = next(txn[RETIRED].prefix_keys(_start(key, number)), None) is not None
        before, earlier = _before(txn, key, number)
    if generation.state == "void":
        if not waits:
            with session.db.write() as txn:
                publications.remove_generation(txn, key, number)
        return
    if not (before and earlier and before.bare and not before.adopted):
        return
    if before.ended - earlier.ended >= publication.grace / STEPS:
        return
    with session.db.write() as txn:
        for name, row in list(txn[RETIRED].prefix(_start(key, before.number))):
            queue(txn, key, number, row["paths"])
            del txn[RETIRED][name]
        publications.remove_generation(txn, key, before.number)


def _before(txn: Transaction, key: str, number: int) -> tuple[Generation | None, Generation | None]:
    """Return the two generations before one that clients have seen, the nearer first."""
    start, stop = generation_key(key, 0), generation_key(key, number)
    seen = (found for _, found in txn[GENERATIONS].range(start, stop, reverse=True))
    past = (found for found in seen if found.state == "past")
    return next(past, None), next(past, None)


def _start(key: str, number: int) -> bytes:
    """Return what the keys start with of the files that wait with a generation."""
    return (generation_key(key, number) + "\0").encode()

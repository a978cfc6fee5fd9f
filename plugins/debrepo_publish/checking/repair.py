"""Repair: replace what is wrong with a published tree, from the pool and the database."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from debrepo import remote_files
from debrepo.errors import NotFound, RemoteError
from debrepo.storage import PoolLink, somebody_elses
from debrepo_publish.checking import dated_archives
from debrepo_publish.checking.comparing import REPLACED, verify_stored
from debrepo_publish.checking.giving_up import put_back_or_give_up
from debrepo_publish.checking.problems import Fault
from debrepo_publish.checking.reconciling import NOTHING, Reconciled, reconcile
from debrepo_publish.checking.trees import StoredTree
from debrepo_publish.engine import commits, ledger, places, publishing, recovery
from debrepo_publish.engine import plan as planning
from debrepo_publish.engine.announcing import announce
from debrepo_publish.engine.layout import written_files
from debrepo_publish.model import publications
from debrepo_publish.model.publication import Publication, commit_path
from debrepo_publish.model.tables import COMMITS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from debrepo.session import Session
    from debrepo.storage import Storage
    from debrepo_publish.checking.problems import Problem
    from debrepo_publish.engine.ledger import File


#: What publishing again does not repair.
_APART = (Fault.PACKAGE, Fault.DATED, Fault.SUPERSEDED, Fault.KEY_EXPIRES)


class Repaired(NamedTuple):
    """What was wrong, and what became of it."""

    publication: str
    repaired: list[str]
    left: list[str]  #: what debrepo cannot repair
    generation: int  #: that was published again; 0: it did not have to be
    reconciled: Reconciled
    requests: Mapping[str, int]  #: as those of `publishing.Result`


def repair(
    session: Session,
    wanted: Publication,
    *,
    files: bool,
    reconciling: bool,
    dry_run: bool,
    force: bool,
) -> Repaired:
    """Repair what `verify` finds, from the pool and the database.

    ``force`` replaces the file that commits the publication even if debrepo did not write it.
    """
    made: publishing.Made | None = None
    with places.opened(session, wanted.place, writes=not dry_run) as storage:
        with session.db.read() as txn:
            publication = publications.get(txn, wanted.key)
        _begin(session, storage, publication, dry_run=dry_run, force=force)
        files_back, left = _repair_files(
            session, storage, publication, files=files, dry_run=dry_run
        )
        repaired = [f"{path}: {fault}" for path, fault in files_back.items()]
        found = verify_stored(session, storage, publication, past=files, alone=True).problems
        again = [problem for problem in found if problem.kind not in _APART]
        miscounted = _miscounted(session, publication, again)
        again = [problem for problem in again if problem not in miscounted]
        left += [f"{problem}; --reconcile counts what needs it" for problem in miscounted]
        past = [problem for problem in found if problem.kind is Fault.DATED]
        left += [str(problem) for problem in found if problem.kind is Fault.KEY_EXPIRES]
        back, gone = put_back_or_give_up(session, storage, publication, found, dry_run=dry_run)
        repaired += back
        left += gone
        if again and not dry_run:
            made = _publish_again(session, storage, publication)
        repaired += [str(problem) for problem in again]
        if past and not dry_run:
            paths = [problem.path for problem in past]
            left += dated_archives.rebuild(session, storage, publication, paths)
        repaired += [str(problem) for problem in past]
        reconciled = NOTHING
        if reconciling:
            reconciled = reconcile(session, storage, publication, dry_run=dry_run)
        requests = storage.statistics()
    if not dry_run:
        _announce(session, publication, made, files_back)
    number = made.result.generation if made else 0
    return Repaired(str(publication), repaired, left, number, reconciled, requests)


def _miscounted(
    session: Session, publication: Publication, problems: Iterable[Problem]
) -> list[Problem]:
    """Return the lost files that the ledger counts as needed, and that no publish makes again."""
    key, place = publication.key, publication.place
    with session.db.read() as txn:
        live = publications.live(txn, key)
        needed = {file.path for file in written_files(live)} if live else set()
        needed.update(publications.adopted_paths(txn, key, live.number) if live else ())
        return [
            problem
            for problem in problems
            if problem.kind is Fault.INDEX
            and problem.path not in needed
            and ledger.get(txn, place, problem.path) is not None
        ]


def _announce(
    session: Session,
    publication: Publication,
    made: publishing.Made | None,
    files_back: Iterable[str],
) -> None:
    """Tell plugins which paths clients can read again."""
    with session.db.read() as txn:
        live = publications.live(txn, publication.key)
    before, after = (made.before, made.after) if made else (live, live)
    paths = [publication.path(path) for path in files_back]
    paths += made.paths if made else ()
    announce(session, publication, before, after, paths)


def _begin(
    session: Session, storage: Storage, publication: Publication, *, dry_run: bool, force: bool
) -> None:
    """Finish an interrupted generation, unless another publisher has published since."""
    path = publication.path(commit_path(publication))
    there = commits.current(storage, path)
    with session.db.read() as txn:
        ours = {commit for _, commit in txn[COMMITS].prefix(f"{publication.key}\0".encode())}
    if there is not None and there not in ours and not force:
        raise somebody_elses(path)
    if not dry_run:
        recovery.recover(session, storage, publication.key)


def _repair_files(
    session: Session, storage: Storage, publication: Publication, *, files: bool, dry_run: bool
) -> tuple[dict[str, str], list[str]]:
    """Replace package files that are missing or damaged, if the pool has them.

    Return what was wrong with each of those, by path, and what the pool cannot help with.
    """
    repaired: dict[str, str] = {}
    left = []
    with session.db.read() as txn:
        live = publications.live(txn, publication.key)
        wanted = planning.changed_files(txn, publication.place, None, live)
        held = ledger.reader(txn, publication.place)
        rows = ((file.path, held(file.path)) for file in wanted)
        versions = {path: row.version for path, row in rows if row and row.version}
    stored = StoredTree(storage, publication)
    unique = {file.path: file for file in wanted}
    faults = dict(_faults(stored, unique, versions))
    if files:
        checked = (path for path in unique if path not in faults)
        for path, sha256, _ in stored.checksums(checked):
            if sha256 != unique[path].sha256:
                faults[path] = "is damaged"
    _fetch(session, [unique[path] for path in faults])
    for path, fault in faults.items():
        file = unique[path]
        if problem := session.pool.check(file.sha256):
            left.append(f"{file.path}: {fault}, and the pool cannot help: {problem}")
            continue
        if not dry_run:
            _put_back(session, storage, publication, file)
        repaired[file.path] = fault
    if repaired and not dry_run:
        storage.flush()
    return repaired, left


def _fetch(session: Session, files: Iterable[File]) -> None:
    """Bring files into the pool that are elsewhere; what does not come is missing in the pool."""
    try:
        remote_files.fetch(session, [(file.sha256, file.size) for file in files])
    except RemoteError as error:
        session.progress.note(f"Warning: {error}")


def _faults(
    stored: StoredTree, files: Mapping[str, File], versions: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """Yield the files that are not as they should be, and why, without reading them."""
    for path, size in stored.sizes(files):
        version = stored.versions.get(path, "")
        if size is None:
            yield path, "is missing"
        elif size != files[path].size:
            yield path, f"has {size} bytes, and not {files[path].size}"
        elif version != versions.get(path, version):
            yield path, REPLACED


def _put_back(session: Session, storage: Storage, publication: Publication, file: File) -> None:
    path = publication.path(file.path)
    storage.delete([path])  # `link` does not replace a file of the right size
    link = PoolLink(path, session.pool.path(file.sha256), file.size, file.sha256)
    version = storage.link(link) or ""
    with session.db.write() as txn:
        ledger.note(txn, publication.place, {file.path: version})


def _publish_again(session: Session, storage: Storage, publication: Publication) -> publishing.Made:
    """Publish the live generation again, and not what its package lists hold by now."""

    def same(now: Publication | None) -> Publication:
        if now is None:
            raise NotFound(f"{publication} is not published any more")
        return now

    with session.db.read() as txn:  # recovery may have changed it
        live = publications.get(txn, publication.key).live
    wish = publishing.Wish(publication.distribution, same, "publish repair", force=True, again=live)
    return publishing.publish_held(session, storage, publication.place, wish)

"""Upkeep: what is served is compared with what should be, and mended from pool and database."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from debrepo.errors import NotFound
from debrepo.storage import PoolLink, somebody_elses
from debrepo_publish.checking import signatures
from debrepo_publish.checking.reconciling import NOTHING, Reconciled, reconcile
from debrepo_publish.checking.trees import ServedTree, StoredTree, Tree
from debrepo_publish.checking.verification import Fault, Problem, Verifier
from debrepo_publish.engine import commits, ledger, recovery
from debrepo_publish.engine import plan as planning
from debrepo_publish.engine import publishing as engine
from debrepo_publish.indexes import release
from debrepo_publish.model import clock, publications
from debrepo_publish.model.publication import Publication, commit_path, generation_key
from debrepo_publish.model.tables import COMMITS, PUBLICATIONS, SWITCHES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from debrepo.session import Session
    from debrepo.storage import Storage
    from debrepo_publish.engine.ledger import File


_ATTEMPTS = 3  # at a tree that is published anew while it is looked at

#: What publishing again does not put right.
_BEYOND_REPAIR = (Fault.SUPERSEDED, Fault.KEY_EXPIRES)

_REPLACED = "is not what debrepo put there, although as long"


class Verified(NamedTuple):
    """What was looked at, and what is wrong with it."""

    publication: str
    problems: list[Problem]
    indexes: int
    files: int
    requests: Mapping[str, int]  #: as those of `engine.Result`


class Repaired(NamedTuple):
    """What was wrong, what became of it, and what nobody here can mend."""

    publication: str
    mended: list[str]
    left: list[str]
    generation: int  #: that was published again; 0: it did not have to be
    reconciled: Reconciled
    requests: Mapping[str, int]  #: as those of `engine.Result`


def verify(
    session: Session, wanted: Publication, *, url: str, keyring: bytes, files: bool
) -> Verified:
    """Verify a publication where it is stored, or at the URL of its archive root."""
    with session.db.read() as txn:
        known = txn[PUBLICATIONS].get(wanted.key)
    if known is None and not url:
        raise NotFound(f"{wanted} is not published", hint='run "debrepo publish list"')
    publication = known or wanted
    signed = not publication.skip_signing
    expiring: list[str] = []
    if signed and not keyring:
        keys = session.signer.resolve(publication.keys)
        expiring = signatures.expiring(keys, clock.seconds())
        keyring = session.signer.export(keys)
    trusted = signatures.dearmored(keyring)
    with closing(session.storage(publication.storage)) as storage:
        stored = StoredTree(storage, publication)
        tree: Tree = ServedTree(url) if url else stored
        verifier = _verified(tree, publication, trusted, signed=signed, files=files)
        problems = [Problem(commit_path(publication), text, Fault.KEY_EXPIRES) for text in expiring]
        problems += verifier.problems
        if known:
            problems += _against_database(session, known, tree)
        if known and not url:
            problems += _against_ledger(session, known, stored, set(verifier.files))
        return Verified(
            str(publication),
            list(dict.fromkeys(problems)),
            verifier.indexes,
            len(verifier.files),
            storage.statistics(),
        )


def _verified(
    tree: Tree, publication: Publication, keyring: bytes, *, signed: bool, files: bool
) -> Verifier:
    """Return what there is to say of a tree, of one generation and not of two."""
    path = commit_path(publication)
    for _ in range(_ATTEMPTS):
        before = tree.read(path)
        verifier = Verifier(tree, publication.distribution, clock.seconds())
        verifier.run(keyring, signed=signed, files=files)
        if not verifier.problems or tree.read(path) == before:
            break  # else somebody has published in the meantime
    return verifier


def _against_database(session: Session, publication: Publication, tree: Tree) -> Iterator[Problem]:
    path, key = commit_path(publication), publication.key
    with session.db.read() as txn:
        live = publications.live(txn, key)
        numbers = (publication.live, live.base if live else 0)
        commit, before = (txn[COMMITS].get(generation_key(key, n).encode()) for n in numbers)
        pending = [
            (generation.number, generation_key(key, generation.number) in txn[SWITCHES])
            for generation in publications.generations(txn, key)
            if generation.state == "pending"
        ]
    if commit is not None and tree.read(path) not in (commit, None):
        text = f"is not what was committed as generation {publication.live}"
        yield Problem(path, text, Fault.FOREIGN)
    if commit is not None and release.dated(commit) < release.dated(before):
        text = "is dated before the generation that it replaced: clients ignore it"
        yield Problem(path, text, Fault.DATE)
    if pending and engine.is_held(session, publication.place):
        return  # somebody is publishing at this moment
    for number, switching in pending:
        text = f"generation {number} was left half done"
        if switching:
            text += ", while names were being replaced: older clients may see a mixture"
        yield Problem(path, text, Fault.INTERRUPTED)


def _against_ledger(
    session: Session, publication: Publication, tree: StoredTree, seen: set[str]
) -> Iterator[Problem]:
    """Yield what should be in the storage, and is in no index, or not what was put there."""
    ours = (f"dists/{publication.distribution}/", "pool/")
    with session.db.read() as txn:
        rows = {
            path: held
            for path, held in ledger.files(txn, publication.place)
            if path.startswith(ours)
        }
    for path, size in tree.sizes(rows.keys() - seen):
        held = rows[path]
        if size is None and held.references:
            yield Problem(path, "was published, but is missing", _kind(path))
        elif size is None:
            yield Problem(path, "is superseded, and missing before its time", Fault.SUPERSEDED)
        elif held.sha256 and size != held.size:
            yield Problem(path, f"has {size} bytes, and not {held.size}", _kind(path))
    for path, version in tree.versions.items():
        row = rows.get(path)  # what is replaced again and again has no digest there
        if row and row.sha256 and row.version not in ("", version):
            yield Problem(path, _REPLACED, _kind(path))


def _kind(path: str) -> Fault:
    return Fault.PACKAGE if path.startswith("pool/") else Fault.INDEX


def repair(
    session: Session,
    wanted: Publication,
    *,
    files: bool,
    reconciling: bool,
    dry_run: bool,
    force: bool,
) -> Repaired:
    """Mend what `verify` finds, from the pool and the database.

    What commits the publication and is not debrepo's may be the work of another publisher:
    that takes ``force``.
    """
    with session.db.read() as txn:
        publication = publications.get(txn, wanted.key)
    requests: Counter[str] = Counter()
    with closing(session.storage(publication.storage)) as storage:
        _begin(session, storage, publication, dry_run=dry_run, force=force)
        mended, left = _mend_files(session, storage, publication, files=files, dry_run=dry_run)
        found = verify(session, publication, url="", keyring=b"", files=False)
        requests.update(found.requests)
        again = [p for p in found.problems if p.kind not in (Fault.PACKAGE, *_BEYOND_REPAIR)]
        left += [str(problem) for problem in found.problems if problem.kind in _BEYOND_REPAIR]
        number = 0
        if again and not dry_run:
            result = _publish_again(session, publication)
            number = result.generation
            requests.update(result.requests)
        mended += [str(problem) for problem in again]
        reconciled = NOTHING
        if reconciling:
            reconciled = reconcile(session, storage, publication, dry_run=dry_run)
        requests.update(storage.statistics())
    return Repaired(str(publication), mended, left, number, reconciled, requests)


def _begin(
    session: Session, storage: Storage, publication: Publication, *, dry_run: bool, force: bool
) -> None:
    """Finish what a crash left half done, where nobody else has published since."""
    path = publication.path(commit_path(publication))
    with engine.hold(session, publication.place):
        there = commits.current(storage, path)
        with session.db.read() as txn:
            ours = {commit for _, commit in txn[COMMITS].prefix(f"{publication.key}\0".encode())}
        if there is not None and there not in ours and not force:
            raise somebody_elses(path)
        if not dry_run:
            recovery.recover(session, storage, publication.key)


def _mend_files(
    session: Session, storage: Storage, publication: Publication, *, files: bool, dry_run: bool
) -> tuple[list[str], list[str]]:
    """Put package files back that are missing or damaged, if the pool has them whole."""
    mended, left = [], []
    with engine.hold(session, publication.place):
        with session.db.read() as txn:
            live = publications.live(txn, publication.key)
            wanted = planning.changed_files(txn, publication.place, None, live)
            held = ledger.reader(txn, publication.place)
            rows = ((file.path, held(file.path)) for file in wanted)
            versions = {path: row.version for path, row in rows if row and row.version}
        stored = StoredTree(storage, publication)
        unique = {file.path: file for file in wanted}
        for path, size in stored.sizes(unique):
            file = unique[path]
            version = stored.versions.get(path, "")
            known = version == versions.get(path, version)
            fault = _fault(storage, publication, file, size, known=known, whole=files)
            if not fault:
                continue
            if problem := session.pool.check(file.sha256):
                left.append(f"{file.path}: {fault}, and the pool cannot help: {problem}")
                continue
            if not dry_run:
                _put_back(session, storage, publication, file)
            mended.append(f"{file.path}: {fault}")
        if mended and not dry_run:
            storage.flush()
    return mended, left


def _fault(
    storage: Storage,
    publication: Publication,
    file: File,
    size: int | None,
    *,
    known: bool,
    whole: bool,
) -> str:
    if size is None:
        return "is missing"
    if size != file.size:
        return f"has {size} bytes, and not {file.size}"
    if not known:
        return _REPLACED
    if whole and storage.sha256(publication.path(file.path)) != file.sha256:
        return "is damaged"
    return ""


def _put_back(session: Session, storage: Storage, publication: Publication, file: File) -> None:
    path = publication.path(file.path)
    storage.delete([path])  # what is damaged would be taken for what was served
    link = PoolLink(path, session.pool.path(file.sha256), file.size, file.sha256)
    version = storage.link(link) or ""
    with session.db.write() as txn:
        ledger.note(txn, publication.place, {file.path: version})


def _publish_again(session: Session, publication: Publication) -> engine.Result:
    """Publish the live generation anew; what its lists hold by now has to wait."""

    def same(now: Publication | None) -> Publication:
        if now is None:
            raise NotFound(f"{publication} is not published any more")
        return now

    return engine.publish(
        session,
        publication.place,
        publication.distribution,
        same,
        why="publish repair",
        force=True,
        again=publication.live,
    )

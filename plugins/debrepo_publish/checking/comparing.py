"""Comparing: a published tree against what clients accept, the database and the ledger."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from debrepo import clock, verbatim
from debrepo.catalog import CHUNKS
from debrepo.errors import SigningFailed
from debrepo.signing import dearmored
from debrepo_publish.checking import dated_archives, signatures
from debrepo_publish.checking.problems import Fault, Problem
from debrepo_publish.checking.trees import ServedTree, StoredTree, Tree
from debrepo_publish.checking.verification import Verifier, Wanted
from debrepo_publish.engine import client_files, ledger, places, signers
from debrepo_publish.engine.layout import index_files
from debrepo_publish.indexes import release
from debrepo_publish.model import publications
from debrepo_publish.model.publication import Publication, commit_path, generation_key
from debrepo_publish.model.tables import COMMITS, PUBLICATIONS, SWITCHES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from debrepo.session import Session
    from debrepo.storage import Storage

_ATTEMPTS = 3  # at a tree that is published anew while it is read

REPLACED = "is not what debrepo put there, although the size is the same"


class Verified(NamedTuple):
    """What was checked, and what is wrong with it."""

    publication: str
    problems: list[Problem]
    indexes: int
    files: int
    requests: Mapping[str, int]  #: as those of `publishing.Result`


def verify(
    session: Session, wanted: Publication, *, url: str, keyring: bytes, files: bool
) -> Verified:
    """Verify a publication where it is stored, or at the URL of its archive root."""
    with session.db.read() as txn:
        known = txn[PUBLICATIONS].get(wanted.key)
        if known is None and not url:
            raise publications.missing(txn, wanted.key)
    publication = known or wanted
    with closing(session.storage(publication.storage)) as storage:
        if known and not url:
            return verify_stored(session, storage, known, keyring=keyring, files=files)
        tree = ServedTree(url)
        verifier, problems = _as_client(session, tree, publication, keyring, files=files)
        if known:
            problems += _against_database(session, known, tree, busy=_is_busy(session, known))
        return _verified(publication, storage, verifier, problems)


def verify_stored(
    session: Session,
    storage: Storage,
    publication: Publication,
    *,
    keyring: bytes = b"",
    files: bool = False,
    past: bool = False,
    alone: bool = False,
) -> Verified:
    """Verify a publication in its storage; ``alone``: the caller holds the lease on its place.

    ``files``: read every package file, and as with ``past``, all indexes of dated archives.
    """
    tree = StoredTree(storage, publication)
    verifier, problems = _as_client(session, tree, publication, keyring, files=files)
    busy = not alone and _is_busy(session, publication)
    problems += _against_database(session, publication, tree, busy=busy)
    with session.db.read() as txn:
        known = dated_archives.archives(txn, publication)
    problems += dated_archives.problems(
        tree, known, whole=files or past, links=storage.links_directories
    )
    sizes = {path: index.size for one in known for path, index in one.indexes.items()}
    sizes |= {path: -1 for one in known for path in one.releases}
    sources = {path for one in known for path in one.hashed()}
    problems += _against_ledger(session, publication, tree, verifier.files, sizes, sources)
    root = f"dists/{publication.distribution}/"
    problems += [
        Problem(root + name, "is not what debrepo wrote for clients", Fault.RELEASE)
        for name in client_files.damaged(session, storage, publication)
    ]
    return _verified(publication, storage, verifier, problems)


def _is_busy(session: Session, publication: Publication) -> bool:
    return places.is_held(session, publication.place)


def _verified(
    publication: Publication, storage: Storage, verifier: Verifier, problems: list[Problem]
) -> Verified:
    return Verified(
        str(publication),
        list(dict.fromkeys(problems)),
        verifier.indexes,
        len(verifier.files),
        storage.statistics(),
    )


def _as_client(
    session: Session, tree: Tree, publication: Publication, keyring: bytes, *, files: bool
) -> tuple[Verifier, list[Problem]]:
    """Read a tree as a client with these keys does: with our own ones if there are none."""
    signed, path = not publication.skip_signing, commit_path(publication)
    signed = signed and (bool(keyring) or not publication.verbatim)
    problems: list[Problem] = []
    if signed and not keyring:
        try:
            keys = signers.resolve(session, publication)
        except SigningFailed as error:  # all else can be checked
            text = f"cannot be verified without a keyring, nor signed again: {error}"
            problems, signed = [Problem(path, text, Fault.SIGNATURE)], False
        else:
            expiring = signatures.expiring(keys, clock.now())
            problems = [Problem(path, text, Fault.KEY_EXPIRES) for text in expiring]
            differences = signers.differences(tree.read(path) or b"", keys)
            problems += [Problem(path, text, Fault.SIGNATURE) for text in differences]
            keyring = session.signer.export(keys)
    trusted = dearmored(keyring)
    for _ in range(_ATTEMPTS):
        before = tree.read(path)
        verifier = Verifier(tree, publication.distribution, clock.now())
        verifier.run(trusted, signed=signed, files=files)
        if not verifier.problems or tree.read(path) == before:
            break  # otherwise a new generation was published meanwhile
    found = verifier.problems
    if publication.verbatim:
        found = list(_of_archive(session, publication, found))
    return verifier, problems + found


def _of_archive(
    session: Session, publication: Publication, problems: Iterable[Problem]
) -> Iterator[Problem]:
    """Yield the problems of a verbatim publication, without what its mirror does not have either.

    The archive has signed a list of more than that: other architectures, for one.
    """
    root = f"dists/{publication.distribution}/"
    with session.db.read() as txn:
        live = publications.live(txn, publication.key)
        archive = live.verbatim if live else None
        if archive is None:
            yield from problems
            return
        names = {root + name for name in archive.releases}
        names.update(file.path for file in index_files(publication, live.indexes if live else {}))
        for problem in problems:
            package = problem.kind is Fault.PACKAGE
            if package and not verbatim.find(txn[CHUNKS], archive.tree, problem.path):
                continue
            listed = problem.text in ("is listed, but missing", "is missing")
            if not package and listed and problem.path not in names:
                continue
            yield problem


def _against_database(
    session: Session, publication: Publication, tree: Tree, *, busy: bool
) -> Iterator[Problem]:
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
        renewing = generation_key(key, numbers[0]) in txn[SWITCHES]
    if commit is not None and tree.read(path) not in (commit, None) and not renewing:
        text = f"is not what was committed as generation {publication.live}"
        yield Problem(path, text, Fault.FOREIGN)
    own, name = publication.roots[-1], path
    for root in publication.roots[:-1]:
        name = root + path.removeprefix(own)
        if commit is not None and tree.read(name) != commit:
            yield Problem(name, f"is not that of {publication}, whose alias it is", Fault.RELEASE)
    last = release.dated(before)
    if commit is not None and release.dated(commit) < last <= clock.now():  # none had a later one
        text = "is dated before the generation that it replaced: clients ignore it"
        yield Problem(path, text, Fault.DATE)
    if renewing and not busy:
        yield Problem(path, "signing it again was left half done", Fault.INTERRUPTED)
    for number, switching in pending if not busy else ():
        text = f"generation {number} was left half done"
        if switching:
            text += ", while names were being replaced: older clients may see a mixture"
        yield Problem(path, text, Fault.INTERRUPTED)


def _against_ledger(
    session: Session,
    publication: Publication,
    tree: StoredTree,
    seen: Mapping[str, Wanted],
    dated: Mapping[str, int],
    sources: set[str],
) -> Iterator[Problem]:
    """Yield the files in the ledger that are missing or changed, and those with a wrong size.

    ``dated`` are the files of dated archives, with their sizes as far as they are known, and
    ``sources`` those that they are links to.
    """
    ours = (f"dists/{publication.distribution}/", "pool/")
    with session.db.read() as txn:
        rows = {
            path: held
            for path, held in ledger.files(txn, publication.place)
            if path.startswith(ours)
        }
    for path in rows.keys() & seen.keys():
        held, wanted = rows[path], seen[path]
        if wanted.sha256 and held.sha256 == wanted.sha256 and held.size != wanted.size:
            yield Problem(path, wanted.unlike(held.size), Fault.PACKAGE)
    for path, size in tree.sizes(rows.keys() - seen.keys()):
        held = rows[path]
        kind = _kind(path) if held.references else _over(path, sources)
        is_over = "" if held.references else "is superseded, and "
        if size is None and path in dated:
            yield Problem(path, "is missing", Fault.DATED)
        elif size is None and held.references:
            yield Problem(path, "was published, but is missing", kind)
        elif size is None:
            yield Problem(path, f"{is_over}missing before its time", kind)
        elif held.sha256 and size != held.size:
            yield Problem(path, f"{is_over}has {size} bytes, and not {held.size}", kind)
        elif dated.get(path, -1) not in (-1, size):
            yield Problem(path, f"has {size} bytes, and not {dated[path]}", Fault.DATED)
    for path, version in tree.versions.items():
        row = rows.get(path)  # files that are replaced have no digest in the ledger
        if row and row.sha256 and row.version not in ("", version):
            kind = _kind(path) if row.references else _over(path, sources)
            yield Problem(path, REPLACED, kind)


def _over(path: str, sources: set[str]) -> Fault:
    """Return what is wrong with a superseded file; dated archives are links to ``sources``."""
    return Fault.DATED if path in sources else Fault.SUPERSEDED


def _kind(path: str) -> Fault:
    return Fault.PACKAGE if path.startswith("pool/") else Fault.INDEX

"""Dated archives: whether they are what clients saw, and putting them in place once more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo.errors import DebrepoError, NotFound
from debrepo.stopping import checkpoint
from debrepo.values import NamedTuple
from debrepo_publish.checking.problems import Fault, Problem
from debrepo_publish.engine import components, dating, signers
from debrepo_publish.engine import plan as planning
from debrepo_publish.engine.layout import dated_indexes, dated_root, hashed_paths
from debrepo_publish.engine.staged_bytes import PoolBytes, bytes_of
from debrepo_publish.indexes import cache, release
from debrepo_publish.model import dated, publications
from debrepo_publish.model.publication import commit_path, generation_key
from debrepo_publish.model.tables import COMMITS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from debrepo.database import Transaction
    from debrepo.session import Session
    from debrepo.storage import Storage
    from debrepo_publish.checking.trees import Tree
    from debrepo_publish.model.publication import Generation, Index, Publication


class DatedArchive(NamedTuple):
    """What clients saw of a generation, under a path that says when."""

    generation: Generation
    commit: bytes  #: the file that committed it

    @property
    def root(self) -> str:
        """Its directory, with a slash at the end."""
        return dated_root(self.generation)

    @property
    def last(self) -> str:
        """The path of the file that clients start from."""
        return self.root + commit_path(self.generation.publication).rpartition("/")[2]

    @property
    def linked(self) -> list[str]:
        """The same file by the ways that apt's option ``--snapshot`` takes."""
        name = self.last.rpartition("/")[2]
        below = dating.directories(self.generation)
        return [f"{one}/{name}" for one in below]

    @property
    def indexes(self) -> dict[str, Index]:
        """Its indexes by path, each by its name and by its hashes."""
        return self._below(self.root)

    @property
    def releases(self) -> list[str]:
        """The paths of its Release files."""
        signed = [] if self.generation.publication.skip_signing else ["Release.gpg", "InRelease"]
        return [self.root + name for name in ("Release", *signed)]

    def hashed(self) -> dict[str, Index]:
        """Return the by-hash files of the publication that its indexes are links to."""
        there = dated_indexes(self.generation)
        return {there[path]: index for path, index in self.indexes.items()}

    def _below(self, root: str) -> dict[str, Index]:
        publication, start = self.generation.publication, self._start
        found = {}
        for path, index in self.generation.indexes.items():
            if index.stored:
                names = (start + path, *hashed_paths(publication, start + path, index))
                found.update({root + name.removeprefix(start): index for name in names})
        return found

    @property
    def _start(self) -> str:
        return f"dists/{self.generation.publication.distribution}/"


def archives(txn: Transaction, publication: Publication) -> list[DatedArchive]:
    """Return the dated archives that a publication has now."""
    found = []
    for generation in publications.generations(txn, publication.key):
        if not generation.dated or generation.verbatim:
            continue
        commit = txn[COMMITS].get(generation_key(publication.key, generation.number).encode())
        if dated.number(txn, publication.key, generation.dated) == generation.number and commit:
            found.append(DatedArchive(generation, commit))
    return found


def problems(
    tree: Tree, found: Iterable[DatedArchive], *, whole: bool, links: bool
) -> Iterator[Problem]:
    """Yield what is wrong with the content of dated archives that are there.

    The file that commits each is read, also by the way of its directory of ``links``, if there is
    one; and with ``whole`` every byte of their indexes.
    """
    wanted: dict[str, Index] = {}
    for one in found:
        checkpoint()
        said = tree.read(one.last)
        if said is not None and said != one.commit:
            yield Problem(one.last, "is not what was committed at that time", Fault.DATED)
        for path in one.linked if links and said is not None else ():
            if tree.read(path) != said:
                text = f"does not lead to {one.root}"
                yield Problem(path, text, Fault.DATED)
        wanted |= one.indexes
    for path, sha256, _ in tree.checksums(wanted) if whole and wanted else ():
        if sha256 and sha256 != wanted[path].sha256:
            yield Problem(path, "is damaged", Fault.DATED)


def rebuild(
    session: Session, storage: Storage, publication: Publication, paths: Iterable[str]
) -> list[str]:
    """Put the dated archives in place once more that have something wrong at or below these paths.

    Return what cannot be made again, and why.
    """
    with session.db.read() as txn:
        known = archives(txn, publication)
    broken = list(paths)
    left: list[str] = []
    for one in known:
        hashed, starts = one.hashed(), (one.root, *one.linked)
        if any(path in hashed or path.startswith(starts) for path in broken):
            try:
                _put(session, storage, one)
            except DebrepoError as error:
                left.append(f"{one.root}: cannot be put in place again: {error}")
    return left


def _put(session: Session, storage: Storage, one: DatedArchive) -> None:
    publication = one.generation.publication
    hashed = one.hashed()
    sound = {
        path
        for path, sha256 in storage.sha256_all(map(publication.path, hashed))
        if sha256 == hashed[path[len(publication.path("")) :]].sha256
    }
    damaged = {path: index for path, index in hashed.items() if publication.path(path) not in sound}
    if damaged:
        made = _made(session, one, {index.sha256 for index in damaged.values()})
        for path, index in damaged.items():
            if index.sha256 not in made:
                raise NotFound(f"{path} is gone, and what it was made of as well")
            storage.put(publication.path(path), made[index.sha256], cache="immutable")
    dating.put(storage, one.generation, _releases(session, storage, one))
    storage.flush()


def _made(session: Session, one: DatedArchive, digests: set[str]) -> Mapping[str, bytes]:
    """Return indexes of a generation by their SHA256, as far as they can be made again."""
    with cache.opened(session.root) as fragments:
        found = {digest: text for digest in digests if (text := fragments.text(digest))}
        if found.keys() == digests:
            return found
        with session.db.read() as txn:
            plan = planning.again(session, txn, one.generation.publication, one.generation)
        rendered = components.render(session, fragments, plan, anew=True, left_out={})
        for item in rendered:
            digest = item.checksums.sha256
            if digest in digests and item.data is not None:
                found[digest] = bytes_of(item.data)
            elif digest in digests and item.pool:
                found[digest] = PoolBytes(session.pool, digest, item.checksums.size).read()
    return found


def _releases(session: Session, storage: Storage, one: DatedArchive) -> dict[str, bytes]:
    """Return the Release files of a dated archive by path, as `dating.put` takes them.

    The detached signature is made anew where it is gone, by the keys that sign today.
    """
    publication = one.generation.publication
    start = f"dists/{publication.distribution}/"
    text = release.signed_text(one.commit)
    if publication.skip_signing:
        return {f"{start}Release": text}
    try:
        detached = storage.get(publication.path(f"{one.root}Release.gpg"))
    except NotFound:
        detached = session.signer.sign(text, signers.resolve(session, publication)).detached
    return {
        f"{start}Release": text,
        f"{start}Release.gpg": detached,
        f"{start}InRelease": one.commit,
    }

"""Pull-through: a lazy or verbatim mirror as its archive is, one file at a time."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from debrepo import remote_files
from debrepo import verbatim as tree
from debrepo.catalog import CHUNKS
from debrepo.errors import DatabaseFull, DebrepoError, NotFound
from debrepo.progress import amount
from debrepo.storage import check_path
from debrepo_mirror import lazy, mirrors, origins
from debrepo_mirror.keeping import BEFORE
from debrepo_mirror.origins import PULLED, Origin
from debrepo_mirror.tables import RELEASES, parts
from debrepo_mirror.upstream import reading, release
from debrepo_mirror.upstream.release import BY_HASH, Release
from debrepo_mirror.verbatim import kept as verbatim
from debrepo_mirror.verbatim.parts import is_mirrored

if TYPE_CHECKING:
    from collections.abc import Iterator

    from debrepo.database import Transaction
    from debrepo.package import PackageFile
    from debrepo.session import Session
    from debrepo_mirror.idle_transports import IdleTransports
    from debrepo_mirror.mirror import Mirror

_HASHED = re.compile(r"(?:(.+)/)?by-hash/(\w+)/([0-9a-f]{32,128})")
_ALGORITHMS = {title: algorithm for algorithm, title in BY_HASH.items()}


class PulledFile(NamedTuple):
    """A file that a client asks for: what it has to be, and where it is to be had."""

    sha256: str
    origins: tuple[Origin, ...] = ()
    immutable: bool = False  #: whether the path never has other bytes

    @property
    def size(self) -> int:
        """How many bytes it has; 0 for what is here in any case."""
        return self.origins[0].size if self.origins else 0

    def is_here(self, session: Session) -> bool:
        """Tell whether the pool has all of it."""
        if not self.origins:  # a Release file, which was on disk before it was named
            return self.sha256 in session.pool
        return remote_files.is_here(session.pool, self.sha256, self.origins[0].size)


def find(session: Session, name: str, path: str) -> PulledFile:
    """Return what is at a path of a mirror's archive, below its root; it may not be here yet.

    Raise `NotFound` for what the mirror does not have.
    """
    nothing = NotFound(f"mirror {name[:80]} has no file {path[:300]}")
    try:
        check_path(path)
    except DebrepoError:
        raise nothing from None
    with session.db.read() as txn:
        mirror = mirrors.get(txn, name)
        _check(mirror)
        if pulled := _whole(txn, mirror, path):
            return pulled
        if mirror.download != "lazy":
            raise nothing
        kept = dict(parts(txn[RELEASES], name))
        key = origins.quoted(path)
        found = txn[origins.PLACES].get(origins.place(mirror.url, key, mirror.credentials))
        known = origins.find(txn, [found.hex()]) if found else {}
    for digest, places in known.items():
        return PulledFile(digest, places, immutable=True)
    directory = mirror.root.removeprefix(mirror.url)
    if not path.startswith(directory):
        raise nothing
    rest = path.removeprefix(directory)
    if rest in kept:
        return PulledFile(kept[rest][0])
    if not rest.startswith(BEFORE) and is_mirrored(mirror, rest):
        for file, digest in _releases(kept):
            listed = _read(session, file, digest)
            for pulled in _listed(mirror, listed, rest, current=not file.startswith(BEFORE)):
                return pulled
    raise nothing


def _check(mirror: Mirror) -> None:
    """Raise `NotFound` unless a mirror can be served as its archive is."""
    name = mirror.name
    if mirror.download != "lazy" and not mirror.verbatim:
        raise NotFound(
            f"mirror {name} is not served",
            hint="lazy and verbatim mirrors are; publish it, as any other list",
        )
    if mirror.is_choosy:
        raise NotFound(
            f"mirror {name} is not served: it has a part of what its archive lists",
            hint="publish it, as any other list",
        )
    if not mirror.updated:
        raise NotFound(
            f"mirror {name} has no packages yet", hint=f'run "debrepo mirror update {name}"'
        )


def _whole(txn: Transaction, mirror: Mirror, path: str) -> PulledFile | None:
    """Return what is at a path, of a mirror that keeps all indexes of its archive."""
    directory = mirror.root.removeprefix(mirror.url)
    rest = path.removeprefix(directory) if path.startswith(directory) else ""
    states = verbatim.states(txn, mirror.name)
    states = [state for state in states if state.distribution == mirror.distribution]
    for number, state in enumerate(states):
        current = not number
        if current and rest in state.releases:
            return PulledFile(state.releases[rest])
        for file in state.indexes:
            hashed = _is_hashed(rest, file)
            if hashed or (current and rest == file.name):
                place = origins.quoted(directory + file.name)
                origin = Origin(mirror.url, place, file.size, mirror.credentials)
                return PulledFile(file.sha256, (origin,), immutable=hashed)
    for state in states:
        if found := tree.find(txn[CHUNKS], state.tree, path):
            origin = Origin(mirror.url, origins.quoted(path), found.size, mirror.credentials)
            return PulledFile(found.sha256, (origin,), immutable=True)
    return None


def _is_hashed(path: str, file: PackageFile) -> bool:
    """Tell whether a path below the Release file is that of an index by its hash."""
    hashed = _HASHED.fullmatch(path)
    if hashed is None or file.name.rpartition("/")[0] != (hashed[1] or ""):
        return False
    algorithm = _ALGORITHMS.get(hashed[2], "")
    return bool(algorithm) and getattr(file, algorithm) == hashed[3]


def _releases(kept: dict[str, tuple[str, ...]]) -> Iterator[tuple[str, str]]:
    """Yield a Release file that lists indexes, as it is now, and as it was before."""
    for start in ("", BEFORE):
        for name in reading.RELEASE_FILES:
            if start + name in kept:
                yield start + name, kept[start + name][0]
                break


def _read(session: Session, name: str, digest: str) -> Release:
    with session.pool.open(digest) as file:
        data = file.read()
    if name.endswith(reading.INLINE):
        data = reading.without_signature(data)
    return release.read(data, name)


def _listed(mirror: Mirror, found: Release, path: str, *, current: bool) -> Iterator[PulledFile]:
    """Yield what a Release file lists at a path; of an older one, by hash alone."""
    hashed = _HASHED.fullmatch(path)
    if hashed is None:
        file = found.files.get(path)
        if file and file.sha256 and current:
            yield PulledFile(file.sha256, _origins(mirror, found, path, file))
        return
    for name, file in found.files.items():
        if file.sha256 and _is_hashed(path, file):
            yield PulledFile(file.sha256, _origins(mirror, found, name, file), immutable=True)


def _origins(mirror: Mirror, found: Release, path: str, file: PackageFile) -> tuple[Origin, ...]:
    """Return where an index is to be had: by hash, where the archive offers that, and by name."""
    directory = mirror.root.removeprefix(mirror.url)
    start = directory + path.rpartition("/")[0]
    names = [
        f"{start.rstrip('/')}/by-hash/{title}/{getattr(file, algorithm)}".lstrip("/")
        for algorithm, title in BY_HASH.items()
        if found.by_hash and mirror.by_hash != "no" and getattr(file, algorithm)
    ]
    return tuple(
        Origin(mirror.url, origins.quoted(name), file.size, mirror.credentials)
        for name in [*names, directory + path]
    )


def fetch(session: Session, pulled: PulledFile, transports: IdleTransports) -> None:
    """Bring the file into the pool; raise `NotFound` where its archive does not have it any more.

    What clients have fetched is counted, if the configuration limits that.
    """
    if not pulled.origins:  # another plugin may keep it elsewhere
        session.hook.debrepo_fetch_files(session=session, digests=frozenset([pulled.sha256]))
        return
    limit = session.config["mirror.limits.pulled"]
    key = bytes.fromhex(pulled.sha256)
    if limit:
        _check_room(session, pulled, limit)
    try:
        lazy.bring(session, {pulled.sha256: pulled.origins}, transports.opened)
    except lazy.GoneUpstream as error:
        raise NotFound(str(error), hint=error.hint) from None
    if limit:
        with session.db.write() as txn:
            txn[PULLED][key] = pulled.size.to_bytes(8, "big")


def _check_room(session: Session, pulled: PulledFile, limit: int) -> None:
    """Raise `DatabaseFull` where clients have had as much fetched as they may."""
    with session.db.read() as txn:
        sizes = {key: int.from_bytes(size, "big") for key, size in txn[PULLED].items()}
    if sum(sizes.values()) + pulled.size <= limit:
        return
    gone = [key for key in sizes if key.hex() not in session.pool]
    with session.db.write() as txn:
        for key in gone:
            txn[PULLED].discard(key)
    if sum(size for key, size in sizes.items() if key not in gone) + pulled.size > limit:
        raise DatabaseFull(
            f"clients may not have more than {amount(limit)} fetched from archives",
            hint='run "debrepo mirror update NAME" and "debrepo db cleanup", or raise the setting'
            " mirror.limits.pulled",
        )

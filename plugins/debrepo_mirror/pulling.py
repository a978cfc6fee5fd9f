"""Pull-through: a lazy mirror as its archive is, one file at a time."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from debrepo import remote_files
from debrepo.errors import DebrepoError, NotFound
from debrepo.storage import check_path
from debrepo_mirror import choosing, lazy, mirrors, origins
from debrepo_mirror.keeping import BEFORE
from debrepo_mirror.origins import Origin
from debrepo_mirror.tables import RELEASES, parts
from debrepo_mirror.upstream import reading, release
from debrepo_mirror.upstream.release import BY_HASH, Release

if TYPE_CHECKING:
    from collections.abc import Iterator

    from debrepo.package import PackageFile
    from debrepo.session import Session
    from debrepo_mirror.mirror import Mirror

_HASHED = re.compile(r"(?:(.+)/)?by-hash/(\w+)/([0-9a-f]{32,128})")
_ALGORITHMS = {title: algorithm for algorithm, title in BY_HASH.items()}
_MACHINE = re.compile(r"/binary-([^/]+)/")


class PulledFile(NamedTuple):
    """A file that a client asks for: what it has to be, and where it is to be had."""

    sha256: str
    origins: tuple[Origin, ...] = ()
    immutable: bool = False  #: whether the path never has other bytes

    def is_here(self, session: Session) -> bool:
        """Tell whether the pool has all of it."""
        if not self.origins:  # a Release file, which was on disk before it was named
            return True
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
    if not rest.startswith(BEFORE) and _is_mirrored(mirror, rest):
        for file, digest in _releases(kept):
            listed = _read(session, file, digest)
            for pulled in _listed(mirror, listed, rest, current=not file.startswith(BEFORE)):
                return pulled
    raise nothing


def _check(mirror: Mirror) -> None:
    """Raise `NotFound` unless a mirror can be served as its archive is."""
    name = mirror.name
    if mirror.download != "lazy":
        raise NotFound(
            f"mirror {name} is not served", hint="lazy mirrors are; publish it, as any other list"
        )
    if choosing.is_choosy(mirror):
        raise NotFound(
            f"mirror {name} is not served: it has a part of what its archive lists",
            hint="publish it, as any other list",
        )
    if not mirror.updated:
        raise NotFound(
            f"mirror {name} has no packages yet", hint=f'run "debrepo mirror update {name}"'
        )


def _is_mirrored(mirror: Mirror, path: str) -> bool:
    """Tell whether a file below the Release file belongs to what the mirror has.

    So apt names the index that is lacking, and not each package in it.
    """
    if mirror.flat or "/" not in path:
        return True
    if not path.startswith(tuple(f"{name}/" for name in mirror.components)):
        return path.startswith("by-hash/")
    machine = _MACHINE.search(path)
    if machine and machine[1] not in (*mirror.architectures, "all"):
        return False
    if "/debian-installer/" in path and not mirror.udebs:
        return False
    return mirror.sources or "/source/" not in path


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
    algorithm = _ALGORITHMS.get(hashed[2], "")
    for name, file in found.files.items():
        same = name.rpartition("/")[0] == (hashed[1] or "")
        if same and algorithm and file.sha256 and getattr(file, algorithm) == hashed[3]:
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


def fetch(session: Session, pulled: PulledFile) -> None:
    """Bring the file into the pool."""
    lazy.bring(session, {pulled.sha256: pulled.origins})

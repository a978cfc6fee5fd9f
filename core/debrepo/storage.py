"""Storage: where a published repository lives."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from debrepo.errors import Conflict, InvalidInput, NotFound
from debrepo.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import ClassVar

#: How long a client or a cache may keep a file: ``immutable`` files never change under
#: their name (pool, by-hash); of ``volatile`` ones clients have to ask again.
Cache = Literal["immutable", "volatile"]

_TYPES = {
    ".deb": "application/vnd.debian.binary-package",
    ".udeb": "application/vnd.debian.binary-package",
    ".ddeb": "application/vnd.debian.binary-package",
    ".gz": "application/gzip",
    ".xz": "application/x-xz",
    ".bz2": "application/x-bzip2",
    ".zst": "application/zstd",
    ".gpg": "application/pgp-signature",
    ".asc": "application/pgp-keys",
}
_TEXT = ("Release", "InRelease", "Packages", "Sources", ".dsc")


class Stat(NamedTuple):
    """What a storage knows of a file without reading it; the size is in bytes."""

    size: int
    version: str = ""  #: as `Storage.put` returns it, where the service tells


class PoolLink(NamedTuple):
    """A file of the package pool, and the path to publish it under."""

    path: str
    location: str | Path  #: of the file in the pool; `source` is the same as a `Path`
    size: int
    sha256: str

    @property
    def source(self) -> Path:
        """The file in the pool."""
        return Path(self.location)


class Storage(ABC):
    """A tree of published files.

    Paths are relative, with forward slashes: ``dists/bookworm/InRelease``. Where a method
    returns, what it did is there for every client, and survives a crash of this process;
    `flush` makes it survive a crash of the machine. What fails for reasons of the service
    raises `RemoteError`, what the user has to repair raises `InvalidInput`.

    A back end subclasses this, and runs `debrepo.testing.StorageContract` in its own tests.
    """

    #: Whether clients learn in whole seconds, by the service's clock, when a file was replaced.
    #: apt asks what has changed since then, so the next replacement waits for another second. A
    #: storage that gives each replacement a later second than the one before says ``False``.
    coarse_dates: ClassVar[bool] = True

    @classmethod
    @abstractmethod
    def open(cls, name: str, options: Mapping[str, object], root: Path) -> Self:
        """Open the endpoint that the configuration calls ``storage.SCHEME.NAME``.

        ``name`` is empty for the default endpoint. ``options`` are the settings below that
        key, with defaults filled in; ``root`` is debrepo's root directory.
        """

    @property
    def has_versions(self) -> bool:
        """Whether `put` returns versions, and `replace` takes them; to tell may take a look."""
        return False

    @abstractmethod
    def put(self, path: str, data: bytes, *, cache: Cache = "volatile") -> str | None:
        """Store ``data`` at ``path``, replacing what is there in one step.

        Where the service can compare and swap, return the version that `replace` wants next.
        """

    def put_all(self, files: Mapping[str, bytes], *, cache: Cache) -> dict[str, str]:
        """Store several files; override where they can travel side by side.

        Return the versions, by path, of those that `put` returns one for.
        """
        made = {path: self.put(path, data, cache=cache) for path, data in files.items()}
        return {path: version for path, version in made.items() if version}

    @abstractmethod
    def get(self, path: str) -> bytes:
        """Return the content of ``path``; raise `NotFound` where there is none."""

    def pieces(self, path: str) -> Iterator[bytes]:
        """Yield the content of ``path`` bit by bit; raise `NotFound` where there is none.

        The default reads all of it: override it, because packages may not fit into memory.
        """
        yield self.get(path)

    def sha256(self, path: str) -> str:
        """Return the SHA-256 of what ``path`` holds, in hex."""
        import hashlib

        digest = hashlib.sha256()
        for piece in self.pieces(path):
            digest.update(piece)
        return digest.hexdigest()

    def sha256_all(self, paths: Iterable[str]) -> Iterator[tuple[str, str]]:
        """Yield each path with its `sha256`, or with nothing where there is no such file.

        In any order. The default asks for one after another: override it where the content can
        travel side by side, or where the service computes checksums of what it stores.
        """
        return ((path, sha256_or_nothing(self, path)) for path in paths)

    @abstractmethod
    def link(self, file: PoolLink) -> str | None:
        """Publish an immutable file of the pool, sharing its bytes where that is cheaper.

        What was served is never replaced: where ``path`` holds a file of that size already,
        nothing happens; where it holds one of another size, raise `Conflict`, also if another
        publisher has just put it there. A file gets its name when it is whole: half of one would
        be in the way for ever. Return the version, as `put` does, of what has been put there.
        """

    #: Bytes up to which `copy_all` copies a file; 0: this storage copies none.
    copies_up_to: ClassVar[int] = 0

    def copy_all(self, files: Iterable[tuple[PoolLink, str]]) -> dict[str, str]:
        """Publish files that this storage has under another path, which comes with each.

        As `link_all`, but their bytes stay inside the service, and nothing is read here. Raise
        `NotFound` where there is nothing under the other path.
        """
        raise NotImplementedError(f"{type(self).__name__} copies no files")

    def link_all(self, files: Iterable[PoolLink]) -> dict[str, str]:
        """Publish many files of the pool; override where they can travel side by side.

        Return versions as `put_all` does.
        """
        made = {file.path: self.link(file) for file in files}
        return {path: version for path, version in made.items() if version}

    def share_all(self, files: Mapping[str, str]) -> dict[str, str]:
        """Put immutable files of this storage under further paths; ``files`` maps new to old.

        Override where their bytes can be shared, or stay inside the service. What a new path holds
        is replaced in one step; raise `NotFound` where there is nothing under an old one. Return
        versions as `put_all` does. The default reads and puts one after another.
        """
        made = {new: self.put(new, self.get(old), cache="immutable") for new, old in files.items()}
        return {path: version for path, version in made.items() if version}

    #: Whether `link_directory` can be called.
    links_directories: ClassVar[bool] = False

    def link_directory(self, path: str, target: str) -> None:
        """Let ``path`` lead to the directory ``target`` of this storage, there or not.

        A link of ours is replaced; where there is anything else, raise `Conflict`.
        """
        raise NotImplementedError(f"{type(self).__name__} links no directories")

    def unlink_directory(self, path: str, *, unless: str = "") -> None:
        """Delete what `link_directory` made, unless there is a directory ``unless``.

        What is not there, or is no link, stays. Directories that this leaves empty go too.
        """
        raise NotImplementedError(f"{type(self).__name__} links no directories")

    @abstractmethod
    def delete(self, paths: Iterable[str]) -> None:
        """Delete files; a missing one is no error.

        Directories that this leaves empty go too, where the service can delete one without
        harm to what somebody else is putting there.
        """

    @abstractmethod
    def stat(self, path: str) -> Stat | None:
        """Return what is known of ``path``, or ``None`` where there is no such file."""

    def stat_all(self, paths: Iterable[str]) -> Iterator[tuple[str, Stat | None]]:
        """Yield each path with its `stat`, in any order; override where that can be faster."""
        return ((path, self.stat(path)) for path in paths)

    @abstractmethod
    def list(self, prefix: str = "") -> Iterator[str]:
        """Yield the paths below the directory ``prefix``, sorted; for reconciling only.

        What a crash left half uploaded is not among them.
        """

    def commit(self, path: str, data: bytes, *, expected: bytes | None) -> str | None:
        """Replace the file that makes everything else take effect: ``InRelease``.

        Raise `Conflict` when ``path`` does not hold ``expected`` (``None``: no file), so
        that two publishers never mix. Override where the service can compare and swap, and
        return what `put` does.
        """
        found = self.get(path) if self.stat(path) else None
        if found != expected:
            raise somebody_elses(path)
        return self.put(path, data)

    def replace(self, path: str, data: bytes, *, version: str) -> str:
        """Replace a volatile file that still has the version which a write has returned.

        Return the new version; raise `Conflict` if the file has another one, or is gone. It
        is only called for what this storage has returned, and spares both `exclusive` and
        reading: the writer that replaces the first of several files is alone with the others.
        """
        raise NotImplementedError(f"{type(self).__name__} returns versions, and takes none")

    def prepared(
        self, files: Mapping[str, bytes], same: Mapping[str, str]
    ) -> AbstractContextManager[None]:
        """Make ready what `put`, `replace` and `commit` put under names that are in use.

        Inside the block, `put` of one of ``files`` neither writes nor waits for a disk where
        the service can avoid it: everything that can fail for want of space fails before the
        block, and the time in which some names lead to the old generation and some to the new
        one is as short as can be. ``same`` maps paths to immutable files of the same content.
        What was not put when the block ends leaves nothing behind. The default prepares nothing.
        """
        return nullcontext()

    def exclusive(self, path: str) -> AbstractContextManager[None]:
        """Keep other publishers from committing ``path``, and wait for those who are at it.

        What is put between looking at ``path`` and its commit is put in here, so that it is
        never mixed with what somebody else puts. A lock ends with the process that holds it, or
        after some time, or is taken over by the next run of the same root; a thread may take one
        that it has. Without a way to lock there is only `commit`.
        """
        return nullcontext()

    def lock_as(self, owner: str) -> None:  # noqa: B027  # most locks end with their process
        """Hold locks for ``owner``: the machines that share a database are one publisher.

        Only one of them publishes at a time; so what another one that died has left locked can be
        taken over at once. Override where locks are files or objects that say whose they are.
        """

    def statistics(self) -> Mapping[str, int]:
        """Return how often the service was asked so far, by kind of request.

        ``bytes sent`` and ``bytes received`` are among them. Nothing: there is no service.
        """
        return {}

    def url(self, path: str = "") -> str:
        """Return where clients find ``path``, or an empty string if that is not configured."""
        return ""

    def local_path(self, path: str) -> Path | None:
        """Return the file of this machine that ``path`` is, for our own server to send.

        ``None``, the default, is for storages that are served from elsewhere.
        """
        return None

    def flush(self) -> None:  # noqa: B027  # most have nothing to do
        """Make everything stored so far survive a crash of the machine."""

    def close(self) -> None:  # noqa: B027
        """Close the connections."""


def sha256_or_nothing(storage: Storage, path: str) -> str:
    """Return the SHA-256 of what ``path`` holds, or an empty string where there is none."""
    try:
        return storage.sha256(path)
    except NotFound:
        return ""


def somebody_elses(path: str, way_out: str = "--force takes it over") -> Conflict:
    """Return the error for a file that is not what was left at ``path``."""
    return Conflict(
        f"{path} is not what this debrepo left there",
        hint=f"check whether another debrepo publishes to this place; {way_out}",
    )


def content_type(path: str) -> str:
    """Return the media type to serve ``path`` with."""
    if path.endswith(_TEXT) or ("/Contents-" in path and "." not in path.rpartition("/")[2]):
        return "text/plain; charset=utf-8"
    return _TYPES.get(path[path.rfind(".") :], "application/octet-stream")


def check_path(path: str) -> str:
    """Return ``path``; raise `InvalidInput` unless it stays below the storage's root."""
    if not path.isprintable() or not {"", ".", ".."}.isdisjoint(path.split("/")):
        raise InvalidInput(f"not a path below a storage: {path!r}")
    return path

"""One file at a time: read it, check it, keep it, and say what it is."""

from __future__ import annotations

import os
import stat
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import zstandard

from debrepo import archive
from debrepo.archive import Digests
from debrepo.archive.stream import blocks
from debrepo.errors import DebrepoError, InvalidInput, InvalidPackage, NotFound, VerificationFailed
from debrepo.ingest import alone
from debrepo.package import Entry, Package, PackageFile, complete_keys, encode
from debrepo.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import BinaryIO

    from debrepo.archive import Content, Limits, SourceTree
    from debrepo.pool import Pool

#: Extensions of the files that `find` looks for.
EXTENSIONS = archive.EXTENSIONS | {".dsc"}

#: Bytes that no package has: all are read deep.
ALL = 1 << 62

_SMALL = 1 << 18  # bytes; up to there a file is read at once
_TINY = 64 << 10  # for the parts of a source package, of which all wait for the last

_LESS = "set ingest.workers and ingest.limits.memory lower"


class Depth(NamedTuple):
    """Bytes that a package may have whose data is to be unpacked and checked as well."""

    binary: int
    source: int  #: its parts, together


_EVERYTHING = Depth(ALL, ALL)


class Ingested(NamedTuple):
    """A package whose files are in the pool, in the form in which the database takes it."""

    source: Path  #: the file that was asked for
    parts: tuple[Path, ...]  #: it, and the files beside it that belong to the package
    entry: Entry
    record: bytes  #: see `debrepo.package.encode`
    contents: bytes  #: the path list, compressed with zstd; empty where the data was not read
    remark: str = ""  #: a warning for the user, or the empty string
    stored: bool = False  #: whether the pool lacked a file of it until now


class _Small(NamedTuple):
    """A small binary package that is to be kept with others."""

    path: Path
    package: Package  #: without the hash in its key
    content: Content
    data: bytes


class Rejected(NamedTuple):
    """A file that is not in the pool, and why; the message names the file."""

    source: Path
    error: DebrepoError


def find(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield the package files in ``paths``; below directories, in the order of their paths.

    What is no directory is yielded whatever it is, so that it can be rejected by name.
    """
    for path in paths:
        if not os.path.isdir(path):  # which is no error for a name that no file can have
            yield path
            continue
        for name in sorted(_walk(os.fspath(path))):
            yield Path(name)


def _walk(top: str) -> Iterator[str]:
    seen: set[tuple[int, int]] = set()  # links may lead back up
    directories = [top]
    while directories:
        directory = directories.pop()
        try:
            status = os.stat(directory)
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            entries = list(os.scandir(directory))
        except OSError:  # let it be rejected by name
            yield directory
            continue
        for entry in entries:
            if _is_directory(entry):
                directories.append(entry.path)
            elif os.path.splitext(entry.name)[1] in EXTENSIONS:
                yield entry.path


def _is_directory(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


class Intake:
    """Takes files into one pool, one after the other.

    Of packages that have no more bytes than ``deep`` says, the data is read too.
    """

    def __init__(self, pool: Pool, limits: Limits, deep: Depth = _EVERYTHING) -> None:
        self._pool = pool
        self._limits = limits
        self._deep = deep
        self._compress = zstandard.ZstdCompressor(level=1).compress

    def take_all(self, paths: Iterable[Path]) -> list[Ingested | Rejected]:
        """Take packages into the pool as `take` does; small ones are claimed together."""
        found = [self._look_at(path) for path in paths]
        small = [one for one in found if isinstance(one, _Small)]
        complete_keys([one.package for one in small])
        self._pool.reserve_ahead({one.package.files[0].sha256 for one in small})
        return [self._kept_small(one) if isinstance(one, _Small) else one for one in found]

    def take(self, path: Path) -> Ingested | Rejected:
        """Take one package into the pool, or say what is wrong with it.

        That the pool cannot be written is not the file's fault, and is raised.
        """
        return self.take_all([path])[0]

    def _look_at(self, path: Path) -> Ingested | _Small | Rejected:
        name = os.fspath(path)
        extension = os.path.splitext(name)[1]
        try:
            if extension in archive.EXTENSIONS:
                return alone.if_large(self._limits, partial(self._binary, path, name, extension))
            if extension == ".dsc":
                return alone.if_large(self._limits, partial(self._source, path, name))
            os.stat(name)  # that it is not there says more than what it is not
            raise InvalidPackage(
                "not a package file by its name", hint="add .deb, .udeb, .ddeb and .dsc files"
            )
        except (InvalidInput, NotFound, VerificationFailed) as error:
            return Rejected(path, type(error)(f"{_shown(name)}: {error}", hint=error.hint))
        except FileNotFoundError:
            return Rejected(path, NotFound(f"{_shown(name)}: there is no such file"))
        except MemoryError:
            message = f"{_shown(name)}: there is not enough memory to read it"
            return Rejected(path, InvalidInput(message, hint=_LESS))
        except OSError as error:
            message = f"{_shown(name)}: cannot be read: {error.strerror}"
            return Rejected(path, InvalidInput(message))

    def _binary(self, path: Path, name: str, extension: str, limits: Limits) -> Ingested | _Small:
        fd, size = _open(name)
        try:
            if size > _SMALL:
                package, content, stored = self._large(fd, size, extension, limits)
                return self._ingested(path, package, content, stored=stored)
            data = _read(fd, size)
        finally:
            os.close(fd)
        content = self._parse((data,), len(data), limits)
        return _Small(path, archive.identify(content, Digests(data), extension), content, data)

    def _kept_small(self, one: _Small) -> Ingested:
        stored = self._pool.put(one.package.files[0].sha256, one.data)
        return self._ingested(one.path, one.package, one.content, stored=stored)

    def _ingested(
        self, path: Path, package: Package, content: Content, *, stored: bool
    ) -> Ingested:
        packed = b"" if content.paths is None else self._compress(content.paths)
        remark = "; ".join(content.remarks)
        return Ingested(path, (path,), package.key.entry, encode(package), packed, remark, stored)

    def _large(
        self, fd: int, size: int, extension: str, limits: Limits
    ) -> tuple[Package, Content, bool]:
        digests = Digests()
        with _stream(fd) as file, self._pool.stage(file) as staged:
            content = self._parse(digests.through(staged), size, limits)
            package = archive.describe(content, digests, extension)
            stored = staged.place(package.files[0].sha256)
        return package, content, stored

    def _parse(self, data: Iterable[bytes], size: int, limits: Limits) -> Content:
        return archive.parse(data, size, limits=limits, deep=size <= self._deep.binary)

    def _source(self, path: Path, name: str, limits: Limits) -> Ingested:
        data = self._read_dsc(name)
        listed = archive.parse_list(data, limits=self._limits)
        deep = sum(file.size for file in listed.files) <= self._deep.source
        tree = archive.SourceTree(limits, self._limits) if deep else None
        with ExitStack() as copies:
            places: list[Callable[[str], bool]] = []
            parts: list[Path] = []
            files: list[PackageFile] = []
            for expected in listed.files:
                part = path.with_name(expected.name)
                try:
                    digests, place = self._copy(os.fspath(part), copies, tree)
                except FileNotFoundError:
                    digests, place = self._kept(expected, tree), _nothing
                else:
                    parts.append(part)
                files.append(archive.verified(expected, digests))
                places.append(place)
            package = archive.describe_source(listed, Digests(data), files, os.path.basename(name))
            stored = [place(file.sha256) for file, place in zip(files, places, strict=True)]
        stored.append(self._pool.put(package.files[0].sha256, data))
        return Ingested(
            path,
            (path, *parts),
            package.key.entry,
            encode(package),
            self._compress(tree.paths()) if tree else b"",
            tree.remark if tree else "",
            any(stored),
        )

    def _read_dsc(self, name: str) -> bytes:
        fd, size = _open(name)
        try:
            return _read(fd, min(size, self._limits.control_file + 1))
        finally:
            os.close(fd)

    def _copy(
        self, name: str, copies: ExitStack, tree: SourceTree | None
    ) -> tuple[Digests, Callable[[str], bool]]:
        """Return the digests of a file, and what puts it into the pool.

        None of a source package is there before all of it has been verified.
        """
        fd, size = _open(name)
        try:
            if size <= _TINY:
                data = _read(fd, size)
                _list(tree, os.path.basename(name), size, (data,))
                return Digests(data), partial(self._pool.put, data=data)
            digests = Digests()
            with _stream(fd) as file:
                staged = copies.enter_context(self._pool.stage(file))
                _list(tree, os.path.basename(name), size, digests.through(staged))
            return digests, staged.place
        finally:
            os.close(fd)

    def _kept(self, expected: PackageFile, tree: SourceTree | None) -> Digests:
        """Return the digests of a file that is in the pool since an earlier time."""
        digests = Digests()
        if not expected.sha256 or not self._pool.reserve(expected.sha256):
            raise NotFound(f"{expected.name} is neither beside it nor in the pool")
        with self._pool.open(expected.sha256) as file:
            _list(tree, expected.name, expected.size, digests.through(blocks(file)))
        return digests


def _list(tree: SourceTree | None, name: str, size: int, data: Iterable[bytes]) -> None:
    """Read a part of a source package to its end, and list what is in it."""
    if tree is not None:
        tree.read(name, size, data)
        return
    for _ in data:
        pass


def _nothing(_sha256: str) -> bool:
    """Leave a file where it is."""
    return False


def _open(name: str) -> tuple[int, int]:
    fd = os.open(name, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode):
        os.close(fd)
        raise InvalidInput("it is not a file")
    return fd, status.st_size


def _read(fd: int, size: int) -> bytes:
    data = os.read(fd, size)
    while len(data) < size and (more := os.read(fd, size - len(data))):
        data += more
    return data


def _stream(fd: int) -> BinaryIO:
    return open(fd, "rb", buffering=0, closefd=False)


def _shown(name: str) -> str:
    return os.fsencode(name).decode(errors="backslashreplace")

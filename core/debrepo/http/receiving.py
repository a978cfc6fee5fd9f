"""Receiving files: stream them to the disk, and rename them when they are complete."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from contextlib import suppress
from errno import ENAMETOOLONG
from typing import TYPE_CHECKING, TypeVar
from uuid import uuid4

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from debrepo import durable
from debrepo.errors import DebrepoError, InvalidInput, cannot_write
from debrepo.uploads import upload_path

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Mapping
    from io import BufferedWriter
    from pathlib import Path

    from fastapi import Request

T = TypeVar("T")

_JUST_BEGUN = 60.0  # seconds in which an upload makes its lock
_LOCK = ".lock"  # a file, because NFS locks no directories; no upload can have the name
_PATIENCE = 60.0  # seconds that a client may send nothing
_HEADER_LIMIT = 16 << 10  # bytes of the headers of a part, or of a field
_MOST_FIELDS = 32  # before the first file


class TooLarge(InvalidInput):
    """A file has more bytes than are allowed."""


class Incoming:
    """An upload in progress: either all its files are moved into place, or none."""

    def __init__(self, root: Path, directory: str, owner: str = "", limit: int = 0) -> None:
        self._limit = limit
        self._size = 0
        self._root = root
        self._directory = directory
        self._owner = owner
        self._target = upload_path(root, directory, owner=owner)
        self._staging = root / "upload" / f".{uuid4().hex}"
        self._lock = -1  # held for as long as this process lives; see `delete_aborted`
        self._names: list[str] = []
        self._file: BufferedWriter | None = None

    def begin(self, name: str) -> None:
        """Start a file."""
        upload_path(self._root, self._directory, name, owner=self._owner)
        if self._lock < 0:
            self._staging.mkdir(parents=True)
            self._lock = durable.lock(self._staging / _LOCK)
        self._file = (self._staging / name).open("wb")
        self._size = 0
        if name not in self._names:
            self._names.append(name)

    def write(self, data: bytes) -> None:
        """Append to the current file."""
        self._size += len(data)
        if self._limit and self._size > self._limit:
            raise TooLarge(f"the file is larger than the limit of {self._limit} bytes")
        if self._file is not None:
            self._file.write(data)

    def end(self) -> None:
        """Finish the current file, and sync it to the disk."""
        if self._file is not None:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self._file = None

    def commit(self) -> list[str]:
        """Move the files to their places, and return their names."""
        self._target.mkdir(parents=True, exist_ok=True)
        for name in self._names:
            (self._staging / name).replace(self._target / name)
        durable.sync(self._target)
        return self._names

    def close(self) -> None:
        """Leave nothing behind that has not got to its place."""
        if self._file is not None:
            with suppress(OSError):  # there is no space for what it has not written yet
                self._file.close()
            self._file = None
        if self._lock >= 0:  # first: NFS keeps what is open
            os.close(self._lock)
            self._lock = -1
        shutil.rmtree(self._staging, ignore_errors=True)


def delete_aborted(root: Path) -> None:
    """Delete what was on its way in when a server died, of this machine or another."""
    for staging in root.glob("upload/.*/"):
        with suppress(OSError):  # its upload has come to its end
            just_begun = staging.stat().st_mtime + _JUST_BEGUN > time.time()
            if not just_begun and not durable.is_locked(staging / _LOCK):
                shutil.rmtree(staging)


async def receive_one(
    request: Request, root: Path, directory: str, name: str, *, owner: str = "", limit: int = 0
) -> list[str]:
    """Store the body of a request as a file of at most ``limit`` bytes; 0: no limit."""
    incoming = Incoming(root, directory, owner, limit)
    try:
        await _do(lambda: incoming.begin(name))
        async for chunk in chunks(request):
            await _do(lambda data=chunk: incoming.write(data))  # type: ignore[misc]
        await _do(incoming.end)
        return await _do(incoming.commit)
    finally:
        await run_in_threadpool(incoming.close)


async def receive_form(
    request: Request,
    root: Path,
    directory: str,
    *,
    owner: str = "",
    check: Callable[[Mapping[str, str]], None] | None = None,
) -> list[str]:
    """Store the files of a form, whatever the names of its fields.

    ``check`` is called before the first file, with the fields that come before it; what it raises
    refuses the form.
    """
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    boundary = options.get(b"boundary")
    if kind != b"multipart/form-data" or not boundary:
        raise InvalidInput(
            "send files as multipart/form-data", hint='run "curl -F file=@hello_1.0_amd64.deb URL"'
        )
    incoming = Incoming(root, directory, owner)
    form = _Form(incoming, check)
    try:
        parser = MultipartParser(boundary, form.callbacks())  # type: ignore[arg-type]
        async for chunk in chunks(request):
            await _do(lambda data=chunk: parser.write(data))  # type: ignore[misc]
        await _do(parser.finalize)
        if not form.complete:
            raise InvalidInput("the form ends before its last boundary")
        if not form.files:
            raise InvalidInput("the form holds no file")
        return await _do(incoming.commit)
    except FormParserError as error:
        raise InvalidInput(f"the form is malformed: {error}") from None
    finally:
        await run_in_threadpool(incoming.close)


class _Form:
    """Callbacks of a multipart parser that store the parts as files."""

    def __init__(
        self, incoming: Incoming, check: Callable[[Mapping[str, str]], None] | None = None
    ) -> None:
        self._incoming = incoming
        self._check = check
        self._fields: dict[str, str] = {}
        self._value_of: tuple[str, bytes] | None = None  #: the field that is being read
        self._header = (b"", b"")
        self._headers: dict[bytes, bytes] = {}
        self.files = 0
        self.complete = False

    def callbacks(self) -> dict[str, Callable[..., None]]:
        """Return the callbacks under the parser's names."""
        return {
            "on_part_begin": self._headers.clear,
            "on_header_field": self._field,
            "on_header_value": self._value,
            "on_header_end": self._header_end,
            "on_headers_finished": self._begin,
            "on_part_data": self._data,
            "on_part_end": self._end,
            "on_end": self._complete,
        }

    def _field(self, data: bytes, start: int, end: int) -> None:
        self._header = (self._header[0] + data[start:end], self._header[1])
        self._limit()

    def _value(self, data: bytes, start: int, end: int) -> None:
        self._header = (self._header[0], self._header[1] + data[start:end])
        self._limit()

    def _limit(self) -> None:
        if sum(map(len, self._header)) > _HEADER_LIMIT or len(self._headers) > 32:
            raise InvalidInput("the headers of a part of the form are too long")

    def _header_end(self) -> None:
        self._headers[self._header[0].lower()] = self._header[1]
        self._header = (b"", b"")

    def _begin(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        name = options.get(b"filename")
        if name is None:  # a field, and no file
            self._value_of = options.get(b"name", b"").decode(errors="replace"), b""
            return
        text = name.decode(errors="replace").replace("\\", "/").rpartition("/")[2]
        if not text:
            raise InvalidInput("a file of the form has no name")
        if not self.files and self._check is not None:
            self._check(self._fields)
        self._incoming.begin(text)
        self.files += 1

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._value_of is None:
            self._incoming.write(data[start:end])
            return
        name, value = self._value_of
        if self._check is None or self.files:  # nobody asks for it
            return
        self._value_of = name, value + data[start:end]
        if len(self._value_of[1]) > _HEADER_LIMIT or len(self._fields) > _MOST_FIELDS:
            raise InvalidInput("the fields of the form are too long")

    def _end(self) -> None:
        self._incoming.end()
        if self._value_of is not None:
            name, value = self._value_of
            self._fields[name] = value.decode(errors="replace")
            self._value_of = None

    def _complete(self) -> None:
        self.complete = True


async def chunks(request: Request) -> AsyncIterator[bytes]:
    """Yield the body in chunks; raise `InvalidInput` if the client stops sending."""
    stream = request.stream().__aiter__()
    while True:
        try:
            chunk = await asyncio.wait_for(anext(stream), _PATIENCE)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise InvalidInput(f"the client sent nothing for {_PATIENCE:.0f} seconds") from None
        except ClientDisconnect:
            raise InvalidInput("the client has disconnected") from None
        if chunk:
            yield chunk


async def _do(action: Callable[[], T]) -> T:
    """Access the disk in a thread."""
    try:
        return await run_in_threadpool(action)
    except OSError as error:
        raise _explain(error) from error


def _explain(error: OSError) -> DebrepoError:
    if error.errno == ENAMETOOLONG or isinstance(
        error, (NotADirectoryError, IsADirectoryError, FileExistsError)
    ):
        return InvalidInput(f"cannot upload to this place: {error.strerror}")
    return cannot_write("the upload", error)


def names(found: Iterable[Path]) -> list[str]:
    """Return the names of files, without hidden ones, which are incomplete."""
    return sorted(path.name for path in found if not path.name.startswith("."))

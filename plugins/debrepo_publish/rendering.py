"""Rendering: package sets become indexes, in every compression, with all their sums."""

from __future__ import annotations

import bz2
import hashlib
import lzma
import queue
import threading
from typing import TYPE_CHECKING, NamedTuple, Protocol

import zstandard
from isal import isal_zlib

from debrepo import packageset
from debrepo.catalog import CHUNKS
from debrepo.index import IndexKind, Layout, Published
from debrepo_publish import plan as planning
from debrepo_publish.model import COMPRESSIONS, SUMS, Index

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from debrepo.database import Transaction
    from debrepo_publish.plan import Plan

#: Measured on Debian's main: level 2 takes a third of the time of level 6, for 6 % more bytes.
XZ_PRESET = 2
ZSTD_LEVEL = 9


class Rendered(NamedTuple):
    """An index file: its path below the distribution, its sums, and its bytes if stored."""

    path: str
    sums: Index
    data: bytes | None


class _Compressor(Protocol):
    def compress(self, data: bytes, /) -> bytes: ...
    def flush(self) -> bytes: ...


def _compressor(name: str) -> _Compressor:
    match name:
        case "gz":
            compressor: _Compressor = isal_zlib.compressobj(level=3, wbits=31)
        case "xz":
            compressor = lzma.LZMACompressor(preset=XZ_PRESET, check=lzma.CHECK_CRC64)
        case "bz2":
            compressor = bz2.BZ2Compressor()
        case _:
            compressor = zstandard.ZstdCompressor(level=ZSTD_LEVEL).compressobj()
    return compressor


def digests(data: bytes, sums: Iterable[str]) -> tuple[str, str, str, str]:
    """Return the MD5, SHA1, SHA256 and SHA512 of ``data``; those not asked for are empty."""
    wanted = {*sums, "sha256"}
    md5, sha1, sha256, sha512 = (
        hashlib.new(name, data, usedforsecurity=False).hexdigest() if name in wanted else ""
        for name in SUMS
    )
    return md5, sha1, sha256, sha512


class _Writer:
    """An index in the making: its plain text is hashed and compressed as it comes."""

    def __init__(self, path: str, compressions: Sequence[str], sums: Iterable[str]) -> None:
        self.path = path
        self._hashes = {
            name: hashlib.new(name, usedforsecurity=False)
            for name in SUMS
            if name in {*sums, "sha256"}
        }
        self._sums = tuple(sums)
        self._size = 0
        self._plain: list[bytes] | None = [] if "plain" in compressions else None
        self._forms = {name: _compressor(name) for name in compressions if name != "plain"}
        self._packed: dict[str, list[bytes]] = {name: [] for name in self._forms}

    def feed(self, data: bytes) -> None:
        """Take the next part of the text."""
        self._size += len(data)
        for digest in self._hashes.values():
            digest.update(data)
        if self._plain is not None:
            self._plain.append(data)
        for name, form in self._forms.items():
            self._packed[name].append(form.compress(data))

    def finish(self) -> Iterator[Rendered]:
        """Yield the plain form, whose sums are always listed, then the compressed ones."""
        plain = None if self._plain is None else b"".join(self._plain)
        md5, sha1, sha256, sha512 = (
            self._hashes[name].hexdigest() if name in self._hashes else "" for name in SUMS
        )
        index = Index(self._size, md5, sha1, sha256, sha512, stored=plain is not None)
        yield Rendered(self.path, index, plain)
        for name, form in self._forms.items():
            data = b"".join((*self._packed[name], form.flush()))
            index = Index(len(data), *digests(data, self._sums), stored=True)
            yield Rendered(self.path + COMPRESSIONS[name], index, data)


class _Feeder:
    """A thread that hashes and compresses while the next chunk is being rendered."""

    def __init__(self) -> None:
        self._queue: queue.Queue[tuple[_Writer, bytes] | None] = queue.Queue(maxsize=16)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def feed(self, writer: _Writer, data: bytes) -> None:
        self._queue.put((writer, data))

    def close(self) -> None:
        """Wait until everything is done; raise what went wrong."""
        self._queue.put(None)
        self._thread.join()
        if self._error:
            raise self._error

    def _work(self) -> None:
        while item := self._queue.get():
            if self._error is None:
                try:
                    item[0].feed(item[1])
                except BaseException as error:
                    self._error = error


def render(txn: Transaction, plan: Plan, kinds: Sequence[IndexKind]) -> Iterator[Rendered]:
    """Yield every index of a generation, in every form that the publication asks for."""
    publication = plan.publication
    for component, part in sorted(plan.generation.parts.items()):
        layout = Layout(component, plan.generation.architectures, publication.sums)
        writers: dict[str, _Writer] = {}

        def writer(
            path: str, component: str = component, known: dict[str, _Writer] = writers
        ) -> _Writer:
            name = f"{component}/{path}"
            if path not in known:
                known[path] = _Writer(name, publication.compressions, publication.sums)
            return known[path]

        for kind in kinds:
            for path in kind.expected(layout):
                writer(path)
        feeder = _Feeder()
        try:
            for chunk in packageset.chunks(txn[CHUNKS], part.set_id):
                entries = packageset.entries_of(txn[CHUNKS], chunk.hash)
                packages = [
                    Published(*found) for found in planning.published(txn, plan, component, entries)
                ]
                for kind in kinds:
                    for path, data in kind.fragment(packages, layout).items():
                        feeder.feed(writer(path), data)
        finally:
            feeder.close()
        for path in sorted(writers):
            yield from writers[path].finish()

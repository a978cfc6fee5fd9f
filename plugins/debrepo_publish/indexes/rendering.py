"""Rendering: units become indexes, in every form, with all their sums.

What has been rendered or compressed before comes from the cache; what is new is rendered
here and compressed on every core. The text of a few units is held at a time.
"""

from __future__ import annotations

import hashlib
import os
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from debrepo.stopping import checkpoint
from debrepo_publish.indexes.fragments import pack_texts, piece_key, unpack_texts
from debrepo_publish.model.publication import COMPRESSIONS, SUMS, Index

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from debrepo_publish.indexes.cache import Cache
    from debrepo_publish.indexes.compression import Form
    from debrepo_publish.indexes.fragments import Unit

_BATCH = 8  # units that are looked up in the cache together
_AHEAD = 8  # units that may wait for a core; bounds what is held in memory
_UNPACKED = ("plain", "bz2")  # whose pieces are the text itself
_KEPT = 8 << 20  # bytes of new pieces that are written to the cache at once


class Rendered(NamedTuple):
    """An index file: its path below the distribution, its sums, its bytes if it is new.

    Without bytes, a stored file is known to be there already.
    """

    path: str
    sums: Index
    data: bytes | None


def digests(data: bytes, sums: Iterable[str]) -> tuple[str, str, str, str]:
    """Return the MD5, SHA1, SHA256 and SHA512 of ``data``; those not asked for are empty."""
    md5, sha1, sha256, sha512 = _Sums(sums, data).hexdigests()
    return md5, sha1, sha256, sha512


class _Sums:
    """The digests of a text as it comes, and its length."""

    def __init__(self, sums: Iterable[str], data: bytes = b"") -> None:
        wanted = {*sums, "sha256"}
        self._hashes = {n: hashlib.new(n, usedforsecurity=False) for n in SUMS if n in wanted}
        self.size = 0
        self.feed(data)

    def feed(self, data: bytes) -> None:
        self.size += len(data)
        for digest in self._hashes.values():
            digest.update(data)

    def hexdigests(self) -> list[str]:
        return [self._hashes[name].hexdigest() if name in self._hashes else "" for name in SUMS]


class _Piece(NamedTuple):
    """A unit in one form: by path, or a promise of it."""

    form: Form
    key: bytes
    texts: Future[dict[str, bytes]] | Mapping[str, bytes]


class Renderer:
    """Renders the indexes of one component after the other."""

    def __init__(self, cache: Cache, forms: Sequence[Form], sums: Sequence[str]) -> None:
        self._cache = cache
        self._forms = forms
        self._sums = sums
        self._workers = ThreadPoolExecutor(os.cpu_count() or 1)
        self._fresh: dict[bytes, bytes] = {}
        self._fresh_size = 0

    def close(self) -> None:
        """Keep what is new, and let the threads go."""
        self._workers.shutdown(cancel_futures=True)
        self._cache.put(self._fresh)
        self._fresh = {}

    def render(
        self, units: Iterable[Unit], expected: Iterable[str], forms: Sequence[Form] | None = None
    ) -> Iterator[Rendered]:
        """Yield the indexes that the units make up, and those expected, empty or not."""
        chosen = self._forms if forms is None else forms
        plain = {path: _Sums(self._sums) for path in expected}
        packed: dict[str, dict[str, list[bytes]]] = {form.name: {} for form in chosen}
        waiting: deque[_Piece] = deque()
        rest = iter(units)
        while batch := list(islice(rest, _BATCH)):
            known = self._known(batch, chosen)
            for unit in batch:
                checkpoint()
                texts = self._texts(unit, known)
                for path, text in texts.items():
                    if path not in plain:
                        plain[path] = _Sums(self._sums)
                    plain[path].feed(text)
                waiting += (self._piece(form, unit, texts, known) for form in chosen)
                while len(waiting) > _AHEAD * len(chosen):
                    self._take(waiting.popleft(), packed)
        for piece in waiting:
            self._take(piece, packed)
        for path, sums in sorted(plain.items()):
            yield from self._joined(path, sums, chosen, packed)

    def _known(self, units: Sequence[Unit], forms: Sequence[Form]) -> dict[bytes, bytes]:
        keys = [unit.key for unit in units if unit.cached]
        kept = [form.name for form in forms if form.name not in _UNPACKED]
        return self._cache.get(keys + [piece_key(name, u.key) for u in units for name in kept])

    def _texts(self, unit: Unit, known: Mapping[bytes, bytes]) -> Mapping[str, bytes]:
        record = known.get(unit.key)
        if record is not None:
            return unpack_texts(record)
        texts = unit.render()
        if unit.cached:
            self._keep(unit.key, pack_texts(texts))
        return texts

    def _piece(
        self, form: Form, unit: Unit, texts: Mapping[str, bytes], known: Mapping[bytes, bytes]
    ) -> _Piece:
        if form.name in _UNPACKED:
            return _Piece(form, b"", texts)
        key = piece_key(form.name, unit.key)
        record = known.get(key)
        if record is not None:
            return _Piece(form, key, unpack_texts(record))
        return _Piece(form, key, self._workers.submit(_pack, form, texts))

    def _take(self, piece: _Piece, packed: dict[str, dict[str, list[bytes]]]) -> None:
        texts = piece.texts
        if isinstance(texts, Future):
            texts = texts.result()
            self._keep(piece.key, pack_texts(texts))
        for path, text in texts.items():
            packed[piece.form.name].setdefault(path, []).append(text)

    def _keep(self, key: bytes, record: bytes) -> None:
        self._fresh[key] = record
        self._fresh_size += len(record)
        if self._fresh_size > _KEPT:
            self._cache.put(self._fresh)
            self._fresh, self._fresh_size = {}, 0

    def _joined(
        self,
        path: str,
        plain: _Sums,
        forms: Sequence[Form],
        packed: dict[str, dict[str, list[bytes]]],
    ) -> Iterator[Rendered]:
        """Yield the plain form, whose sums are always listed, then the compressed ones."""
        stored = any(form.name == "plain" for form in forms)
        if not stored:
            md5, sha1, sha256, sha512 = plain.hexdigests()
            yield Rendered(path, Index(plain.size, md5, sha1, sha256, sha512, stored=False), None)
        for form in forms:
            data = form.join(packed[form.name].pop(path, []))
            index = Index(len(data), *digests(data, self._sums), stored=True)
            yield Rendered(path + COMPRESSIONS[form.name], index, data)


def _pack(form: Form, texts: Mapping[str, bytes]) -> dict[str, bytes]:
    return {path: form.pack(text) for path, text in texts.items()}

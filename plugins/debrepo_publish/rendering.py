"""Rendering: units become indexes, in every form, with all their sums.

What has been rendered or compressed before comes from the cache; what is new is rendered
here and compressed on every core. The text of one group of units is held at a time.
"""

from __future__ import annotations

import hashlib
import os
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

from debrepo_publish.model import COMPRESSIONS, SUMS, Index
from debrepo_publish.units import group_key, groups, pack_texts, unpack_texts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from debrepo_publish.cache import Cache
    from debrepo_publish.forms import Form
    from debrepo_publish.units import Unit

_AHEAD = 8  # groups that may wait for a core; bounds what is held in memory
_KEPT = 16 << 20  # bytes of new pieces that are written to the cache at once


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


class _Group(NamedTuple):
    """Units that one form compresses together: the pieces, or a promise of them."""

    form: Form
    key: bytes
    pieces: Future[dict[str, bytes]] | dict[str, bytes]


class Renderer:
    """Renders the indexes of one component after the other."""

    def __init__(self, cache: Cache, forms: Sequence[Form], sums: Sequence[str]) -> None:
        self._cache = cache
        self._forms = forms
        self._sums = sums
        self._workers = ThreadPoolExecutor(os.cpu_count() or 1)
        self._fresh: dict[bytes, bytes] = {}

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
        coarsest = max((form.coarseness for form in chosen), default=0)
        plain = {path: _Sums(self._sums) for path in expected}
        packed: dict[str, dict[str, list[bytes]]] = {form.name: {} for form in chosen}
        waiting: deque[_Group] = deque()
        for run in groups(units, coarsest):
            texts = self._texts(run)
            for unit_texts in texts:
                for path, text in unit_texts.items():
                    plain.setdefault(path, _Sums(self._sums)).feed(text)
            for form in chosen:
                waiting += self._compress(form, run, texts)
            while len(waiting) > _AHEAD * len(chosen):
                self._take(waiting.popleft(), packed)
        for group in waiting:
            self._take(group, packed)
        for path, sums in sorted(plain.items()):
            yield from self._joined(path, sums, chosen, packed)

    def _texts(self, run: Sequence[Unit]) -> list[Mapping[str, bytes]]:
        known = self._cache.get([unit.key for unit in run if unit.cached])
        texts: list[Mapping[str, bytes]] = []
        for unit in run:
            record = known.get(unit.key)
            if record is not None:
                texts.append(unpack_texts(record))
                continue
            rendered = unit.render()
            if unit.cached:
                self._keep(unit.key, pack_texts(rendered))
            texts.append(rendered)
        return texts

    def _compress(
        self, form: Form, run: Sequence[Unit], texts: Sequence[Mapping[str, bytes]]
    ) -> Iterator[_Group]:
        by_key = {unit.key: text for unit, text in zip(run, texts, strict=True)}
        for group in groups(run, form.coarseness):
            key = group_key(form.name, group)
            known = self._cache.get([key])
            if known:
                yield _Group(form, key, unpack_texts(known[key]))
                continue
            joined: dict[str, list[bytes]] = {}
            for unit in group:
                for path, text in by_key[unit.key].items():
                    joined.setdefault(path, []).append(text)
            yield _Group(form, key, self._workers.submit(_pack, form, joined))

    def _take(self, group: _Group, packed: dict[str, dict[str, list[bytes]]]) -> None:
        pieces = group.pieces
        if isinstance(pieces, Future):
            pieces = pieces.result()
            if group.form.name not in ("plain", "bz2"):  # these are the text itself
                self._keep(group.key, pack_texts(pieces))
        for path, piece in pieces.items():
            packed[group.form.name].setdefault(path, []).append(piece)

    def _keep(self, key: bytes, record: bytes) -> None:
        self._fresh[key] = record
        if sum(map(len, self._fresh.values())) > _KEPT:
            self._cache.put(self._fresh)
            self._fresh = {}

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


def _pack(form: Form, joined: Mapping[str, Sequence[bytes]]) -> dict[str, bytes]:
    return {path: form.pack(b"".join(texts)) for path, texts in joined.items()}

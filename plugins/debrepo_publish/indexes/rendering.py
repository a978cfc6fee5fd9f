"""Rendering: fragments become indexes, in every compression, with all their checksums.

Fragments that were rendered or compressed before come from the cache; new ones are rendered
here and compressed on every core. The text of a few fragments is in memory at a time.
"""

from __future__ import annotations

import os
from collections import deque
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from debrepo.stopping import checkpoint
from debrepo.values import NamedTuple
from debrepo_publish.indexes import contexts
from debrepo_publish.indexes.admission import LEFT_OUT, read_notes
from debrepo_publish.indexes.assembly import Assembly, SpooledBytes
from debrepo_publish.indexes.crew import Crew, Promise
from debrepo_publish.model.hashing import Checksums
from debrepo_publish.model.publication import COMPRESSIONS, Index

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from debrepo.package import Entry
    from debrepo_publish.indexes.cache import Cache, Name, Outline
    from debrepo_publish.indexes.compression import Compression
    from debrepo_publish.indexes.fragments import Fragment, Group

_BATCH = 8  # fragments that are looked up in the cache together
_AHEAD = 8  # fragments that may wait for a core; limits what is in memory
_UNPACKED = ("plain", "bz2")  # whose fragments are the text itself
_PATCHED = ("/Packages", "/Sources")  # indexes that clients may have patches of
_KEPT = 8 << 20  # bytes of new fragments that are written to the cache at once


class Rendered(NamedTuple):
    """An index file: its path below the distribution, its checksums, its bytes if it is new.

    Without bytes, a stored file is in the storage already.
    """

    path: str
    checksums: Index
    data: bytes | SpooledBytes | None
    maker: str = ""  #: the kind of index and its plugin, if it was made just now
    pool: str = ""  #: the SHA256 of the file in the pool that has the bytes, if it is new
    below: str = ""  #: the path below the component, of an index without its compression
    #: The keys of the fragments that such an index consists of, and how many lines each has.
    outline: Outline = ()


#: Indexes on their way, by compression and path.
_Packed = dict["Compression", dict[str, Assembly]]


class _Compressed(NamedTuple):
    """A fragment in one compression: text by path, or a promise of it."""

    compression: Compression
    key: bytes
    texts: Promise[dict[str, bytes]] | Mapping[str, bytes]


def render(
    cache: Cache,
    checksums: Sequence[str],
    groups: Iterable[Group],
    left_out: dict[Entry, str],
    *,
    outlined: bool,
) -> Iterator[Rendered]:
    """Yield the indexes that fragments make up, group by group; ``outlined``: with outlines."""
    renderer = _Renderer(cache, checksums, left_out, outlined=outlined)
    try:
        for group in groups:
            for item in renderer.render(group):
                maker = f"{group.wanted.name} of plugin {group.wanted.plugin}"
                yield item._replace(path=f"{group.component}/{item.path}", maker=maker)
    finally:
        renderer.close()


class _Renderer:
    """Renders one group of indexes after the other."""

    def __init__(
        self, cache: Cache, checksums: Sequence[str], left_out: dict[Entry, str], *, outlined: bool
    ) -> None:
        self._cache = cache
        self._outlined = outlined
        self._left_out = left_out
        self._checksums = checksums
        self._workers = Crew(os.cpu_count() or 1)
        self._fresh: dict[Name, Mapping[str, bytes]] = {}
        self._fresh_size = 0

    def close(self) -> None:
        """Keep the new fragments, and end the threads."""
        self._workers.close()
        self._cache.put(self._fresh)
        self._fresh = {}

    def render(self, group: Group) -> Iterator[Rendered]:
        """Yield the indexes that the fragments make up, and the expected ones even if empty."""
        chosen = group.compressions
        plain: dict[str, Checksums] = {}
        outlines: dict[str, list[tuple[bytes, int]]] = {}
        packed: _Packed = {one: {} for one in chosen}
        for path in group.expected:
            self._begin(group, path, plain, packed)
        waiting: deque[_Compressed] = deque()
        rest = iter(group.fragments)
        while batch := list(islice(rest, _BATCH)):
            known = self._known(batch, chosen)
            for fragment in batch:
                checkpoint()
                texts = self._without_notes(self._texts(fragment, known))
                for path, text in texts.items():
                    if path not in plain:
                        self._begin(group, path, plain, packed)
                    plain[path].feed(text)
                    if self._outlined and path.endswith(_PATCHED) and fragment.cached:
                        lines = fragment.key, text.count(b"\n")
                        outlines.setdefault(path, []).append(lines)
                waiting += (self._compressed(one, fragment, texts, known) for one in chosen)
                while len(waiting) > _AHEAD * len(chosen):
                    self._take(waiting.popleft(), packed)
        for compressed in waiting:
            self._take(compressed, packed)
        for path, checksums in sorted(plain.items()):
            outline = tuple(outlines.get(path, ()))
            for item in self._joined(path, checksums, chosen, packed):
                yield item._replace(below=path, outline=outline) if item.path == path else item

    def _begin(
        self,
        group: Group,
        path: str,
        plain: dict[str, Checksums],
        packed: _Packed,
    ) -> None:
        """Begin an index with its header, which is compressed by itself, like a fragment."""
        wanted = group.wanted
        header = contexts.header(wanted, path)
        plain[path] = Checksums(self._checksums, header)
        for one in group.compressions if header else ():
            self._assembly(packed, one, path).add(one.pack(header))

    def _assembly(self, packed: _Packed, compression: Compression, path: str) -> Assembly:
        """Return what an index is put together in."""
        found = packed[compression].get(path)
        if found is None:
            found = Assembly(compression, self._checksums, self._cache.path)
            packed[compression][path] = found
        return found

    def _known(
        self, fragments: Sequence[Fragment], compressions: Sequence[Compression]
    ) -> dict[Name, dict[str, bytes]]:
        kept = [one.name for one in compressions if one.name not in _UNPACKED]
        names = [(fragment.key, "") for fragment in fragments if fragment.cached]
        return self._cache.get(names + [(f.key, name) for f in fragments for name in kept])

    def _texts(
        self, fragment: Fragment, known: Mapping[Name, Mapping[str, bytes]]
    ) -> Mapping[str, bytes]:
        name = (fragment.key, "")
        if name in known:
            return known[name]
        texts = fragment.render()
        if fragment.cached:
            self._keep(name, texts)
        return texts

    def _without_notes(self, texts: Mapping[str, bytes]) -> Mapping[str, bytes]:
        """Return the text of indexes, having noted what was left out of it."""
        if LEFT_OUT not in texts:
            return texts
        self._left_out.update(read_notes(texts[LEFT_OUT]))
        return {path: text for path, text in texts.items() if path != LEFT_OUT}

    def _compressed(
        self,
        compression: Compression,
        fragment: Fragment,
        texts: Mapping[str, bytes],
        known: Mapping[Name, Mapping[str, bytes]],
    ) -> _Compressed:
        if compression.name in _UNPACKED:
            return _Compressed(compression, b"", texts)
        kept = known.get((fragment.key, compression.name))
        if kept is not None:
            return _Compressed(compression, fragment.key, kept)
        promised = self._workers.promise(partial(_compress, compression, texts))
        return _Compressed(compression, fragment.key, promised)

    def _take(self, fragment: _Compressed, packed: _Packed) -> None:
        texts, name = fragment.texts, fragment.compression.name
        if isinstance(texts, Promise):
            texts = texts.result()
            self._keep((fragment.key, name), texts)
        for path, text in texts.items():
            self._assembly(packed, fragment.compression, path).add(text)

    def _keep(self, name: Name, texts: Mapping[str, bytes]) -> None:
        self._fresh[name] = texts
        self._fresh_size += sum(map(len, texts.values()))
        if self._fresh_size > _KEPT:
            self._cache.put(self._fresh)
            self._fresh, self._fresh_size = {}, 0

    def _joined(
        self,
        path: str,
        plain: Checksums,
        compressions: Sequence[Compression],
        packed: _Packed,
    ) -> Iterator[Rendered]:
        """Yield the plain index, whose checksums are always listed, then the compressed ones."""
        stored = any(one.name == "plain" for one in compressions)
        if not stored:
            md5, sha1, sha256, sha512 = plain.hexdigests()
            yield Rendered(path, Index(plain.size, md5, sha1, sha256, sha512, stored=False), None)
        for one in compressions:
            index, data = self._assembly(packed, one, path).end()
            del packed[one][path]
            yield Rendered(path + COMPRESSIONS[one.name], index, data)


def _compress(compression: Compression, texts: Mapping[str, bytes]) -> dict[str, bytes]:
    return {path: compression.pack(text) for path, text in texts.items()}

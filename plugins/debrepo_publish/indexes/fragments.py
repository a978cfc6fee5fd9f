"""Units: the pieces of text that indexes are made of, each known by what it was made from.

A unit stands for one chunk of a package set, or for a few of a Contents file. Its text is
rendered and compressed when nobody has done so before, and kept.
"""

from __future__ import annotations

from _blake2 import blake2b  # hashlib would load OpenSSL for it
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from debrepo.index_kind import IndexKind, Layout, Published


def key_of(*parts: bytes) -> bytes:
    """Return the hash of what something is made from."""
    digest = blake2b(digest_size=20)
    for part in parts:
        digest.update(len(part).to_bytes(4, "big"))
        digest.update(part)
    return digest.digest()


class Unit(ABC):
    """A piece of one or several indexes, by path below a component."""

    def __init__(self, key: bytes) -> None:
        self.key = key

    @abstractmethod
    def render(self) -> Mapping[str, bytes]:
        """Return the text that this unit adds to each index."""

    @property
    def cached(self) -> bool:
        """Whether the text is worth keeping: whether making it takes work."""
        return True


class PackagesUnit(Unit):
    """What one chunk of a package set adds to the indexes of every kind."""

    def __init__(
        self,
        key: bytes,
        load: Callable[[], Sequence[Published]],
        kinds: Sequence[IndexKind],
        layout: Layout,
    ) -> None:
        super().__init__(key)
        self._load = load
        self._kinds = kinds
        self._layout = layout

    def render(self) -> Mapping[str, bytes]:
        packages = self._load()
        texts: dict[str, bytes] = {}
        for kind in self._kinds:
            texts.update(kind.fragment(packages, self._layout))
        return texts


class LinesUnit(Unit):
    """What a few chunks of a Contents file add to it; the text is there as good as written."""

    def __init__(self, chunks: Sequence[bytes], path: str, load: Callable[[], bytes]) -> None:
        super().__init__(key_of(b"lines", *chunks))
        self._path = path
        self._load = load

    def render(self) -> Mapping[str, bytes]:
        return {self._path: self._load()}

    @property
    def cached(self) -> bool:
        return False


def piece_key(form: str, unit: bytes) -> bytes:
    """Return the key under which what a form makes of a unit is kept."""
    return key_of(form.encode(), unit)


def pack_texts(texts: Mapping[str, bytes]) -> bytes:
    """Return texts by path as one record of the cache."""
    head = "".join(f"{path}\0{len(text)}\n" for path, text in texts.items())
    return b"".join((head.encode(), b"\n", *texts.values()))


def unpack_texts(record: bytes) -> dict[str, bytes]:
    """Return the texts that `pack_texts` made a record of."""
    if record[:1] == b"\n":
        return {}
    head, _, _ = record.partition(b"\n\n")
    texts, position = {}, len(head) + 2
    for line in head.decode().split("\n"):
        path, _, size = line.partition("\0")
        texts[path] = record[position : position + int(size)]
        position += int(size)
    return texts

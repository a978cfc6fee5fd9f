"""Units: the pieces of text that indexes are made of, each known by what it was made from.

A unit stands for one chunk: of a package set, or of a Contents file. Its text is rendered
when nobody has rendered it before, and kept. Units are compressed in groups whose bounds
their own first entries decide, so that a change moves no bound but its own.
"""

from __future__ import annotations

from _blake2 import blake2b  # hashlib would load OpenSSL for it
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, TypeVar
from zlib import crc32

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from debrepo.index import IndexKind, Layout, Published

U = TypeVar("U", bound="Unit")

_SHIFT = 8  # the lower bits of the CRC are those that cut chunks; see `debrepo.packageset`


def key_of(*parts: bytes) -> bytes:
    """Return the hash of what something is made from."""
    digest = blake2b(digest_size=20)
    for part in parts:
        digest.update(len(part).to_bytes(4, "big"))
        digest.update(part)
    return digest.digest()


class Unit(ABC):
    """A piece of one or several indexes, by path below a component."""

    def __init__(self, key: bytes, first: bytes) -> None:
        self.key = key
        self._bound = crc32(first[: first.rindex(b"\0")]) >> _SHIFT

    def starts_group(self, coarseness: int) -> bool:
        """Tell whether a group of about ``2 ** coarseness`` units starts here."""
        return not self._bound & ((1 << coarseness) - 1)

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
        first: bytes,
        load: Callable[[], Sequence[Published]],
        kinds: Sequence[IndexKind],
        layout: Layout,
    ) -> None:
        super().__init__(key, first)
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
    """What one chunk of a Contents file adds to it; the text is there as good as written."""

    def __init__(self, chunk: bytes, first: bytes, path: str, load: Callable[[], bytes]) -> None:
        super().__init__(key_of(b"lines", chunk), first)
        self._path = path
        self._load = load

    def render(self) -> Mapping[str, bytes]:
        return {self._path: self._load()}

    @property
    def cached(self) -> bool:
        return False


def groups(units: Iterable[U], coarseness: int) -> Iterator[list[U]]:
    """Yield runs of units that are compressed together."""
    run: list[U] = []
    for unit in units:
        if run and unit.starts_group(coarseness):
            yield run
            run = []
        run.append(unit)
    if run:
        yield run


def group_key(form: str, group: Iterable[Unit]) -> bytes:
    """Return the key under which a group of units is kept in one form."""
    return key_of(form.encode(), *(unit.key for unit in group))


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

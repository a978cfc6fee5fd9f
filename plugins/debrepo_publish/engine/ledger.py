"""The ledger: the files at a place, their content, and how many generations need each.

A *place* is a storage and a prefix: what shares one ``pool/``. Every file that debrepo
writes there has a row that counts the live generations that refer to it. A file without
a row is foreign, and is never changed.
"""

from __future__ import annotations

from _blake2 import blake2b  # hashlib would load OpenSSL for it
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from debrepo.values import NamedTuple
from debrepo_publish.model.tables import FILES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from collections.abc import Set as AbstractSet

    from debrepo.database import Transaction


_NONE: Mapping[str, str] = MappingProxyType({})

_LONGEST = 400  # bytes of a path in a key, which holds 511 with the names of table and place

#: Files that are put in place, made durable and counted together.
BATCH = 4096


class Held(NamedTuple):
    """A row of the ledger; the digest is empty for files that may be replaced."""

    references: int
    sha256: str
    size: int
    freed: int = 0  #: when the last reference was released, in seconds since the epoch
    version: str = ""  #: as the storage returned it; see `debrepo.storage.Storage.put`


class File(NamedTuple):
    """A file at a place: its path below the prefix, its digest and its size in bytes."""

    path: str
    sha256: str
    size: int


@lru_cache(maxsize=64)
def place_key(place: str) -> bytes:
    """Return what the keys of everything at a place start with."""
    return blake2b(place.encode(), digest_size=8).hexdigest().encode() + b"\0"


def _key(place: str, path: str) -> bytes:
    return place_key(place) + fitting(path.encode())


def fitting(name: bytes) -> bytes:
    """Return what stands for a name in a key after a `place_key`, where a long one has no room.

    It holds a NUL if it is not the name itself; then the name is in the row.
    """
    if len(name) <= _LONGEST:
        return name
    return name[:_LONGEST] + b"\0" + blake2b(name, digest_size=16).hexdigest().encode()


def _row(place: str, path: str, held: Held) -> tuple[bytes, bytes]:
    """Return the key and the row of a file."""
    references, sha256, size, freed, version = held
    row = f"{references} {size} {freed} {sha256}{' ' if version else ''}{version}".encode()
    name = path.encode()
    key = fitting(name)
    return place_key(place) + key, row if key is name else row + b"\0" + name


def _load(row: bytes) -> Held:
    if b"\0" in row:
        row = row.partition(b"\0")[0]
    references, size, freed, sha256, *version = row.decode().split(" ", 4)
    return Held(int(references), sha256, int(size), int(freed), *version)


def get(txn: Transaction, place: str, path: str) -> Held | None:
    """Return the row of a file, or ``None`` for one that debrepo did not write."""
    return reader(txn, place)(path)


def reader(txn: Transaction, place: str) -> Callable[[str], Held | None]:
    """Return a faster `get` for many calls, before any of which rows may change."""
    row_of, start = txn[FILES].get, place_key(place)
    if next(txn[FILES].prefix_keys(start), None) is None:
        return lambda _: None

    def held(path: str) -> Held | None:
        row = row_of(start + fitting(path.encode()))
        return None if row is None else _load(row)

    return held


def expect(txn: Transaction, place: str, paths: Iterable[str]) -> None:
    """Fetch the rows of files in one go, where the database is far away."""
    if txn.far:
        start = place_key(place)
        txn[FILES].preload(start + fitting(path.encode()) for path in paths)


def claim(
    txn: Transaction,
    place: str,
    files: Iterable[File],
    versions: Mapping[str, str] = _NONE,
    absent: AbstractSet[str] = frozenset(),
) -> set[str]:
    """Count one more reference to each file, as often as it is named.

    Return the paths that nothing referred to before. ``versions`` has those of the files that
    were put there, as far as they are known. Those that are ``absent`` have no row for certain.
    """
    known, rows, new = reader(txn, place), dict[str, Held](), set[str]()
    for path, sha256, size in files:
        held = rows.get(path) or (None if path in absent else known(path))
        if held is None or not held.references:
            new.add(path)
        references, version = (held.references + 1, held.version) if held else (1, "")
        rows[path] = Held(references, sha256, size, 0, versions.get(path, version))
    _store(txn, place, rows)
    return new


def note(txn: Transaction, place: str, versions: Mapping[str, str]) -> None:
    """Store the versions of files that were put there again."""
    known = reader(txn, place)
    rows = {path: held for path in versions if (held := known(path))}
    changed = {path: held._replace(version=versions[path]) for path, held in rows.items()}
    _store(txn, place, changed)


def release(txn: Transaction, place: str, paths: Iterable[str], now: int) -> list[str]:
    """Count one reference less to each file, and return those without any."""
    rows, counts = _rows(txn, place, paths), dict[str, int]()
    changed: dict[bytes, bytes] = {}
    for path, key, row in rows:
        known = changed.get(key, row)
        if known is not None:
            references, size, _, rest = known.split(b" ", 3)
            counts[path] = max(int(references) - 1, 0)
            changed[key] = b"%d %b %d %b" % (counts[path], size, now, rest)
    txn[FILES].put_many(changed.items())
    return [path for path, count in counts.items() if not count]


def _rows(
    txn: Transaction, place: str, paths: Iterable[str]
) -> Iterator[tuple[str, bytes, bytes | None]]:
    """Yield the key and the row of each file, as bytes: what goes through many takes them apart."""
    start, known = place_key(place), list(paths)
    keys = [start + fitting(path.encode()) for path in known]
    return zip(known, keys, txn[FILES].get_many(keys), strict=True)


def _store(txn: Transaction, place: str, rows: dict[str, Held]) -> None:
    txn[FILES].put_many(_row(place, path, held) for path, held in rows.items())


def set_count(
    txn: Transaction, place: str, path: str, references: int, file: File | None, now: int
) -> None:
    """Set the number of references to a file; see `reconciling`."""
    held = get(txn, place, path) or Held(0, file.sha256 if file else "", file.size if file else 0)
    freed = 0 if references else held.freed or now
    key, row = _row(place, path, held._replace(references=references, freed=freed))
    txn[FILES][key] = row


def unneeded(txn: Transaction, place: str, paths: Iterable[str], since: int) -> list[str]:
    """Return those of ``paths`` that have had no reference since then."""
    return [
        path
        for path, _, row in _rows(txn, place, paths)
        if row is not None and row.startswith(b"0 ") and int(row.split(b" ", 3)[2]) <= since
    ]


def remove(txn: Transaction, place: str, paths: Iterable[str]) -> None:
    """Remove the rows of deleted files."""
    discard, start = txn[FILES].discard, place_key(place)
    for path in sorted(paths):
        discard(start + fitting(path.encode()))


def files(txn: Transaction, place: str) -> Iterator[tuple[str, Held]]:
    """Yield every file that a place holds, by path."""
    start = place_key(place)
    for key, row in txn[FILES].prefix(start):
        name = key[len(start) :]
        yield (row.partition(b"\0")[2] if b"\0" in name else name).decode(), _load(row)

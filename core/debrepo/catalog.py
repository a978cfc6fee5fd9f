"""The catalog: every package that debrepo knows, and the tables that packages live in."""

from __future__ import annotations

from itertools import islice, tee
from typing import TYPE_CHECKING

from debrepo.database import Table, bytes_table
from debrepo.errors import NotFound
from debrepo.package import Entry, Package, PackageKey, decode, digests
from debrepo.refs import TableRef
from debrepo.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from debrepo.database import Transaction


class Defect(NamedTuple):
    """What is wrong inside a package, as found when its data was read."""

    file: str  #: of the package
    reason: str
    hint: str
    rules: str  #: what it was held against, limits included; others may let it pass


def _load_defect(data: bytes) -> Defect:
    return Defect(*bytes(data).decode().split("\0"))


def _dump_defect(defect: Defect) -> bytes:
    return "\0".join(part.replace("\0", " ") for part in defect).encode(errors="backslashreplace")


PACKAGES = bytes_table("core.packages")  #: `Entry` to the record of `package.encode`
#: `Entry` to the package's path list, compressed; nothing of one whose data was not read yet
CONTENTS = bytes_table("core.contents")
#: `Entry` to what is wrong with a package that is broken, and so has no path list
DEFECTS = Table("core.defects", _load_defect, _dump_defect, bytes, bytes)
CHUNKS = bytes_table("core.chunks")  #: hash to a chunk of a package set, or a node above
#: SHA256 of pool files that a cleanup will delete, unless a package comes to name them
CONDEMNED = bytes_table("core.condemned")

TABLES = (
    TableRef("core.packages", 1, "debrepo.catalog:PACKAGES"),
    TableRef("core.contents", 1, "debrepo.catalog:CONTENTS"),
    TableRef("core.defects", 1, "debrepo.catalog:DEFECTS", ahead=8),
    TableRef("core.chunks", 1, "debrepo.catalog:CHUNKS"),
    TableRef("core.condemned", 1, "debrepo.catalog:CONDEMNED", ahead=1),
    TableRef("core.identity", 1, "debrepo.fencing:IDENTITY", ahead=1),
    TableRef("core.repeats", 1, "debrepo.repeats:REPEATS", ahead=4),
    TableRef("core.transfers", 1, "debrepo.database.transfers:TRANSFERS"),
)

_WALK = 4096  # packages to read before the pages that they stand on are unmapped


class Known(NamedTuple):
    """A package on its way into the catalog, as ingest hands it over."""

    entry: Entry
    record: bytes
    contents: bytes  #: the path list, as zstd; empty where the data was not read


def add(txn: Transaction, packages: Iterable[Known]) -> None:
    """Store packages; the files must be in the pool, and durable, already."""
    known = sorted(packages)
    txn[PACKAGES].put_many((package.entry, package.record) for package in known)
    put_contents(txn, [(p.entry, p.contents) for p in known if p.contents])
    if txn[CONDEMNED]:  # a cleanup is at work
        for package in known:
            keep(txn, digests(package.record))


def put_contents(txn: Transaction, lists: Iterable[tuple[Entry, bytes]]) -> None:
    """Store path lists, in the order of their packages; what has one is not broken."""
    lists = list(lists)
    if not lists:
        return
    txn[CONTENTS].put_many(lists)
    if txn[DEFECTS]:
        for entry, _ in lists:
            txn[DEFECTS].discard(entry)


def keep(txn: Transaction, files: Iterable[str]) -> None:
    """Keep a cleanup from deleting pool files, by SHA256, that a record names from now on."""
    for digest in files:
        txn[CONDEMNED].discard(bytes.fromhex(digest))


def get(txn: Transaction, entry: bytes) -> Package:
    """Return a package by its entry in a package set."""
    return _package(entry, txn[PACKAGES].get(entry))


def reader(txn: Transaction) -> Callable[[bytes], Package]:
    """Return a function that does what `get` does, in less time where it is called often."""
    stored = txn[PACKAGES].get
    return lambda entry: _package(entry, stored(entry))


def expecting(txn: Transaction, entries: Iterable[Entry]) -> Iterable[Entry]:
    """Return entries as they are; the records of some at a time are fetched if that takes long."""
    return _expecting(txn, entries) if txn.far else entries


def _expecting(txn: Transaction, entries: Iterable[Entry]) -> Iterator[Entry]:
    rest, size = iter(entries), 64
    while batch := list(islice(rest, size)):
        txn[PACKAGES].preload(batch)
        yield from batch
        size = min(4 * size, _WALK)


def get_many(txn: Transaction, entries: Iterable[bytes]) -> Iterator[Package]:
    """Yield packages by their entries in package sets."""
    asked, wanted = tee(entries)
    for number, record in enumerate(txn[PACKAGES].get_many(asked), 1):
        if not number % _WALK:
            txn.trim()
        yield _package(next(wanted), record)


def _package(entry: bytes, record: bytes | None) -> Package:
    key = PackageKey.from_entry(entry)
    if record is None:
        raise NotFound(f"no package {key} in the database", hint='run "debrepo db check"')
    return decode(key, record)


def find(txn: Transaction, name: str = "") -> Iterator[Entry]:
    """Yield the entries of all packages called ``name``, or of all there are."""
    prefix = name.encode() + b"\0" if name else b""
    for entry in txn[PACKAGES].prefix_keys(prefix):
        yield Entry(entry)


def paths(txn: Transaction, entry: bytes) -> bytes:
    """Return the paths that a package installs or unpacks to, sorted, one on a line.

    There are none of a package whose data was not read yet; see `debrepo.ingest.deep`.
    """
    packed = txn[CONTENTS].get(entry)
    if not packed:
        return b""
    import zstandard

    return zstandard.ZstdDecompressor().decompress(packed)

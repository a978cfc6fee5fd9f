"""Filters: the packages of a list with a name or a version, counted without reading them."""

from __future__ import annotations

from collections import Counter
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

from debrepo.database import bytes_table
from debrepo_gitlab import listed_orders
from debrepo_gitlab.listed_orders import LONGEST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from debrepo.database import Table, Transaction
    from debrepo_gitlab.listed_orders import SortedRow
    from debrepo_gitlab.listings import Row

_FULL = 512  # names in a part; a change writes one part, and a search reads all
_SPLIT = 16
_DEARER = 12  # times what it costs to pass over a key: to find one by its name, and sort it

#: Project, NUL and the number of a part to its names, one a line; TAB and the number of its
#: versions follow a name that has several.
NAMES = bytes_table("gitlab.listed_names")
#: Project, NUL and the digest of a version to the number of packages.
VERSIONS = bytes_table("gitlab.listed_versions")


class Filter(NamedTuple):
    """The packages of a project that a client asks for, and how many they are of how many."""

    project: int
    size: int
    every: int
    part: bytes = b""  #: of the name, in lower case
    version: str | None = None
    names: Sequence[bytes] = ()  #: that contain the part


def change(
    txn: Transaction, project: int, rows: tuple[int, int], gone: Iterable[Row], new: Iterable[Row]
) -> None:
    """Count names and versions; ``rows`` says how many packages there were and are."""
    names: Counter[bytes] = Counter()
    versions: Counter[str] = Counter()
    for sign, changed in ((-1, gone), (1, new)):
        for row in changed:
            names[row.name.encode()] += sign
            versions[row.version] += sign
    for version, more in versions.items():
        if more:
            key = _version_key(project, version)
            _put(txn, VERSIONS, key, b"%d" % (int(txn[VERSIONS].get(key, b"0")) + more))
    parts = _parts(rows[1])
    if parts != _parts(rows[0]):
        for key, data in list(txn[NAMES].prefix(b"%d\0" % project)):
            names.update(dict(_lines(data)))
            del txn[NAMES][key]
    by_part: dict[bytes, Counter[bytes]] = {}
    for name, more in names.items():
        if more:
            key = _part_key(project, _hash(name) % parts)
            by_part.setdefault(key, Counter())[name] = more
    for key, part in by_part.items():
        part.update(dict(_lines(txn[NAMES].get(key, b""))))
        lines = (_line(name, count) for name, count in sorted(part.items()) if count > 0)
        _put(txn, NAMES, key, b"\n".join(lines))


def discard(txn: Transaction, project: int) -> None:
    """Delete what is counted of a project."""
    for table in (NAMES, VERSIONS):
        for key in list(txn[table].prefix_keys(b"%d\0" % project)):
            del txn[table][key]


def choose(txn: Transaction, project: int, every: int, name: str, version: str) -> Filter:
    """Return the packages whose names contain ``name``, in lower case, and with this version."""
    found = Filter(project, every, every, name.encode(), version or None)
    if version:
        found = found._replace(size=int(txn[VERSIONS].get(_version_key(project, version), b"0")))
    if not name or not found.size:
        return found
    if not version:
        once, counted = _containing(txn, found)
        size = len(once) + sum(count for _, count in counted)
        names = [*once, *(each for each, _ in counted)]
        return Filter(project, size, every, found.part, names=names)
    return found._replace(size=sum(1 for _ in _of_version(txn, found)))


def sorted_rows(
    txn: Transaction, found: Filter, letter: str, *, backwards: bool
) -> Iterable[SortedRow]:
    """Return the packages that a filter lets through, in an order.

    Few are sorted here, and many are found in the whole list, which costs less than to find
    each of them.
    """
    if found.size == found.every:
        return listed_orders.walk(txn, found.project, letter, backwards=backwards)
    if letter == "v" and found.version is not None:
        return _of_version(txn, found, backwards=backwards)
    if found.size * _DEARER > found.every:
        whole = listed_orders.walk(txn, found.project, letter, part=found.part, backwards=backwards)
        return filter(_fitting(txn, found, letter), whole)
    if found.version is not None:
        rows = _of_version(txn, found)
        return sorted((listed_orders.moved(one, "v", letter) for one in rows), reverse=backwards)
    if letter == "n":
        return _by_name(txn, found, backwards=backwards)
    rows = _by_name(txn, found)
    return sorted((listed_orders.moved(one, "n", letter) for one in rows), reverse=backwards)


def _by_name(txn: Transaction, found: Filter, *, backwards: bool = False) -> Iterator[SortedRow]:
    fits = _fitting(txn, found, "n")
    for name in sorted({name[:LONGEST] for name in found.names}, reverse=backwards):
        rows = listed_orders.walk(txn, found.project, "n", name + b"\0", backwards=backwards)
        yield from rows if len(name) < LONGEST else filter(fits, rows)


def _of_version(txn: Transaction, found: Filter, *, backwards: bool = False) -> Iterator[SortedRow]:
    start = listed_orders.version_key(found.version or "") + b"\0"
    rows = listed_orders.walk(txn, found.project, "v", start, part=found.part, backwards=backwards)
    return filter(_fitting(txn, found, "v"), rows)


def _fitting(txn: Transaction, found: Filter, letter: str) -> Callable[[SortedRow], bool]:
    """Return a function that says whether a filter lets a package of an order through."""
    part = found.part
    text = None if found.version is None else found.version.encode()

    def fits(one: SortedRow) -> bool:
        name, version = name_and_version(txn, letter, one)
        return part in name.lower() and (text is None or version == text)

    return fits


def name_and_version(txn: Transaction, letter: str, one: SortedRow) -> tuple[bytes, bytes]:
    """Return the name and the version of a package of an order."""
    name, version, *_ = listed_orders.read(letter, one)
    if len(name) < LONGEST and len(version) < LONGEST:
        return name, version
    row = _row(txn, one)
    return row.name.encode(), row.version.encode()


def _row(txn: Transaction, one: SortedRow) -> Row:
    from debrepo_gitlab.listings import ROWS, row_key

    return txn[ROWS][row_key(one[1], listed_orders.number_of(one))]


def _containing(
    txn: Transaction, found: Filter
) -> tuple[Sequence[bytes], Sequence[tuple[bytes, int]]]:
    """Return the names that contain the part of a filter: those of one version, and the others."""
    once: list[bytes] = []
    counted: list[tuple[bytes, int]] = []
    for number in range(_parts(found.every)):
        data = txn[NAMES].get(_part_key(found.project, number), b"")
        lower = data.lower()
        if found.part not in lower:
            continue
        lines = data.split(b"\n")
        if lower != data:
            lines = [line for line in lines if found.part in line.lower()]
        else:
            lines = [line for line in lines if found.part in line]
        if b"\t" in data:
            several = (_read_line(line) for line in lines if b"\t" in line)
            counted += [one for one in several if found.part in one[0].lower()]  # and no number
            lines = [line for line in lines if b"\t" not in line]
        once += lines
    return once, counted


def _read_line(line: bytes) -> tuple[bytes, int]:
    name, tab, count = line.partition(b"\t")
    return name, int(count) if tab else 1


def _lines(data: bytes) -> Iterator[tuple[bytes, int]]:
    return map(_read_line, data.split(b"\n") if data else ())


def _line(name: bytes, count: int) -> bytes:
    return name if count == 1 else b"%b\t%d" % (name, count)


def _parts(rows: int) -> int:
    parts = 1
    while rows > parts * _FULL:
        parts *= _SPLIT
    return parts


def _part_key(project: int, number: int) -> bytes:
    return b"%d\0%d" % (project, number)


def _hash(name: bytes) -> int:
    return int.from_bytes(blake2b(name, digest_size=4).digest(), "big")


def _version_key(project: int, version: str) -> bytes:
    digest = blake2b(version.encode(), digest_size=16).hexdigest()
    return b"%d\0%b" % (project, digest.encode())


def _put(txn: Transaction, table: Table[bytes, bytes], key: bytes, value: bytes) -> None:
    """Store what is counted; nothing, if there is none."""
    if value in (b"", b"0"):
        txn[table].discard(key)
    else:
        txn[table][key] = value

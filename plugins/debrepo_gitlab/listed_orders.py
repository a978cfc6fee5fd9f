"""Orders: keys that sort the packages of a project as clients ask for them, and name them.

Each key ends with the number of a package. What comes before tells the name, the version and
the date, so that a filter needs to read no package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from debrepo.database import bytes_table
from debrepo.version import sort_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from debrepo.database import Transaction
    from debrepo_gitlab.listings import Row

LONGEST = 120  # bytes of a name or a version in a key, which holds 511
_ID = 14  # hexadecimal digits

#: Keys only: project, NUL, the letter of an order, NUL, what it goes by, NUL, and the package's
#: number.
ORDERED = bytes_table("gitlab.listed_orders")


#: A package in an order: what that goes by with the number of the package, and its project.
#: Those of several projects compare as the order has them.
SortedRow = tuple[bytes, int]


class Marks(NamedTuple):
    """What a key tells of a package; names and versions that are too long are cut short."""

    name: bytes
    text: bytes  #: the version as it is written
    version: bytes  #: the version as it sorts; empty if the order is by date
    created: bytes


def keys(row: Row) -> Iterator[bytes]:
    """Yield the keys of a package in each order."""
    marks = Marks(
        row.name.encode()[:LONGEST],
        row.version.encode()[:LONGEST],
        version_key(row.version),
        b"%020.6f" % row.created,
    )
    for letter in _WRITE:
        order = spelled(letter, marks)
        yield b"%d\0%b\0%b\0%014x" % (row.project, letter.encode(), order, row.id)


def version_key(version: str) -> bytes:
    """Return what sorts as a version does, as far as it is in a key."""
    return sort_key(version)[:LONGEST]


#: What an order goes by. The last parts hold no NUL, and a sort key of versions may.
_WRITE: dict[str, Callable[[Marks], tuple[bytes, ...]]] = {
    "c": lambda of: (of.created, of.text, of.name),
    "n": lambda of: (of.name, of.version, of.created, of.text),
    "v": lambda of: (of.version, of.text, of.name, of.created),
}


def spelled(letter: str, marks: Marks) -> bytes:
    """Return what an order goes by."""
    return b"\0".join(_WRITE[letter](marks))


def number_of(row: SortedRow) -> int:
    """Return the number of a package."""
    return int(row[0][-_ID:], 16)


def moved(row: SortedRow, letter: str, to: str) -> SortedRow:
    """Return a package as another order has it."""
    return spelled(to, read(letter, row)) + row[0][-_ID - 1 :], row[1]


def read(letter: str, row: SortedRow) -> Marks:
    """Return what `spelled` was made from."""
    order = row[0][: -_ID - 1]
    if letter == "c":
        created, text, name = order.split(b"\0")
        return Marks(name, text, b"", created)
    if letter == "n":
        name, _, rest = order.partition(b"\0")
        version, created, text = rest.rsplit(b"\0", 2)
        return Marks(name, text, version, created)
    version, text, name, created = order.rsplit(b"\0", 3)
    return Marks(name, text, version, created)


def walk(
    txn: Transaction,
    project: int,
    letter: str,
    start: bytes = b"",
    *,
    part: bytes = b"",
    backwards: bool = False,
) -> Iterator[SortedRow]:
    """Yield the packages of a project in an order: all, or those that it begins with ``start`` for.

    ``start`` is made of whole parts, each with a NUL after it. Leave out those that ``part`` is
    nowhere in, in lower case; the caller looks where it is.
    """
    common = b"%d\0%b\0" % (project, letter.encode())
    low = common + start
    skip = len(common)
    found = txn[ORDERED].range_keys(low, low[:-1] + b"\1", reverse=backwards)
    if part:
        found = (key for key in found if part in key.lower())
    for key in found:
        yield key[skip:], project

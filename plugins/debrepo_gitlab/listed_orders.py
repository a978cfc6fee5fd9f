"""Orders: the packages of projects and groups, sorted as clients ask for them.

Each key ends with the numbers of a package and its project, so that a page reads no others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from debrepo.database import bytes_table
from debrepo.version import sort_key
from debrepo_gitlab.sequences import Line, Sequence

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from debrepo.database import Transaction
    from debrepo_gitlab.listings import Row

LONGEST = 120  # bytes of a name or a version in a key, which holds 511


def _begin_anew(txn: Transaction) -> None:
    """Discard orders that were stored otherwise; listings make them anew."""
    txn[ORDERED].clear()


#: Sequences of packages; their owners are ``5 n``, a project and a letter, or ``group:3 n``.
ORDERED = bytes_table("gitlab.listed_orders", version=2, migrations=(_begin_anew,))


class Marks(NamedTuple):
    """What packages are sorted by; names and versions that are too long are cut short."""

    name: bytes
    text: bytes  #: the version as it is written
    version: bytes  #: the version as it sorts
    created: bytes


#: What an order goes by. With ``t`` and ``w``, those of one version stand together.
_WRITE: dict[str, Callable[[Marks], tuple[bytes, ...]]] = {
    "c": lambda of: (of.created, of.text, of.name),
    "n": lambda of: (of.name, of.version, of.created, of.text),
    "v": lambda of: (of.version, of.text, of.name, of.created),
    "t": lambda of: (of.text, of.created, of.name),
    "w": lambda of: (of.text, of.name, of.created),
}
#: The order for one version that corresponds to an order for all.
OF_VERSION = {"c": "t", "n": "w", "v": "w"}


def of(txn: Transaction, whose: str, letter: str) -> Sequence:
    """Return the packages of a project, given by its number, or of a group by its key."""
    return Sequence(txn[ORDERED], f"{whose} {letter}".encode())


def change(txn: Transaction, whose: str, gone: Collection[Row], new: Collection[Row]) -> None:
    """Replace packages of a project or group in all its orders."""
    before, after = [_marks(row) for row in gone], [_marks(row) for row in new]
    for letter in _WRITE:
        keys = [_key(letter, *one) for one in zip(before, gone, strict=True)]
        lines = [
            Line(_key(letter, marks, row), row.name.lower().encode(), row.version.encode())
            for marks, row in zip(after, new, strict=True)
        ]
        of(txn, whose, letter).change(keys, lines)


def join(txn: Transaction, project: int, group: str) -> None:
    """Add the packages of a project to a group."""
    for letter in _WRITE:
        of(txn, group, letter).change((), _every(txn, project, letter))


def leave(txn: Transaction, project: int, group: str) -> None:
    """Remove the packages of a project from a group."""
    for letter in _WRITE:
        of(txn, group, letter).change((row.key for row in _every(txn, project, letter)), ())


def _every(txn: Transaction, project: int, letter: str) -> list[Line]:
    found = of(txn, str(project), letter)
    return found.lines(0, len(found))


def discard(txn: Transaction, project: int) -> None:
    """Delete the orders of a project."""
    for key in list(txn[ORDERED].prefix_keys(b"%d " % project)):
        del txn[ORDERED][key]


def numbers(key: bytes) -> tuple[int, int]:
    """Return the numbers of the project and the package that a key is of."""
    _, number, project = key.rsplit(b"\0", 2)
    return int(project), int(number, 16)


def version_bounds(version: str) -> tuple[bytes, bytes]:
    """Return where the packages of a version begin and end, in the orders by its text."""
    start = _cut(version)
    return start + b"\0", start + b"\1"


def _marks(row: Row) -> Marks:
    return Marks(
        _cut(row.name),
        _cut(row.version),
        _in_one_line(sort_key(row.version))[:LONGEST],
        b"%020.6f" % row.created,
    )


def _cut(text: str) -> bytes:
    return _in_one_line(text.encode())[:LONGEST]


def _in_one_line(key: bytes) -> bytes:
    """Return a key without newlines that sorts as this one does."""
    return key.replace(b"\x0b", b"\x0b\2").replace(b"\n", b"\x0b\1")


def _key(letter: str, marks: Marks, row: Row) -> bytes:
    order = b"\0".join(_WRITE[letter](marks))
    return b"%b\0%014x\0%d" % (order, row.id, row.project)

"""Lists of projects and groups, sorted as clients ask for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from debrepo.database import bytes_table
from debrepo_gitlab.sequences import Line, Sequence, Stretch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from debrepo.database import Transaction
    from debrepo_gitlab.containers import Container
    from debrepo_gitlab.likeness import Pageable
    from debrepo_gitlab.sequences import Block

#: Sequences; their owners are ``project n``, a kind and the letter of an order.
CONTAINER_ORDERS = bytes_table("gitlab.container_orders")

#: What an order goes by; nothing says when a project changed last.
_WRITE: dict[str, Callable[[Container], bytes]] = {
    "i": lambda one: b"%014x" % one.id,
    "n": lambda one: one.path.rpartition("/")[2].lower().encode() + b"\0",
    "c": lambda one: one.created.encode() + b"\0",
}
#: The letter of each order that clients know.
LETTERS = {
    "id": "i",
    "name": "n",
    "path": "n",
    "created_at": "c",
    "updated_at": "c",
    "last_activity_at": "c",
}


class ListedContainer(NamedTuple):
    """What a list tells of a project or group without reading it."""

    path: str
    visibility: str


def change(txn: Transaction, gone: Iterable[Container], new: Iterable[Container]) -> None:
    """Replace projects and groups in all lists."""
    before, after = list(gone), list(new)
    for kind in {one.kind for one in (*before, *after)}:
        for letter in _WRITE:
            keys = [_key(letter, one) for one in before if one.kind == kind]
            lines = [
                Line(_key(letter, one), one.path.encode(), one.visibility.encode())
                for one in after
                if one.kind == kind
            ]
            _of(txn, kind, letter).change(keys, lines)


def choose(
    txn: Transaction, kind: str, letter: str, fits: Callable[[ListedContainer], bool] | None
) -> Pageable[bytes]:
    """Return the projects or groups that fit, or all of them; `number` tells which they are."""
    order = _of(txn, kind, letter)
    if fits is None:
        return Stretch(order, 0, len(order))
    blocks = order.blocks(0, len(order))
    return [key for block in blocks for key, one in _rows(block) if fits(one)]


def below(txn: Transaction, kind: str, group: Container) -> dict[int, ListedContainer]:
    """Return the projects, or groups, of a group and of the groups below it, by number."""
    order = _of(txn, kind, "i")
    start = f"{group.path}/"
    blocks = (b for b in order.blocks(0, len(order)) if start.encode() in b.names)
    rows = (row for block in blocks for row in _rows(block))
    return {number(key): one for key, one in rows if one.path.startswith(start)}


def number(key: bytes) -> int:
    """Return the number of a project or group."""
    return int(key[-14:], 16)


def _of(txn: Transaction, kind: str, letter: str) -> Sequence:
    return Sequence(txn[CONTAINER_ORDERS], f"{kind} {letter}".encode())


def _key(letter: str, one: Container) -> bytes:
    return b"%b%014x" % (_WRITE[letter](one), one.id)


def _rows(block: Block) -> Iterator[tuple[bytes, ListedContainer]]:
    columns = (column.decode().split("\n") for column in (block.names, block.texts))
    return zip(block.keys.split(b"\n"), map(ListedContainer, *columns), strict=True)

"""The tables of mirrors: what they are, and what is known of the indexes that they were made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from debrepo.database import Table, json_table
from debrepo.package import SetId
from debrepo.packageset import EMPTY
from debrepo.values import NamedTuple
from debrepo_mirror.mirror import Mirror

if TYPE_CHECKING:
    from collections.abc import Iterator


class IndexState(NamedTuple):
    """An index as it was at the last update, and the packages that it brought."""

    checksum: str  #: the strongest one that Release lists of it
    size: int = 0
    set_id: SetId = EMPTY
    packages: int = 0
    tree: SetId = EMPTY  #: of a verbatim mirror: the files that it lists, see `debrepo.verbatim`


class ArchiveFault(NamedTuple):
    """Something wrong in an archive, which kept one package out of a mirror."""

    where: str  #: the index, or the file
    what: str  #: the package
    text: str


def _load(fields: dict[str, Any]) -> Mirror:
    lists = {name: tuple(value) for name, value in fields.items() if isinstance(value, list)}
    lists["release"] = tuple((name, value) for name, value in fields["release"])
    return Mirror(**{**fields, **lists, "set_id": SetId(bytes.fromhex(fields["set_id"]))})


def _dump(mirror: Mirror) -> dict[str, Any]:
    return {**mirror._asdict(), "set_id": mirror.set_id.hex()}


def _load_state(fields: dict[str, Any]) -> IndexState:
    tree = SetId(bytes.fromhex(fields["tree"])) if "tree" in fields else EMPTY
    set_id = SetId(bytes.fromhex(fields["set_id"]))
    return IndexState(**{**fields, "set_id": set_id, "tree": tree})


def _dump_state(state: IndexState) -> dict[str, Any]:
    return {**state._asdict(), "set_id": state.set_id.hex(), "tree": state.tree.hex()}


MIRRORS = json_table(
    "mirror.mirrors",
    load=_load,
    dump=_dump,
    record=Mirror,
    noted=lambda mirror: (f"mirror:{mirror.name}", mirror.set_id.hex()),
)

#: Keys are made with `below`: the mirror, and the path of the index below its Release file.
STATE = json_table("mirror.state", load=_load_state, dump=_dump_state, record=IndexState)

#: Keys are made with `below`: the mirror, and a number.
PROBLEMS = json_table(
    "mirror.problems",
    load=lambda fields: ArchiveFault(**fields),
    dump=lambda fault: fault._asdict(),
    record=ArchiveFault,
)

#: By the name of a mirror: the packages that an update has recorded that has not finished.
PENDING: Table[str, SetId] = Table(
    "mirror.pending", lambda data: SetId(bytes(data)), bytes, bytes.decode, str.encode
)


def _load_digests(data: bytes) -> tuple[str, ...]:
    return tuple(bytes(data[at : at + 32]).hex() for at in range(0, len(data), 32))


#: Keys are made with `below`: the mirror, and the name of a Release file; see `keeping`.
RELEASES: Table[str, tuple[str, ...]] = Table(
    "mirror.releases",
    _load_digests,
    lambda digests: bytes.fromhex("".join(digests)),
    bytes.decode,
    str.encode,
)


def below(name: str, part: str) -> str:
    """Return the key of a part of what is known of a mirror."""
    return f"{name}\0{part}"


def parts(table: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Yield what a table with keys of `below` has of a mirror, with the parts as names."""
    for key, value in table.prefix(below(name, "").encode()):
        yield key.partition("\0")[2], value

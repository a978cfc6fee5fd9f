"""The tables of imports: what is on its way, and what was brought before."""

from __future__ import annotations

from debrepo.database import bytes_table, json_table
from debrepo.values import NamedTuple

#: The name of a source, such as ``aptly:/srv/aptly``, to the set of the packages that are stored
#: and on no list yet.
PENDING = bytes_table("import.pending")


class BroughtList(NamedTuple):
    """A list as the last import has left it."""

    state: str  #: of `ForeignList`
    set_id: str  #: in hex: what the list held here
    whole: bool  #: whether all its packages could be brought


#: `brought_key` to what was brought.
BROUGHT = json_table(
    "import.brought",
    load=lambda row: BroughtList(**row),
    dump=BroughtList._asdict,
    record=BroughtList,
)


def brought_key(source: str, name: str) -> str:
    """Return the key of a list, ``kind:name``, of a source."""
    return f"{source}\0{name}"

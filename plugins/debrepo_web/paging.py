"""Paging: where a page stands among others, and the addresses of its neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar
from urllib.parse import urlencode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

T = TypeVar("T")

ROWS = 100  #: rows of a table on one page


class Pager(NamedTuple):
    """The place of a page among those of one table."""

    page: int  #: counted from 1
    rows: int  #: of all pages together
    path: str
    query: Mapping[str, str]  #: what else the address says
    size: int = ROWS

    @property
    def last(self) -> int:
        """The number of the last page."""
        return max(-(-self.rows // self.size), 1)

    @property
    def first_row(self) -> int:
        """The number of the first row on this page, counted from 1; 0 where there is none."""
        return min((self.page - 1) * self.size + 1, self.rows)

    @property
    def last_row(self) -> int:
        """The number of the last row on this page."""
        return min(self.page * self.size, self.rows)

    def url(self, page: int) -> str:
        """Return the address of another page."""
        said = {name: value for name, value in self.query.items() if value}
        if page > 1:
            said["page"] = str(page)
        return f"{self.path}?{urlencode(said)}" if said else self.path


def cut(rows: Sequence[T], page: int, size: int = ROWS) -> tuple[Sequence[T], int]:
    """Return the rows of a page and its number: that of the last one where there are fewer."""
    page = max(min(page, -(-len(rows) // size)), 1)
    return rows[(page - 1) * size : page * size], page

"""``/web/audit``: who has changed what."""

from collections.abc import Sequence
from typing import Annotated, NamedTuple, Protocol
from urllib.parse import urlencode

from fastapi import Request, Response

from debrepo.errors import InvalidInput
from debrepo.http import Door, opens
from debrepo.session import Session
from debrepo_web import rendering
from debrepo_web.filters import url
from debrepo_web.routing import pages

routes = pages()

Reading = Annotated[Door, opens("audit.list")]

_ROWS = 50  # records on a page
_DIGITS = 18  # of the number of a record, at most
#: Where the pages of things are that the log names, by the words that it has for their kinds.
_PAGES = {
    "repo": "repos",
    "mirror": "mirrors",
    "snapshot": "snapshots",
    "token": "tokens",
}


class ShownChange(Protocol):
    """A change of one thing, as the log has it."""

    @property
    def what(self) -> str: ...
    @property
    def before(self) -> str: ...
    @property
    def after(self) -> str: ...


class ShownRecord(Protocol):
    """A record of the audit log, as far as this page knows it."""

    @property
    def number(self) -> int: ...
    @property
    def time(self) -> str: ...
    @property
    def actor(self) -> str: ...
    @property
    def operation(self) -> str: ...
    @property
    def scope(self) -> str: ...
    @property
    def changes(self) -> Sequence[ShownChange]: ...


class AuditFilter(NamedTuple):
    """Which records are asked for; what is empty leaves them all."""

    actor: str = ""
    operation: str = ""
    what: str = ""

    def words(self) -> str:
        """Return the options of the command that shows the same."""
        given = (f" --{name} {value}" for name, value in self._asdict().items() if value)
        return f"debrepo audit list{''.join(given)}"

    def address(self, before: int) -> str:
        """Return the address of the page of the records before one."""
        given = {name: value for name, value in self._asdict().items() if value}
        return f"{url('audit')}?{urlencode({**given, 'before': before})}"


class AuditPage(NamedTuple):
    """A page of the log."""

    records: tuple[ShownRecord, ...]
    older: str  #: the address of the next page; empty if there is none


def audited(session: Session, wanted: AuditFilter, before: int = 0) -> AuditPage:
    """Return a page of the log; reads the records up to the last one of it, and no more."""
    found: Sequence[ShownRecord] = session.call(
        "audit.list", **wanted._asdict(), before=before, limit=_ROWS + 1
    )
    older = wanted.address(found[_ROWS - 1].number) if len(found) > _ROWS else ""
    return AuditPage(tuple(found[:_ROWS]), older)


def page_of(what: str) -> str:
    """Return the address of the page of a thing that the log names; empty where there is none."""
    kind, _, name = what.partition(":")
    return url(_PAGES[kind], name) if kind in _PAGES and name else ""


@routes.get("/audit", include_in_schema=False)
def list_(
    request: Request,
    door: Reading,
    actor: str = "",
    operation: str = "",
    what: str = "",
    before: str = "",
) -> Response:
    """List the records, the newest first."""
    if before and not (before.isascii() and before.isdigit() and len(before) <= _DIGITS):
        raise InvalidInput(f"not the number of a record: {before[:40]!r}")
    wanted = AuditFilter(actor.strip(), operation.strip(), what.strip())
    return rendering.page(
        request,
        "audit.html",
        page=audited(door.session, wanted, int(before or 0)),
        wanted=wanted,
        before=before,
        operations=sorted(n for n, one in door.session.operations.items() if one.changes),
        page_of=page_of,
        command=wanted.words(),
    )

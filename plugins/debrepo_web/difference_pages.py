"""``/web/{kind}/{name}/diff``: what two package lists do not share."""

from shlex import quote
from typing import Annotated, Literal

from fastapi import Query, Request, Response

from debrepo.http import Door, opens
from debrepo_web import differences, rendering
from debrepo_web.package_lists import MIRRORS, REPOS, SNAPSHOTS, ListKind, known_lists
from debrepo_web.paging import Pager
from debrepo_web.routing import pages

routes = pages()

Reading = Annotated[Door, opens(scope="read")]
With = Annotated[str, Query(alias="with", max_length=300)]
Only = Literal["", "added", "removed", "upgraded", "downgraded", "rebuilt"]
Page = Annotated[int, Query(ge=1, le=1_000_000_000)]

_OFFERED = 500  # lists to choose from


def _show(
    request: Request, door: Door, kind: ListKind, name: str, other: str, only: str, page: int
) -> Response:
    left = f"{kind.kind}:{name}"
    right = other if ":" in other or not other else f"{kind.kind}:{other}"
    found = differences.between(door.session, left, right, only=only, page=page) if right else None
    known = known_lists(door.session)[:_OFFERED]
    query = {"with": right, "only": only}
    return rendering.page(
        request,
        "difference.html",
        kind=kind,
        name=name,
        other=right,
        only=only,
        found=found,
        lists=[one for one in known if one != left],
        pager=found and Pager(found.page, found.matching, request.url.path, query),
        command=f"debrepo snapshot diff {quote(left)} {quote(right)}" if right else "",
    )


@routes.get("/repos/{name}/diff", include_in_schema=False)
def of_repo(
    name: str, request: Request, door: Reading, other: With = "", only: Only = "", page: Page = 1
) -> Response:
    """Compare a repository with another list."""
    return _show(request, door, REPOS, name, other, only, page)


@routes.get("/mirrors/{name}/diff", include_in_schema=False)
def of_mirror(
    name: str, request: Request, door: Reading, other: With = "", only: Only = "", page: Page = 1
) -> Response:
    """Compare a mirror with another list."""
    return _show(request, door, MIRRORS, name, other, only, page)


@routes.get("/snapshots/{name}/diff", include_in_schema=False)
def of_snapshot(
    name: str, request: Request, door: Reading, other: With = "", only: Only = "", page: Page = 1
) -> Response:
    """Compare a snapshot with another list."""
    return _show(request, door, SNAPSHOTS, name, other, only, page)

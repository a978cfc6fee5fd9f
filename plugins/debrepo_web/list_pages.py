"""``/web/repos``, ``/web/mirrors`` and ``/web/snapshots``: lists of packages."""

from shlex import quote
from typing import Annotated

from fastapi import Query, Request, Response

from debrepo.http import Door, opens
from debrepo_web import list_actions, package_lists, packages, rendering
from debrepo_web.package_lists import MIRRORS, REPOS, SNAPSHOTS, ListKind
from debrepo_web.paging import Pager
from debrepo_web.routing import pages

routes = pages()

Reading = Annotated[Door, opens(scope="read")]
Text = Annotated[str, Query(max_length=10_000)]
Page = Annotated[int, Query(ge=1, le=1_000_000_000)]


def lists(request: Request, door: Reading, kind: ListKind, name: str, page: int) -> Response:
    """List the repositories, mirrors or snapshots that there are."""
    found = package_lists.table(door.session, kind, name=name, page=page)
    return rendering.page(
        request,
        "lists.html",
        kind=kind,
        table=found,
        name=name,
        pager=Pager(found.page, found.matching, request.url.path, {"name": name}),
        command=f"debrepo {kind.kind} list",
    )


def contents(
    request: Request, door: Reading, kind: ListKind, name: str, query: str, page: int
) -> Response:
    """Show a list, and the packages in it that a query matches."""
    found = package_lists.contents(door.session, kind, name, query=query, page=page)
    asked = f"search {quote(name)} {quote(query)}" if query else f"show {quote(name)}"
    return rendering.page(
        request,
        "list.html",
        status=400 if found.complaint else 200,
        kind=kind,
        contents=found,
        query=query,
        wider=packages.wider(query),
        pager=Pager(found.page, found.matching, request.url.path, {"query": query}),
        compares="snapshot.diff" in door.session.operations,
        draws="graph.draw" in door.session.operations,
        chooses=kind is REPOS and door.caller.may(f"repo:{name}:remove"),
        copies="repo.copy" in door.session.operations and door.caller.may_some("repo:{name}:add"),
        changes=list_actions.forms_of(door, kind.kind, name),
        command=f"debrepo {kind.kind} {asked}" + ("" if query else " --with-packages"),
    )


@routes.get("/repos", include_in_schema=False)
def repos(request: Request, door: Reading, name: Text = "", page: Page = 1) -> Response:
    """List the repositories."""
    return lists(request, door, REPOS, name, page)


@routes.get("/repos/{name}", include_in_schema=False)
def repo(name: str, request: Request, door: Reading, query: Text = "", page: Page = 1) -> Response:
    """Show a repository."""
    return contents(request, door, REPOS, name, query, page)


@routes.get("/mirrors", include_in_schema=False)
def mirrors(request: Request, door: Reading, name: Text = "", page: Page = 1) -> Response:
    """List the mirrors."""
    return lists(request, door, MIRRORS, name, page)


@routes.get("/mirrors/{name}", include_in_schema=False)
def mirror(
    name: str, request: Request, door: Reading, query: Text = "", page: Page = 1
) -> Response:
    """Show a mirror."""
    return contents(request, door, MIRRORS, name, query, page)


@routes.get("/snapshots", include_in_schema=False)
def snapshots(request: Request, door: Reading, name: Text = "", page: Page = 1) -> Response:
    """List the snapshots, the newest first."""
    return lists(request, door, SNAPSHOTS, name, page)


@routes.get("/snapshots/{name}", include_in_schema=False)
def snapshot(
    name: str, request: Request, door: Reading, query: Text = "", page: Page = 1
) -> Response:
    """Show a snapshot."""
    return contents(request, door, SNAPSHOTS, name, query, page)

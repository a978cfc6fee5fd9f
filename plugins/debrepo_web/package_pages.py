"""``/web/packages``: search everything, and look at one package from all sides."""

from shlex import quote
from typing import Annotated

from fastapi import Query, Request, Response

from debrepo.errors import InvalidPackage, NotFound
from debrepo.http import Door, opens
from debrepo.package import PackageKey
from debrepo_web import packages, rendering
from debrepo_web.paging import Pager, cut
from debrepo_web.routing import pages

routes = pages()

Reading = Annotated[Door, opens(scope="read")]
Text = Annotated[str, Query(max_length=10_000)]
Page = Annotated[int, Query(ge=1, le=1_000_000_000)]

_ONE = "/packages/{name}/{version}/{architecture}/{hash}"
_PATHS = 1000  # on one page


@routes.get("/packages", include_in_schema=False)
def search(request: Request, door: Reading, query: Text = "", page: Page = 1) -> Response:
    """Search all packages."""
    found = packages.search(door.session, query, page)
    return rendering.page(
        request,
        "packages.html",
        status=400 if found.complaint else 200,
        found=found,
        query=query,
        wider=packages.wider(query),
        pager=Pager(found.page, found.matching, request.url.path, {"query": query}),
        command=f"debrepo package search {quote(query)}" if query else "debrepo package search",
    )


@routes.get("/packages/{name}", include_in_schema=False)
def named(name: str, request: Request, door: Reading) -> Response:
    """Show the versions of a package, and what needs it."""
    found = packages.named(door.session, name)
    return rendering.page(
        request,
        "package_name.html",
        found=found,
        needing=door.session.call("package.dependents", name=name, size=20),
        command=f"debrepo package show {quote(name)} --with-references",
    )


@routes.get("/packages/{name}/dependents", include_in_schema=False)
def dependents(name: str, request: Request, door: Reading, after: Text = "") -> Response:
    """List the packages that name a package in a dependency field."""
    return rendering.page(
        request,
        "dependents.html",
        name=name,
        after=after,
        needing=door.session.call("package.dependents", name=name, after=after),
        command=f"debrepo package dependents {quote(name)}",
    )


@routes.get(_ONE, include_in_schema=False)
def one(
    name: str, version: str, architecture: str, hash: str, request: Request, door: Reading
) -> Response:
    """Show one package."""
    key = PackageKey(name, architecture, version, hash)
    found = packages.details(door.session, key)
    return rendering.page(
        request,
        "package.html",
        found=found,
        command=f"debrepo package show {quote(str(key))} --with-files --with-references",
    )


@routes.get(f"{_ONE}/changelog", include_in_schema=False)
def changelog(
    name: str, version: str, architecture: str, hash: str, request: Request, door: Reading
) -> Response:
    """Show the changelog of a package."""
    key = PackageKey(name, architecture, version, hash)
    text, said, hint = "", "", ""
    try:
        text = door.session.call("package.changelog", query=str(key))
    except (NotFound, InvalidPackage) as error:
        said, hint = str(error), error.hint
    return rendering.page(
        request,
        "changelog.html",
        key=key,
        url_of=packages.package_url(key),
        text=text,
        said=said,
        hint=hint,
        command=f"debrepo package changelog {quote(str(key))}",
    )


@routes.get(f"{_ONE}/paths", include_in_schema=False)
def paths(
    name: str,
    version: str,
    architecture: str,
    hash: str,
    request: Request,
    door: Reading,
    contains: Text = "",
    page: Page = 1,
) -> Response:
    """List the paths of a package."""
    key = PackageKey(name, architecture, version, hash)
    found, said, hint = [], "", ""
    try:
        found = door.session.call("package.paths", query=str(key))
    except (NotFound, InvalidPackage) as error:
        said, hint = str(error), error.hint
    matching = [path for path in found if contains in path] if contains else found
    shown, page = cut(matching, page, _PATHS)
    return rendering.page(
        request,
        "paths.html",
        key=key,
        url_of=packages.package_url(key),
        paths=shown,
        total=len(found),
        contains=contains,
        said=said,
        hint=hint,
        pager=Pager(page, len(matching), request.url.path, {"contains": contains}, _PATHS),
        command=f"debrepo package paths {quote(str(key))}",
    )

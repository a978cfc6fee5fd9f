"""``/web/tokens``: who may do what, and new tokens for them."""

import shlex
from collections.abc import Sequence
from typing import Annotated, Protocol

from fastapi import Form, Request, Response

from debrepo.errors import InvalidInput
from debrepo.http import Door, opens
from debrepo_web import rendering
from debrepo_web.filters import url
from debrepo_web.routing import pages, see

routes = pages()

Listing = Annotated[Door, opens("token.list")]
Showing = Annotated[Door, opens("token.show")]
Creating = Annotated[Door, opens("token.create")]
Revoking = Annotated[Door, opens("token.revoke")]

#: The roles of `debrepo token create`, and what each is for.
ROLES = {
    "reader": "look at everything, download packages",
    "ci": "upload to repositories, update what is published from them",
    "maintainer": "do everything with repositories and publications",
    "admin": "do everything",
}


class ListedToken(Protocol):
    """A token, as far as these pages know it."""

    @property
    def name(self) -> str: ...
    @property
    def scopes(self) -> Sequence[str]: ...
    @property
    def created(self) -> str: ...
    @property
    def expires(self) -> str: ...


@routes.get("/tokens", include_in_schema=False)
def list_(request: Request, door: Listing) -> Response:
    """List the tokens, with a form for another one."""
    found: Sequence[ListedToken] = door.session.call("token.list")
    there = door.session.operations
    repos = door.session.call("repo.list") if "repo.list" in there else []
    return rendering.page(
        request,
        "tokens.html",
        tokens=found,
        roles=ROLES,
        repos=[one.repo.name for one in repos],
        command="debrepo token list",
    )


@routes.get("/tokens/{name}", include_in_schema=False)
def show(name: str, request: Request, door: Showing) -> Response:
    """Show what a token may do."""
    return rendering.page(
        request,
        "token.html",
        shown=door.session.call("token.show", name=name),
        command=shlex.join(["debrepo", "token", "show", name]),
    )


@routes.post("/tokens/create", include_in_schema=False)
async def create(
    request: Request,
    door: Creating,
    name: Annotated[str, Form()] = "",
    role: Annotated[str, Form()] = "",
    repos: Annotated[str, Form()] = "",
    places: Annotated[str, Form()] = "",
    scopes: Annotated[str, Form()] = "",
    days: Annotated[str, Form()] = "",
) -> Response:
    """Create a token, and show its secret, this once."""
    if days and not (days.isascii() and days.isdigit() and len(days) < 10):
        raise InvalidInput(f"{days[:40]} is not a number of days")
    secret = await door.call(
        "token.create",
        name=name.strip(),
        role=role,
        repos=repos.split(),
        places=places.split(),
        scopes=scopes.split(),
        days=int(days) if days else None,
    )
    return rendering.page(request, "new_token.html", name=name.strip(), secret=secret)


@routes.post("/tokens/{name}/revoke", include_in_schema=False)
async def revoke(name: str, request: Request, door: Revoking) -> Response:
    """Revoke a token: it is refused from now on."""
    await door.call("token.revoke", name=name)
    return see(request, url("tokens"), f"Token {name} was revoked.")

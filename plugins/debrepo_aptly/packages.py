"""``/api/packages``: all packages in the database."""

from typing import Annotated

from fastapi import Response

from debrepo.errors import InvalidInput, NotFound
from debrepo.http import Door, json_answer, known_as, opens
from debrepo.package import PackageKey
from debrepo_aptly.listing import ListQuery, list_packages
from debrepo_aptly.routes import AptlyRoutes
from debrepo_aptly.shapes import stanza_object

routes = AptlyRoutes(tags=["packages"])


@routes.get("/packages", response_model=list[str] | list[dict[str, str]])
async def search(
    asked: ListQuery, door: Annotated[Door, opens("package.search", settled=True)]
) -> Response:
    """Search all packages; different builds of one version are different packages."""
    return await list_packages(
        door, "", asked, lambda: door.session.call("package.search", **asked.arguments())
    )


@routes.get("/packages/{key}", response_model=dict[str, str])
def show(key: str, door: Annotated[Door, opens("package.show", settled=True)]) -> Response:
    """Show a package."""
    with known_as(404, InvalidInput):
        wanted = PackageKey.parse(key)
        shown = door.session.call("package.show", text=wanted.display)
    for package in (one.package for one in shown):
        if package.key[:4] == wanted[:4]:
            return json_answer(stanza_object(package))
    raise NotFound(f"no package has the key {key[:200]}", hint='ask "GET /api/packages"')

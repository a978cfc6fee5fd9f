"""``/web``: what there is."""

from typing import Annotated

from fastapi import Request, Response
from starlette.responses import RedirectResponse

from debrepo.http import Door, opens
from debrepo_web import rendering
from debrepo_web.routing import pages

routes = pages()

Reading = Annotated[Door, opens(scope="read")]


@routes.get("", include_in_schema=False)
async def start(door: Reading) -> Response:
    """Go to what is published."""
    return RedirectResponse("/web/publications", 303)


@routes.get("/publications", include_in_schema=False)
async def publications(request: Request, door: Reading) -> Response:
    """List what is published."""
    known = await door.call("publish.list") if "publish.list" in door.session.operations else []
    return rendering.page(
        request, "publications.html", publications=known, command="debrepo publish list"
    )

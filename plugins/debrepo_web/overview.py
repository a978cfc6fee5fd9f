"""``/web``: where the pages start."""

from typing import Annotated

from fastapi import Response
from starlette.responses import RedirectResponse

from debrepo.http import Door, opens
from debrepo_web.routing import pages

routes = pages()

Reading = Annotated[Door, opens(scope="read")]


@routes.get("", include_in_schema=False)
async def start(door: Reading) -> Response:
    """Go to what is published."""
    return RedirectResponse("/web/publications", 303)

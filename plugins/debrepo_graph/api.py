"""``/api/graph.EXT``: the graph over HTTP."""

from typing import Annotated

from fastapi import Query, Response

from debrepo.errors import NotFound
from debrepo.http import Door, Routes, opens
from debrepo_graph.operations import EXTENSIONS

routes = Routes(prefix="/api", tags=["graph"])

_PLAIN = {"dot", "gv", "mmd", "mermaid"}  # which a browser shows as text, and does not save


@routes.get(
    "/graph.{extension}",
    response_class=Response,
    responses={200: {"content": {"text/plain": {}, "image/svg+xml": {}, "image/png": {}}}},
)
def draw(
    extension: str,
    door: Annotated[Door, opens("graph.draw")],
    layout: Annotated[str, Query(description="horizontal or vertical")] = "",
    names: Annotated[list[str] | None, Query(alias="name", description="KIND:NAME")] = None,
) -> Response:
    """Draw what was made from what, in the format that the extension says."""
    form = EXTENSIONS.get(extension.lower())
    if form is None:
        raise NotFound(
            f"nothing is drawn as {extension[:40]!r}", hint=f"there are: {', '.join(EXTENSIONS)}"
        )
    picture = door.session.call("graph.draw", names=names or (), form=form, layout=layout)
    kind = "text/plain; charset=utf-8" if extension.lower() in _PLAIN else picture.media_type
    return Response(picture.content, media_type=kind)

"""``/api/graph.EXT``: the graph of repositories, snapshots and publications."""

from typing import Annotated

from fastapi import Query, Response

from debrepo.errors import NotFound
from debrepo.http import Door, opens
from debrepo_aptly.routes import AptlyRoutes

routes = AptlyRoutes(tags=["graph"])

#: The formats of the graph, by extension.
_FORMS = {name: name for name in ("text", "dot", "mermaid", "json", "svg", "png", "jpg", "pdf")} | {
    "txt": "text",
    "gv": "dot",
    "mmd": "mermaid",
    "jpeg": "jpg",
}
_PLAIN = {"dot", "gv", "mmd", "mermaid"}  # as text, a browser shows them instead of saving them


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
    """Draw which lists and publications were made from which, in the format of the extension."""
    form = _FORMS.get(extension.lower())
    if form is None:
        raise NotFound(
            f"unknown graph format {extension[:40]!r}", hint=f"use one of {', '.join(_FORMS)}"
        )
    picture = door.session.call("graph.draw", names=names or (), form=form, layout=layout)
    kind = "text/plain; charset=utf-8" if extension.lower() in _PLAIN else picture.media_type
    return Response(picture.content, media_type=kind)

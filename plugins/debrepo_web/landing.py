"""``/``: what is published, for people; and ``/sources``, for their apt."""

from typing import Annotated

from fastapi import Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, PlainTextResponse

from debrepo.errors import NotFound
from debrepo.http import Door, json_answer, opens
from debrepo_web import faces, rendering, trees
from debrepo_web.routing import pages

routes = pages(prefix="")

_ASK = {"Cache-Control": "no-cache"}

Anybody = Annotated[Door, opens(scope="public")]
Downloading = Annotated[Door, opens(scope="download:{storage}/{path}")]


@routes.get("/", response_class=HTMLResponse, include_in_schema=False)
async def front(request: Request, door: Anybody) -> Response:
    """Show what is published; clients that are no browsers find nothing, as ever."""
    if "text/html" not in request.headers.get("accept", ""):
        return json_answer({"error": "404 page not found"}, 404)
    found = await run_in_threadpool(_outlines, request, door)
    return rendering.public(request, door.session.config, "landing.html", faces=found)


@routes.get(
    "/publications/{storage}/{path:path}", response_class=HTMLResponse, include_in_schema=False
)
def face(storage: str, path: str, request: Request, door: Downloading) -> Response:
    """Show a publication to those who install from it."""
    found = _face(f"{storage}/{path}", request, door)
    return rendering.public(request, door.session.config, "face.html", face=found)


@routes.get("/feeds/{storage}/{path:path}", response_class=Response, include_in_schema=False)
def feed(storage: str, path: str, request: Request, door: Downloading) -> Response:
    """Return an Atom feed of new packages."""
    found = _face(f"{storage}/{path.removesuffix('.atom')}", request, door)
    text = rendering.environment().get_template("feed.xml").render(face=found)
    return Response(text, media_type="application/atom+xml", headers=_ASK)


@routes.get(
    "/sources/{storage}/{path:path}",
    tags=["published trees"],
    response_class=Response,
    responses={200: {"content": {"text/plain": {}}}},
)
def sources(storage: str, path: str, request: Request, door: Downloading) -> Response:
    """Return the ``.sources`` file for the clients of a publication, with the key in it."""
    found = _usage(f"{storage}/{path}", ".sources", request, door)
    return PlainTextResponse(found.stanza, headers=_ASK)


@routes.get(
    "/keyrings/{storage}/{path:path}",
    tags=["published trees"],
    response_class=Response,
    responses={200: {"content": {"application/pgp-keys": {}}}},
)
def keyring(storage: str, path: str, request: Request, door: Downloading) -> Response:
    """Return the public keys that clients of a publication have to trust."""
    found = _usage(f"{storage}/{path}", ".asc", request, door)
    if not found.keyring:
        raise NotFound(f"{path[:200]} is not signed")
    return Response(found.keyring, media_type="application/pgp-keys", headers=_ASK)


def _usage(path: str, ending: str, request: Request, door: Door) -> trees.Usage:
    """Return how to use the publication that a path leads to, if the caller may."""
    for tree in trees.readable(request, door):
        if tree.path + ending == path:
            return trees.usage(trees.unasked(door), tree.publication, tree.url)
    raise NotFound(f"nothing is published at {request.url.path[:300]}")


def _outlines(request: Request, door: Door) -> list[faces.Face]:
    found = {tree.publication.key: tree for tree in trees.readable(request, door)}
    session = trees.unasked(door)
    return [
        faces.outline(one, tree.url, trees.addresses("", tree.path))
        for one in (session.call("publish.overview") if found else ())
        if one.generation and (tree := found.get(one.publication.key))
    ]


def _face(path: str, request: Request, door: Door) -> faces.Face:
    """Return the publication that a path leads to, if the caller may see it and it is live."""
    session = trees.unasked(door)
    for tree in trees.readable(request, door):
        if tree.path == path:
            one = tree.publication
            words = {"distribution": one.distribution, "place": one.place}
            (overview,) = session.call("publish.overview", **words)
            if overview.generation:
                addresses = trees.addresses(trees.own_url(request), tree.path)
                return faces.whole(session, overview, tree.url, addresses)
    raise NotFound(f"nothing is published at {request.url.path[:300]}")

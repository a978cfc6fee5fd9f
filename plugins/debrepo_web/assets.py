"""``/web/static``: the style sheet and the script."""

from typing import Annotated

from fastapi import Request, Response

from debrepo.errors import NotFound
from debrepo.http import Door, opens
from debrepo.http.sending import send
from debrepo_web.rendering import HERE
from debrepo_web.routing import pages

routes = pages()

Anybody = Annotated[Door, opens(scope="public")]

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_HEADERS = {
    "Cache-Control": "public, max-age=31536000, immutable",  # the address says the version
    "X-Content-Type-Options": "nosniff",
}


@routes.get("/static/{name}", include_in_schema=False)
def static(name: str, request: Request, door: Anybody) -> Response:
    """Send a file of the pages."""
    path = HERE / "static" / name
    kind = _TYPES.get(path.suffix)
    if kind is None or "/" in name or not path.is_file():
        raise NotFound(f"the pages have no file {name[:100]!r}")
    return send(request, path, _HEADERS, kind)

"""``/repos``: the published trees, for apt."""

from html import escape
from typing import Annotated

from fastapi import Request, Response
from starlette.responses import HTMLResponse, RedirectResponse

from debrepo.errors import DebrepoError, NotFound
from debrepo.http import Door, Routes, opens
from debrepo.http.sending import ANSWERS, send
from debrepo.session import Session
from debrepo.storage import check_path, content_type

routes = Routes(prefix="/repos", tags=["published trees"])

Browsing = Annotated[Door, opens(scope="download:")]
Downloading = Annotated[Door, opens(scope="download:{storage}/{path}")]

_DEFAULT = "-"  # stands for the storage that has no name
_YEAR = 365 * 24 * 3600


@routes.get("", status_code=301, include_in_schema=False)
async def below(door: Browsing) -> Response:
    """Redirect to the list of storages."""
    return RedirectResponse("/repos/", 301)


@routes.get("/", response_class=HTMLResponse)
async def storages(door: Browsing) -> Response:
    """List the local storages."""
    names = [f"fs:{name}" for name in door.session.config.names("storage.fs")]
    links = "".join(
        f'<a href="{escape(name)}/">{escape(name)}</a>\n' for name in [_DEFAULT, *names]
    )
    return HTMLResponse(f"<!doctype html>\n<title>Published</title>\n<pre>\n{links}</pre>\n")


@routes.head("/{storage}/{path:path}", include_in_schema=False)
@routes.get(
    "/{storage}/{path:path}",
    response_class=Response,
    responses=ANSWERS,
)
def download(storage: str, path: str, request: Request, door: Downloading) -> Response:
    """Send a published file."""
    nothing = NotFound(f"nothing is published at {request.url.path[:300]}")
    if any(part.startswith(".") for part in path.split("/")):  # incomplete files are hidden
        raise nothing
    name = _known_as(door.session, storage)
    if storage != _DEFAULT and not name.partition(":")[2]:
        raise nothing  # the default one, as no scope spells it
    if name not in {"", storage}:
        door.caller.require(f"download:{name}/{path}")
    try:
        with door.session.db.read() as txn:
            hook = door.session.hook
            path = hook.debrepo_served_path(txn=txn, storage=name, path=check_path(path)) or path
            hook.debrepo_download(txn=txn, storage=name, path=path, caller=door.caller)
        local = door.session.storage(name).local_path(check_path(path))
    except DebrepoError as error:
        raise nothing from error
    if local is None:
        raise NotFound(f"the storage {storage} is not on this machine")
    immutable = path.startswith("pool/") or "/pool/" in path or "/by-hash/" in path
    cache = f"max-age={_YEAR}, immutable" if immutable else "no-cache"
    shared = "public" if door.caller.anonymous else "private"
    return send(request, local, {"Cache-Control": f"{shared}, {cache}"}, content_type(path))


def _known_as(session: Session, storage: str) -> str:
    """Return the one name of a storage; aptly's servers leave out the scheme of those here."""
    if storage == _DEFAULT:
        return ""
    scheme, _, name = storage.rpartition(":")
    return session.spelled("storage", f"{scheme or 'fs'}:{name}")

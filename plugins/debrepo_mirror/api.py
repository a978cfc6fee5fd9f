"""``/mirrors``: lazy mirrors, for apt, as their archives are."""

from typing import Annotated

from fastapi import Request, Response
from starlette.concurrency import run_in_threadpool

from debrepo.http import Door, Routes, opens
from debrepo.http.sending import ANSWERS, send
from debrepo.storage import content_type
from debrepo_mirror import fetches, pulling
from debrepo_mirror.incoming import ArrivingResponse

routes = Routes(prefix="/mirrors", tags=["mirrors for apt"])

Downloading = Annotated[Door, opens(scope="mirror:{name}:download")]

_YEAR = 365 * 24 * 3600


@routes.head("/{name}/{path:path}", include_in_schema=False)
@routes.get(
    "/{name}/{path:path}",
    response_class=Response,
    responses={
        **ANSWERS,
        502: {"description": "The archive has something else, or does not answer"},
        507: {"description": "Clients may not have more fetched: mirror.limits.pulled"},
    },
)
async def download(name: str, path: str, request: Request, door: Downloading) -> Response:
    """Send a file of a mirror's archive; if it is not here, fetch it, and send it as it comes."""
    pulled = await run_in_threadpool(pulling.find, door.session, name, path)
    whole = request.method == "HEAD" or "range" in request.headers
    incoming = await fetches.of(request).fetched(door.session, pulled, whole=whole)
    cache = f"max-age={_YEAR}, immutable" if pulled.immutable else "no-cache"
    shared = "public" if door.caller.anonymous else "private"
    headers = {"Cache-Control": f"{shared}, {cache}"}
    if incoming is not None:
        return ArrivingResponse(incoming, headers, content_type(path))
    local = door.session.pool.path(pulled.sha256)
    return await run_in_threadpool(send, request, local, headers, content_type(path))

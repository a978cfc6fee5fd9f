"""``/``: what is published, for people; and ``/sources``, for their apt."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Annotated, NamedTuple, Protocol
from urllib.parse import quote

from fastapi import Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, PlainTextResponse

from debrepo.errors import DebrepoError, NotFound
from debrepo.http import Caller, Door, json_answer, opens
from debrepo.session import Session
from debrepo_web import rendering
from debrepo_web.routing import pages

routes = pages(prefix="")

Anybody = Annotated[Door, opens(scope="public")]
Downloading = Annotated[Door, opens(scope="download:{storage}/{path}")]


class ShownPublication(Protocol):
    """A publication, as far as this page knows it."""

    @property
    def storage(self) -> str: ...
    @property
    def prefix(self) -> str: ...
    @property
    def place(self) -> str: ...
    @property
    def distribution(self) -> str: ...
    def path(self, path: str) -> str: ...


class ShownTree(NamedTuple):
    """A published tree that a caller may read, and where that is."""

    publication: ShownPublication
    url: str
    sources: str  #: the path of its .sources file

    @property
    def name(self) -> str:
        """What people call it: ``stable``, ``team/stable``."""
        return f"{self.publication.place}/{self.publication.distribution}".removeprefix("./")


@routes.get("/", response_class=HTMLResponse, include_in_schema=False)
async def front(request: Request, door: Anybody) -> Response:
    """Show what is published; clients that are no browsers find nothing, as ever."""
    if "text/html" not in request.headers.get("accept", ""):
        return json_answer({"error": "404 page not found"}, 404)
    found = await run_in_threadpool(lambda: list(_trees(request, door)))
    return rendering.page(request, "landing.html", trees=found)


@routes.get(
    "/sources/{storage}/{path:path}",
    tags=["published trees"],
    response_class=Response,
    responses={200: {"content": {"text/plain": {}}}},
)
def sources(storage: str, path: str, request: Request, door: Downloading) -> Response:
    """Return the ``.sources`` file for the clients of a publication, with the key in it."""
    wanted = f"/sources/{storage}/{path}"
    for tree in _trees(request, door):
        if tree.sources == wanted:
            one = tree.publication
            place = {"distribution": one.distribution, "place": one.place}
            text = _unasked(door).call("publish.sources", **place, url=tree.url)
            return PlainTextResponse(text, headers={"Cache-Control": "no-cache"})
    raise NotFound(f"nothing is published at {request.url.path[:300]}")


def _unasked(door: Door) -> Session:
    """Return a session that may call what the caller may not: the answers are chosen here."""
    return door.session.acting(actor=door.caller.name)


def _trees(request: Request, door: Door) -> Iterator[ShownTree]:
    session = _unasked(door)
    known: Sequence[ShownPublication] = (
        session.call("publish.list") if "publish.list" in session.operations else []
    )
    for one in known:
        url = _url(request, session, one)
        if url and _is_shown(session, one, door.caller):
            path = one.path(f"{one.distribution}.sources")
            yield ShownTree(one, url, f"/sources/{one.storage or '-'}/{path}")


def _is_shown(session: Session, one: ShownPublication, caller: Caller) -> bool:
    path = one.path(f"dists/{one.distribution}/InRelease")
    if not caller.may(f"download:{one.storage or '-'}/{path}"):
        return False
    try:
        with session.db.read() as txn:
            session.hook.debrepo_download(txn=txn, storage=one.storage, path=path, caller=caller)
    except DebrepoError:
        return False
    return True


def _url(request: Request, session: Session, one: ShownPublication) -> str:
    """Return where clients find the root of an archive: the storage knows it, or it is here."""
    prefix = "" if one.prefix == "." else one.prefix
    try:
        with closing(session.storage(one.storage)) as storage:
            if url := storage.url(prefix):
                return url
            if storage.local_path("dists") is None:
                return ""
    except DebrepoError:
        return ""
    said = request.headers.get("x-forwarded-proto", "")  # by a proxy; it only changes this answer
    scheme = said if said in {"http", "https"} else request.url.scheme
    path = quote(f"/repos/{one.storage or '-'}/{prefix}".rstrip("/"), safe="/~:")
    return f"{scheme}://{request.headers.get('host', 'localhost')}{path}"

"""``/web/publications``: what is live, how to use it, and what it was before."""

from typing import Annotated, Any

from fastapi import Query, Request, Response
from starlette.concurrency import run_in_threadpool

from debrepo.http import Door, opens
from debrepo_web import publications, rendering, trees
from debrepo_web.filters import place_of
from debrepo_web.routing import pages

routes = pages()

Reading = Annotated[Door, opens(scope="read")]


Number = Annotated[int, Query(ge=0, le=1 << 31)]

_RECENT = 6  # publishes on the page of a publication
_ROWS = 100  # of a page with history or with differences


@routes.get("/publications", include_in_schema=False)
async def list_(request: Request, door: Reading) -> Response:
    """List what is published."""
    found = await run_in_threadpool(publications.listed, door.session)
    return rendering.page(request, "publications.html", rows=found, command="debrepo publish list")


@routes.get("/publications/{place}/{distribution}", include_in_schema=False)
async def show(place: str, distribution: str, request: Request, door: Reading) -> Response:
    """Show a publication: how it is, how to use it, and what was published last."""
    place = place_of(place)

    def look() -> publications.PublicationView:
        known = door.session.call(
            "publish.show", distribution=distribution, place=place, past=False
        )
        one = known.publication
        url = trees.url_of(request, door.session, one)
        addresses = trees.Addresses()
        if trees.is_readable(door.session, one, door.caller):
            addresses = trees.addresses(trees.own_url(request), trees.path_of(one))
        return publications.shown(
            door.session, distribution, place, url, addresses, past=_RECENT + 1
        )

    found = await run_in_threadpool(look)
    one = found.overview.publication
    return rendering.page(
        request,
        "publication.html",
        view=found,
        overview=found.overview,
        publication=one,
        recent=_RECENT,
        words=publications.named(one),
        command=f"debrepo publish show {publications.named(one)}",
    )


@routes.get("/publications/{place}/{distribution}/history", include_in_schema=False)
async def history(
    place: str, distribution: str, request: Request, door: Reading, page: Number = 1
) -> Response:
    """List who has published what and when."""
    place, page = place_of(place), max(page, 1)
    words: dict[str, Any] = {"distribution": distribution, "place": place}
    known = await door.call("publish.show", **words, past=False)
    rows = await door.call("publish.history", **words, limit=page * _ROWS + 1)
    one = known.publication
    return rendering.page(
        request,
        "publication_history.html",
        publication=one,
        name=trees.name_of(one),
        rows=rows[(page - 1) * _ROWS : page * _ROWS],
        number=page,
        more=len(rows) > page * _ROWS,
        command=f"debrepo publish history {publications.named(one)}",
    )


@routes.get("/publications/{place}/{distribution}/diff", include_in_schema=False)
async def diff(
    place: str,
    distribution: str,
    request: Request,
    door: Reading,
    start: Annotated[int, Query(alias="from", ge=0, le=1 << 31)],
    to: Number = 0,
    page: Number = 1,
) -> Response:
    """Show what clients noticed between two generations; 0 is the live one."""
    place, page = place_of(place), max(page, 1)
    words: dict[str, Any] = {"distribution": distribution, "place": place}
    known = (await door.call("publish.show", **words, past=False)).publication
    found = await door.call("publish.compare", **words, start=start, end=to)
    counts: dict[str, int] = {}
    for one in found.packages:
        counts[one.change] = counts.get(one.change, 0) + 1
    start, to = start or known.live, to or known.live
    return rendering.page(
        request,
        "publication_diff.html",
        publication=known,
        name=trees.name_of(known),
        start=start,
        to=to,
        difference=found,
        counts=counts,
        packages=found.packages[(page - 1) * _ROWS : page * _ROWS],
        number=page,
        more=len(found.packages) > page * _ROWS,
        command=f"debrepo publish diff {publications.named(known)} {start} {to}",
    )

"""``/web/graph``: what was made from what, to click on."""

from shlex import quote
from typing import Annotated

from fastapi import Query, Request, Response

from debrepo.errors import PluginError
from debrepo.http import Door, opens
from debrepo.session import Session
from debrepo_web import package_lists, pictures, rendering
from debrepo_web.routing import pages

routes = pages()

Reading = Annotated[Door, opens(scope="read")]
Around = Annotated[str, Query(max_length=300)]


@routes.get("/graph", include_in_schema=False)
def graph(request: Request, door: Reading, around: Around = "", text: bool = False) -> Response:
    """Draw everything, or what something was made from and what was made from it."""
    names = [around] if around else []
    picture, said, hint = None, "", ""
    if not text:
        try:
            drawn = door.session.call("graph.draw", names=names, form="svg")
            picture = pictures.inline(drawn.content, "Graph", _urls(door.session))
        except PluginError as error:  # there is no Graphviz
            said, hint = str(error), error.hint
    lines = "" if picture else _text(door.session, names)
    return rendering.page(
        request,
        "graph.html",
        picture=picture,
        lines=lines,
        around=around,
        around_url=package_lists.list_url(around),
        said=said,
        hint=hint,
        command=f"debrepo graph {quote(around)}" if around else "debrepo graph",
    )


def _text(session: Session, names: list[str]) -> str:
    content: bytes = session.call("graph.draw", names=names, form="text").content
    return content.decode()


def _urls(session: Session) -> dict[str, str]:
    """Return the addresses of everything in the graph that has a page."""
    known = package_lists.known_lists(session)
    lists = {name: package_lists.list_url(name) for name in known}
    return lists | package_lists.publication_urls(session)

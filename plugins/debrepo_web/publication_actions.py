"""Changes of publications: what clients will notice is shown first, then it is done as a task."""

from typing import Annotated, Any

from fastapi import Form, Query, Request, Response

from debrepo.errors import InvalidInput
from debrepo.http import Door, opens
from debrepo_web import coming_changes, publishing_tasks, rendering
from debrepo_web.coming_changes import ComingChange, NamedPublication
from debrepo_web.filters import place_of, publication_url, url
from debrepo_web.list_actions import origin
from debrepo_web.routing import pages, see
from debrepo_web.task_pages import page_of

routes = pages()

Text = Annotated[str, Form(max_length=10_000)]
Many = Annotated[list[str], Form()]
Asked = Annotated[str, Query(max_length=10_000)]
ManyAsked = Annotated[list[str], Query()]

Reading = Annotated[Door, opens("publish.preview")]
Creating = Annotated[Door, opens("publish.create")]
Updating = Annotated[Door, opens("publish.update")]
Switching = Annotated[Door, opens("publish.switch")]
Promoting = Annotated[Door, opens("publish.promote")]
RollingBack = Annotated[Door, opens("publish.rollback")]
Dropping = Annotated[Door, opens("publish.drop")]

_ONE = "/publications/{place}/{distribution}"


def _target(door: Door, place: str, distribution: str) -> NamedPublication:
    """Return the publication that an address names, with the one spelling of its place."""
    return NamedPublication(distribution, door.session.spelled("place", place_of(place)))


def _page(
    request: Request,
    door: Door,
    target: NamedPublication,
    verb: str,
    coming: ComingChange | None,
    **values: Any,
) -> Response:
    """Return the page that shows a change before it is made."""
    shown = door.session.call("publish.show", **target._asdict(), past=False)
    return rendering.page(
        request,
        f"publication_{verb}.html",
        publication=shown.publication,
        name=target.words,
        address=publication_url(target),
        verb=verb,
        coming=coming,
        **values,
    )


@routes.get(f"{_ONE}/update", include_in_schema=False)
def show_update(place: str, distribution: str, request: Request, door: Reading) -> Response:
    """Show what clients will notice of an update."""
    target = _target(door, place, distribution)
    coming = coming_changes.switched(door.session, target, {})
    return _page(
        request, door, target, "update", coming, command=f"debrepo publish update {target.words}"
    )


@routes.post(f"{_ONE}/update", include_in_schema=False)
async def update(place: str, distribution: str, request: Request, door: Updating) -> Response:
    """Publish what the package lists hold now."""
    return await _begin(request, door, _target(door, place, distribution), "update")


@routes.get(f"{_ONE}/switch", include_in_schema=False)
def show_switch(
    place: str,
    distribution: str,
    request: Request,
    door: Reading,
    component: ManyAsked = [],  # noqa: B006  # FastAPI copies it
    source: ManyAsked = [],  # noqa: B006  # FastAPI copies it
) -> Response:
    """Ask for other package lists, and show what clients will notice of them."""
    target = _target(door, place, distribution)
    chosen = coming_changes.paired(component, source)
    coming = coming_changes.switched(door.session, target, chosen) if chosen else None
    shown = door.session.call("publish.show", **target._asdict(), past=False)
    names = " ".join(one.partition(":")[2] for one in chosen.values()) or "NAME"
    return _page(
        request,
        door,
        target,
        "switch",
        coming,
        components=coming_changes.components(door.session, shown.publication),
        chosen=chosen,
        command=f"debrepo publish switch {target.words} {names}",
    )


@routes.post(f"{_ONE}/switch", include_in_schema=False)
async def switch(
    place: str,
    distribution: str,
    request: Request,
    door: Switching,
    component: Many = [],  # noqa: B006  # FastAPI copies it
    source: Many = [],  # noqa: B006  # FastAPI copies it
) -> Response:
    """Publish other package lists."""
    chosen = coming_changes.paired(component, source)
    if not chosen:
        raise InvalidInput("choose what to switch to")
    target = _target(door, place, distribution)
    return await _begin(request, door, target, "switch", sources=chosen)


@routes.get(f"{_ONE}/promote", include_in_schema=False)
def show_promotion(
    place: str,
    distribution: str,
    request: Request,
    door: Reading,
    source: Asked = "",
    component: ManyAsked = [],  # noqa: B006  # FastAPI copies it
) -> Response:
    """Ask what to promote, and show what clients will notice of it."""
    target = _target(door, place, distribution)
    coming = None
    if source:
        coming = coming_changes.promoted(door.session, target, source, component)
    shown = door.session.call("publish.show", **target._asdict(), past=False)
    return _page(
        request,
        door,
        target,
        "promote",
        coming,
        lists=coming_changes.list_names(door.session),
        publications=coming_changes.other_publications(door.session, shown.publication),
        source=source,
        components=component,
        command=f"debrepo promote {source or 'FROM'} {target.words}",
    )


@routes.post(f"{_ONE}/promote", include_in_schema=False)
async def promote(
    place: str,
    distribution: str,
    request: Request,
    door: Promoting,
    source: Text = "",
    component: Many = [],  # noqa: B006  # FastAPI copies it
) -> Response:
    """Make dated snapshots, and switch to them, in one step."""
    if not source:
        raise InvalidInput("choose what to promote")
    target = _target(door, place, distribution)
    return await _begin(request, door, target, "promote", source=source, components=component)


@routes.get(f"{_ONE}/rollback", include_in_schema=False)
def show_rollback(
    place: str, distribution: str, request: Request, door: Reading, generation: Asked = ""
) -> Response:
    """Ask for an older generation, and show what clients will notice of it."""
    target = _target(door, place, distribution)
    number = _number(generation)
    shown = door.session.call("publish.show", **target._asdict())
    past = [one for one in shown.generations if one.state == "past"]
    coming = coming_changes.rolled_back(door.session, target, number) if number else None
    return _page(
        request,
        door,
        target,
        "rollback",
        coming,
        generations=past,
        generation=number,
        command=f"debrepo publish rollback {target.words} --generation {number or 'NUMBER'}",
    )


@routes.post(f"{_ONE}/rollback", include_in_schema=False)
async def rollback(
    place: str, distribution: str, request: Request, door: RollingBack, generation: Text = ""
) -> Response:
    """Publish an older generation again."""
    number = _number(generation)
    if not number:
        raise InvalidInput("choose a generation")
    target = _target(door, place, distribution)
    return await _begin(request, door, target, "rollback", generation=number)


@routes.post(f"{_ONE}/drop", include_in_schema=False)
async def drop(
    place: str, distribution: str, request: Request, door: Dropping, sure: Text = ""
) -> Response:
    """Drop a publication."""
    target = _target(door, place, distribution)
    if not sure:
        raise InvalidInput(f"mark that {target.words} is to be dropped, or it stays")
    return await _begin(request, door, target, "drop", then=url("publications"))


@routes.get("/publications/create", include_in_schema=False)
def show_create(request: Request, door: Creating, source: Asked = "") -> Response:
    """Ask what to publish for the first time, and where."""
    return rendering.page(
        request,
        "publication_create.html",
        lists=coming_changes.list_names(door.session),
        source=source,
        command="debrepo publish repo NAME [[STORAGE:]PREFIX] --distribution DISTRIBUTION",
    )


@routes.post("/publications/create", include_in_schema=False)
async def create(
    request: Request,
    door: Creating,
    source: Text = "",
    place: Text = "",
    distribution: Text = "",
    component: Text = "",
) -> Response:
    """Publish a package list for the first time."""
    named = origin(source)
    if not named or not distribution.strip():
        raise InvalidInput("choose a package list, and name the distribution")
    where = door.session.spelled("place", place.strip() or ".")  # as typed: "-" is a prefix
    target = NamedPublication(distribution.strip(), where)
    return await _begin(request, door, target, "create", **named, component=component.strip())


async def _begin(
    request: Request,
    door: Door,
    target: NamedPublication,
    verb: str,
    then: str = "",
    **arguments: Any,
) -> Response:
    """Begin a change as a task, whose page goes on to the publication."""
    for scope in door.session.operations[f"publish.{verb}"].scopes:
        door.caller.require(scope.format(place=target.place))
    name, work = publishing_tasks.TASKS[verb]
    task = await door.begin(
        f"{name} {target.words}",
        work,
        resources=[f"publication:{target.place}"],
        resumable=verb in publishing_tasks.RESUMABLE,
        **target._asdict(),
        **arguments,
    )
    return see(request, page_of(task, then or publication_url(target)))


def _number(text: str) -> int:
    """Return the number of a generation; 0 for none."""
    if text and not (text.isascii() and text.isdigit() and len(text) < 10):
        raise InvalidInput(f"not the number of a generation: {text[:40]!r}")
    return int(text or 0)

"""``/api/publish/…/sources``: the component sources of a publication."""

from typing import Annotated

from fastapi import Response
from pydantic import RootModel

from debrepo.errors import AlreadyExists
from debrepo.http import Answer, Door, Refusal, json_answer, known_as, opens
from debrepo.session import Session
from debrepo_aptly.bodies import Body, Text
from debrepo_aptly.publications import NamedSource
from debrepo_aptly.routes import AptlyRoutes
from debrepo_aptly.spelling import decode, place, plain_sources

routes = AptlyRoutes(tags=["publish"])

_PATH = "/publish/{prefix}/{distribution}/sources"


class NewSource(Body):
    """A component, and the repository or snapshot that it is made of."""

    Component: Text
    Name: Text


class NewSources(RootModel[list[NewSource]]):
    """All components, and what they are made of."""


class ChangedSource(Body):
    """What to change of a component; what is left out stays."""

    Component: str = ""
    Name: str = ""


@routes.get(_PATH, response_model=list[NamedSource])
async def list_(
    prefix: str,
    distribution: str,
    door: Annotated[Door, opens("publish.source.list", settled=True)],
) -> Response:
    """List the sources that the next update publishes, if changes are pending."""
    found = door.session.call(
        "publish.source.list", distribution=decode(distribution), place=place(door.session, prefix)
    )
    return json_answer(plain_sources(found.next_sources))


@routes.post(_PATH, status_code=201, response_model=dict[str, str])
async def add(
    prefix: str,
    distribution: str,
    body: NewSource,
    door: Annotated[Door, opens("publish.source.add", task=True)],
) -> Response:
    """Add a component with the next update."""
    return await _task(door, "add", prefix, distribution, {body.Component: body.Name})


@routes.put(_PATH, response_model=list[NamedSource])
async def replace(
    prefix: str,
    distribution: str,
    body: NewSources,
    door: Annotated[Door, opens("publish.source.replace", task=True)],
) -> Response:
    """Replace all components with the next update."""
    sources = {source.Component: source.Name for source in body.root}
    if len(sources) < len(body.root):
        raise Refusal("two sources for one component", hint="name each component once")
    if not sources:
        raise Refusal("no sources given", hint="to drop the publication, send DELETE")
    return await _task(door, "replace", prefix, distribution, sources)


@routes.delete(_PATH, response_model=dict[str, str])
async def drop(
    prefix: str,
    distribution: str,
    door: Annotated[Door, opens("publish.source.drop", task=True)],
) -> Response:
    """Discard pending changes of sources."""
    return await _task(door, "drop", prefix, distribution, {})


@routes.put(_PATH + "/{component}", response_model=dict[str, str])
async def update(
    prefix: str,
    distribution: str,
    component: str,
    body: ChangedSource,
    door: Annotated[Door, opens("publish.source.replace", task=True)],
) -> Response:
    """Change the source or the name of a component with the next update."""
    where = place(door.session, prefix)
    return await door.task(
        f"Update source {decode(component)} of {where}/{decode(distribution)}",
        _update,
        resources=[f"publication:{where}"],
        where=where,
        distribution=decode(distribution),
        component=decode(component),
        new_component=body.Component,
        name=body.Name,
    )


def _update(
    session: Session,
    where: str,
    distribution: str,
    component: str,
    new_component: str,
    name: str,
) -> Answer:
    target = {"distribution": distribution, "place": where}
    shown = session.call("publish.show", distribution=distribution, place=where, past=False)
    publication = shown.publication
    sources = publication.next_sources
    if component not in sources:
        raise Refusal(f"{publication} has no component {component}", status=404)
    wanted = new_component or component
    if wanted != component and wanted in sources:
        raise Refusal(f"{publication} already has the component {wanted}")
    sources = {
        wanted if old == component else old: (name or source) if old == component else source
        for old, source in sources.items()
    }
    _replaced(session, target, sources)
    return Answer(200, {})


@routes.delete(_PATH + "/{component}", response_model=dict[str, str])
async def remove(
    prefix: str,
    distribution: str,
    component: str,
    door: Annotated[Door, opens("publish.source.remove", task=True)],
) -> Response:
    """Remove a component with the next update."""
    return await _task(door, "remove", prefix, distribution, {decode(component): ""})


_SAYS = {"add": "Add", "replace": "Replace", "drop": "Drop changes of", "remove": "Remove"}


async def _task(
    door: Door, verb: str, prefix: str, distribution: str, sources: dict[str, str]
) -> Response:
    where, named = place(door.session, prefix), decode(distribution)
    return await door.task(
        f"{_SAYS[verb]} sources of {where}/{named}",
        _change,
        resources=[f"publication:{where}"],
        verb=verb,
        where=where,
        distribution=named,
        sources=sources,
    )


def _change(
    session: Session, verb: str, where: str, distribution: str, sources: dict[str, str]
) -> Answer:
    target = {"distribution": distribution, "place": where}
    match verb:
        case "add":
            with known_as(400, AlreadyExists):
                session.call(
                    "publish.source.add",
                    **target,
                    names=list(sources.values()),
                    components=list(sources),
                )
            return Answer(201, {})
        case "replace":
            return Answer(200, plain_sources(_replaced(session, target, sources)))
        case "remove":
            session.call("publish.source.remove", **target, components=list(sources))
        case _:
            session.call("publish.source.drop", **target)
    return Answer(200, {})


def _replaced(session: Session, target: dict[str, str], sources: dict[str, str]) -> dict[str, str]:
    names, components = list(sources.values()), list(sources)
    changed = session.call("publish.source.replace", **target, names=names, components=components)
    return changed.next_sources

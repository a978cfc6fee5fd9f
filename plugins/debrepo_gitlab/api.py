"""``/api/v4/…/debian_distributions``: the distributions of projects and groups."""

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Request, Response
from pydantic import BaseModel

from debrepo.http import Door, json_answer
from debrepo.session import Session
from debrepo_gitlab import distributions, publishing
from debrepo_gitlab.distributions import PATTERNS, TEXTS, Distribution, entity, is_name
from debrepo_gitlab.entrances import enters
from debrepo_gitlab.likeness import GitlabRoutes, page, parameters, words
from debrepo_gitlab.refusals import Malformed, NoDistribution

routes = GitlabRoutes(tags=["distributions"])

Reading = Annotated[Door, enters("read")]
Writing = Annotated[Door, enters("write")]
Deleting = Annotated[Door, enters("delete")]

_PROJECT = "/projects/{id}/debian_distributions"
_GROUP = "/groups/{id}/-/debian_distributions"
_LONGEST = 255


class DistributionObject(BaseModel):
    """A distribution."""

    id: int
    codename: str
    suite: str | None
    origin: str | None
    label: str | None
    version: str | None
    description: str | None
    valid_time_duration_seconds: int | None
    components: list[str]
    architectures: list[str]


class Said(BaseModel):
    """Result of a request."""

    message: str


@routes.get(_GROUP, response_model=list[DistributionObject])
@routes.get(_PROJECT, response_model=list[DistributionObject])
async def list_(id: str, request: Request, door: Reading) -> Response:
    """List the distributions of a project or group."""
    given = _checked(await parameters(request))
    found = await door.call("distribution.list", container=_key(door))
    chosen = [
        entity(one)
        for one in found
        if given.get("codename", one.codename) == one.codename
        and given.get("suite", one.suite) == one.suite
    ]
    return page(door.session, request, chosen)


@routes.post(_GROUP, status_code=201, response_model=DistributionObject)
@routes.post(_PROJECT, status_code=201, response_model=DistributionObject)
async def create(id: str, request: Request, door: Writing) -> Response:
    """Create a distribution."""
    given = _checked(await parameters(request), required="codename")
    new = await door.call(
        "distribution.create",
        container=_key(door),
        codename=given.pop("codename"),
        **_changes(given),
    )
    await show_soon(door, new.codename, new.changed)
    return json_answer(entity(new), 201)


@routes.get(f"{_GROUP}/{{codename}}", response_model=DistributionObject)
@routes.get(f"{_PROJECT}/{{codename}}", response_model=DistributionObject)
async def show(id: str, codename: str, door: Reading) -> Response:
    """Show a distribution."""
    return json_answer(entity(await _find(door, codename)))


@routes.get(f"{_GROUP}/{{codename}}/key.asc", response_class=Response)
@routes.get(f"{_PROJECT}/{{codename}}/key.asc", response_class=Response)
async def key(id: str, codename: str, door: Reading) -> Response:
    """Send the public key that signs a distribution."""
    found = await _find(door, codename)
    armored = await door.call("distribution.key", container=_key(door), codename=found.codename)
    name = quote(f"{found.codename}.asc")
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{name}"}
    return Response(armored, headers=headers, media_type="text/plain")


@routes.put(f"{_GROUP}/{{codename}}", response_model=DistributionObject)
@routes.put(f"{_PROJECT}/{{codename}}", response_model=DistributionObject)
async def edit(id: str, codename: str, request: Request, door: Writing) -> Response:
    """Change a distribution; its codename cannot change."""
    given = _checked(await parameters(request))
    given.pop("codename", None)
    changed = await door.call(
        "distribution.edit",
        container=_key(door),
        codename=_known(door, codename),
        **_changes(given),
    )
    await show_soon(door, changed.codename, changed.changed)
    return json_answer(entity(changed))


@routes.delete(f"{_GROUP}/{{codename}}", status_code=202, response_model=Said)
@routes.delete(f"{_PROJECT}/{{codename}}", status_code=202, response_model=Said)
async def drop(id: str, codename: str, door: Deleting) -> Response:
    """Drop a distribution and remove its published files."""
    name = _known(door, codename)
    await door.call("distribution.drop", container=_key(door), codename=name)
    return json_answer({"message": "202 Accepted"}, 202)


def _key(door: Door) -> str:
    """Return how operations find the project or group of a request, wherever it moves meanwhile."""
    key: str = door.request.state.container.key
    return key


async def _find(door: Door, codename: str) -> Distribution:
    found: Distribution = await door.call(
        "distribution.show", container=_key(door), codename=_known(door, codename)
    )
    return found


def _known(door: Door, codename: str) -> str:
    """Return a codename or suite; in strict likeness, only the codename of a distribution."""
    if not is_name(codename):
        raise Malformed("codename is invalid")
    if door.session.config["gitlab.strict"]:
        with door.session.db.read() as txn:
            found = distributions.get(txn, door.request.state.container, codename)
        if found.codename != codename:
            raise NoDistribution(f"no distribution has the codename {codename}")
    return codename


def _checked(given: dict[str, str | list[str]], required: str = "") -> dict[str, Any]:
    """Return the known parameters; raise `Malformed` with all that is wrong with them.

    They are checked in the order in which GitLab declares them.
    """
    found: dict[str, Any] = {}
    faults = []
    for name in ("codename", *TEXTS, "valid_time_duration_seconds", "components", "architectures"):
        if name not in given:
            if name == required:
                faults.append(f"{name} is missing")
            continue
        value = given[name]
        if name in {"components", "architectures"}:
            found[name] = words(value)
            valid = all(PATTERNS[name].fullmatch(word) for word in found[name])
        elif name == "valid_time_duration_seconds":
            found[name] = value
            valid = isinstance(value, str) and _is_number(value)
        else:
            found[name] = value
            valid = _fits(name, value)
        if not valid:
            faults.append(f"{name} is invalid")
    if faults:
        raise Malformed(", ".join(faults))
    return found


def _fits(name: str, value: str | list[str]) -> bool:
    if not isinstance(value, str) or len(value) > _LONGEST or "\0" in value:
        return False
    pattern = PATTERNS.get(name)
    return pattern is None or bool(pattern.fullmatch(value)) or (not value and name != "codename")


def _is_number(text: str) -> bool:
    digits = text.removeprefix("-")
    return not text or (digits.isascii() and digits.isdecimal() and len(digits) < 12)


def _changes(given: dict[str, Any]) -> dict[str, Any]:
    """Convert checked parameters to arguments of the operations."""
    changes: dict[str, Any] = {"fields": {k: v for k, v in given.items() if k in TEXTS}}
    for name in ("components", "architectures"):
        if name in given:
            changes[name] = given[name]
    if "valid_time_duration_seconds" in given:
        text = given["valid_time_duration_seconds"]
        changes["valid_for"] = int(text) if text else 0
        if text and changes["valid_for"] == 0:
            changes["valid_for"] = 1  # too short, and therefore refused; 0 would mean no expiry
    return changes


async def show_soon(door: Door, codename: str, serial: int, *, wait: bool = False) -> Response:
    """Queue a publish of a distribution; changes that arrive until then are published with it."""
    container = door.request.state.container
    return await door.task(
        f"Publish {codename} of {container.path}",
        show_changes,
        resources=[f"gitlab:{container.key} {codename}"],
        resumable=True,
        merges=True,
        wait=wait,
        container=container.key,
        codename=codename,
        serial=serial,
    )


def show_changes(session: Session, container: str, codename: str, serial: int) -> object:
    """Publish a distribution, unless another task has published its changes already."""
    if not publishing.settle(session, f"{container}\0{codename}", serial):
        return {"published": codename}
    done = session.call("distribution.publish", container=container, codename=codename)
    return {"published": codename, "generation": done[0].generation}

"""``/api/v4/user``, ``/version``, ``/projects`` and ``/groups``: what clients ask first."""

from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, Request, Response
from pydantic import BaseModel

from debrepo import __version__
from debrepo.errors import NotAuthenticated
from debrepo.http import Door, json_answer
from debrepo.session import Session
from debrepo_gitlab import containers, packages
from debrepo_gitlab.containers import Container
from debrepo_gitlab.entrances import Lobby, enters
from debrepo_gitlab.likeness import GitlabRoutes, base_url, choice, flag, page

routes = GitlabRoutes(tags=["projects"])

Asking = Annotated[Door, Depends(Lobby(), scope="function")]
Seeing = Annotated[Door, enters("see")]

_ORDERS = ("id", "name", "path", "created_at", "updated_at", "last_activity_at")
_BY_NAME = ("name", "id", "path", "created_at")
_DOWNWARDS, _UPWARDS = ("desc", "asc"), ("asc", "desc")


_KEYS: dict[str, Callable[[Container], tuple[object, ...]]] = {
    "id": lambda one: (one.id,),
    "name": lambda one: (one.path.rpartition("/")[2].lower(), one.id),
    "path": lambda one: (one.path.rpartition("/")[2].lower(), one.id),
    "created_at": lambda one: (one.created, one.id),
    "updated_at": lambda one: (one.created, one.id),
    "last_activity_at": lambda one: (one.created, one.id),
}
#: What a member of each level of GitLab's may do; who owns something may do all.
_LEVELS = {"10": "see", "20": "read", "30": "write", "40": "delete", "50": "delete"}


class ContainerObject(BaseModel):
    """A project or group."""

    id: int
    name: str
    path: str
    visibility: str


class UserObject(BaseModel):
    """The owner of a token."""

    id: int
    username: str
    name: str
    state: str


@routes.get("/user", response_model=UserObject)
async def user(request: Request, door: Asking) -> Response:
    """Show the owner of the token."""
    name = _authenticated(door)
    fields = {"username": name, "name": name, "state": "active", "web_url": ""}
    return json_answer({"id": packages.number("user", name), **fields})


@routes.get("/version", response_model=dict[str, str])
async def version(request: Request, door: Asking) -> Response:
    """Show the version of debrepo, where GitLab shows its own."""
    _authenticated(door)
    return json_answer({"version": __version__, "revision": "debrepo"})


def _authenticated(door: Door) -> str:
    if door.caller.anonymous and not door.caller.may("admin"):
        raise NotAuthenticated("this needs a token")
    return door.caller.name.partition(":")[2] or door.caller.name


@routes.get("/projects", response_model=list[ContainerObject])
def projects(request: Request, door: Asking) -> Response:
    """List the projects that the caller may see."""
    return _listed(door, request, "project")


@routes.get("/groups", response_model=list[ContainerObject])
def groups(request: Request, door: Asking) -> Response:
    """List the groups that the caller may see."""
    return _listed(door, request, "group")


@routes.get("/groups/{id}/projects", response_model=list[ContainerObject])
def projects_of_group(id: str, request: Request, door: Seeing) -> Response:
    """List the projects of a group that the caller may see."""
    return _listed(door, request, "project", below=f"{request.state.container.path}/")


def _membership(door: Door, request: Request) -> Callable[[Container], bool]:
    """Return which projects or groups a request is about: all, or those of the caller."""
    asked = request.query_params
    level = choice(asked.get("min_access_level") or None, "min_access_level", ("", *_LEVELS))
    action = _LEVELS.get(level, "")
    if flag(asked.get("owned"), "owned"):
        action = "delete"
    if flag(asked.get("membership"), "membership"):
        action = action or "see"
    if not action:
        return lambda _: True
    return containers.permits(door.caller, action, granted=True)


def _listed(door: Door, request: Request, kind: str, below: str = "") -> Response:
    asked = request.query_params
    orders = _ORDERS if kind == "project" else _BY_NAME
    sorts = _DOWNWARDS if kind == "project" else _UPWARDS
    order = choice(asked.get("order_by"), "order_by", orders)
    backwards = choice(asked.get("sort"), "sort", sorts)
    deep = not below or flag(asked.get("include_subgroups"), "include_subgroups")
    levels = ("", *containers.VISIBILITIES)
    visibility = choice(asked.get("visibility") or None, "visibility", levels)
    searched = asked.get("search", "").lower()
    may_see = containers.permits(door.caller, "see")
    is_member = _membership(door, request)
    whole_path = flag(asked.get("search_namespaces"), "search_namespaces")
    with door.session.db.read() as txn:
        found = containers.list_(txn, kind)
    rows = [
        one
        for one in found
        if one.path.startswith(below)
        and (deep or "/" not in one.path.removeprefix(below))
        and searched in (one.path if whole_path else one.path.rpartition("/")[2]).lower()
        and visibility in ("", one.visibility)
        and may_see(one)
        and is_member(one)
    ]
    rows.sort(key=_KEYS[order], reverse=backwards == "desc")
    return page(door.session, request, rows, lambda one: _entity(door.session, request, one))


@routes.get("/projects/{id}", response_model=ContainerObject)
async def project(id: str, request: Request, door: Seeing) -> Response:
    """Show a project."""
    return json_answer(_entity(door.session, request, request.state.container))


@routes.get("/groups/{id}", response_model=ContainerObject)
async def group(id: str, request: Request, door: Seeing) -> Response:
    """Show a group."""
    return json_answer(_entity(door.session, request, request.state.container))


def _entity(session: Session, request: Request, found: Container) -> dict[str, object]:
    above, _, name = found.path.rpartition("/")
    url = f"{base_url(session, request)}/api/v4/{found.kind}s/{found.id}"
    fields = {
        "id": found.id,
        "name": name,
        "path": name,
        "visibility": found.visibility,
        "created_at": found.created,
        "web_url": url,
    }
    if found.kind == "group":
        return fields | {"full_path": found.path, "full_name": found.path.replace("/", " / ")}
    return fields | {
        "path_with_namespace": found.path,
        "name_with_namespace": found.path.replace("/", " / "),
        "namespace": {"full_path": above},
        "packages_enabled": True,
    }

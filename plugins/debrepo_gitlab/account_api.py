"""``/api/v4/user``, ``/version``, ``/projects`` and ``/groups``: what clients ask first."""

from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, Request, Response
from pydantic import BaseModel

from debrepo import __version__
from debrepo.database import Transaction
from debrepo.errors import NotAuthenticated
from debrepo.http import Door, json_answer
from debrepo.session import Session
from debrepo_gitlab import container_lists, containers, packages
from debrepo_gitlab.container_lists import LETTERS, ListedContainer
from debrepo_gitlab.containers import CONTAINERS, PATHS, Container
from debrepo_gitlab.entrances import Lobby, enters
from debrepo_gitlab.likeness import GitlabRoutes, base_url, choice, flag, page
from debrepo_gitlab.sequences import Backwards

routes = GitlabRoutes(tags=["projects"])

Asking = Annotated[Door, Depends(Lobby(), scope="function")]
Seeing = Annotated[Door, enters("see")]

_ORDERS = ("id", "name", "path", "created_at", "updated_at", "last_activity_at")
_BY_NAME = ("name", "id", "path", "created_at")
_DOWNWARDS, _UPWARDS = ("desc", "asc"), ("asc", "desc")


#: What a member of each level of GitLab's may do; who owns something may do all.
_LEVELS = {"10": "see", "20": "read", "30": "write", "40": "delete", "50": "own"}


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


@routes.get("/groups/{id}/subgroups", response_model=list[ContainerObject])
def subgroups(id: str, request: Request, door: Seeing) -> Response:
    """List the groups directly in a group that the caller may see."""
    return _listed(door, request, "group", below=f"{request.state.container.path}/")


@routes.get("/groups/{id}/descendant_groups", response_model=list[ContainerObject])
def descendant_groups(id: str, request: Request, door: Seeing) -> Response:
    """List the groups anywhere below a group that the caller may see."""
    return _listed(door, request, "group", below=f"{request.state.container.path}/", deep=True)


def _action(request: Request) -> str:
    """Return what a caller has to be allowed in what is listed; empty: all is listed."""
    asked = request.query_params
    level = choice(asked.get("min_access_level") or None, "min_access_level", ("", *_LEVELS))
    action = _LEVELS.get(level, "")
    if flag(asked.get("owned"), "owned"):
        action = "own"
    if flag(asked.get("membership"), "membership"):
        action = action or "see"
    return action


def _filter(
    door: Door, request: Request, kind: str, below: str, *, deep: bool
) -> Callable[[ListedContainer], bool] | None:
    """Return a function that says whether something is to be listed; nothing: everything is."""
    asked = request.query_params
    levels = ("", *containers.VISIBILITIES)
    visibility = choice(asked.get("visibility") or None, "visibility", levels)
    searched = asked.get("search", "").lower()
    whole_path = flag(asked.get("search_namespaces"), "search_namespaces")
    action = _action(request)
    caller = door.caller
    if not (below or visibility or searched or action) and "admin" in caller.scopes:
        return None
    may_see = containers.reach(caller, "see", kind)
    is_member = containers.reach(caller, action, kind, granted=True) if action else may_see

    def fits(one: ListedContainer) -> bool:
        path = one.path
        return (
            path.startswith(below)
            and (deep or "/" not in path[len(below) :])
            and (not searched or searched in _searchable(path, whole=whole_path))
            and visibility in ("", one.visibility)
            and may_see(path, one.visibility)
            and is_member(path, one.visibility)
        )

    return fits


def _searchable(path: str, *, whole: bool) -> str:
    return (path if whole else path.rpartition("/")[2]).lower()


def _listed(
    door: Door, request: Request, kind: str, below: str = "", *, deep: bool = False
) -> Response:
    """Answer with a page; it is read alone, and the others are looked through."""
    asked = request.query_params
    orders = _ORDERS if kind == "project" else _BY_NAME
    sorts = _DOWNWARDS if kind == "project" else _UPWARDS
    order = choice(asked.get("order_by"), "order_by", orders)
    backwards = choice(asked.get("sort"), "sort", sorts) == "desc"
    deep = deep or not below or flag(asked.get("include_subgroups"), "include_subgroups")
    fits = _filter(door, request, kind, below, deep=deep)
    with door.session.db.read() as txn:

        def show(key: bytes) -> dict[str, object]:
            found = txn[CONTAINERS][f"{kind}:{container_lists.number(key)}"]
            return _entity(txn, door.session, request, found)

        found = container_lists.choose(txn, kind, LETTERS[order], fits)
        return page(door.session, request, Backwards(found) if backwards else found, show)


@routes.get("/projects/{id}", response_model=ContainerObject)
async def project(id: str, request: Request, door: Seeing) -> Response:
    """Show a project."""
    with door.session.db.read() as txn:
        return json_answer(_entity(txn, door.session, request, request.state.container))


@routes.get("/groups/{id}", response_model=ContainerObject)
async def group(id: str, request: Request, door: Seeing) -> Response:
    """Show a group."""
    with door.session.db.read() as txn:
        return json_answer(_entity(txn, door.session, request, request.state.container))


def _entity(
    txn: Transaction, session: Session, request: Request, found: Container
) -> dict[str, object]:
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
        named = {"full_path": found.path, "full_name": found.path.replace("/", " / ")}
        return fields | named | {"parent_id": txn[PATHS].get(f"group:{above}".lower())}
    return fields | {
        "path_with_namespace": found.path,
        "name_with_namespace": found.path.replace("/", " / "),
        "namespace": {"full_path": above},
        "packages_enabled": True,
    }

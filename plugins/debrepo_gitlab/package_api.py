"""``/api/v4/projects`` and ``/packages``: projects, groups, and packages of any kind."""

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Request, Response
from pydantic import BaseModel

from debrepo.http import Door, json_answer
from debrepo.session import Session
from debrepo.version import sort_key
from debrepo_gitlab import containers, documents, packages
from debrepo_gitlab.api import show_soon
from debrepo_gitlab.entrances import enters
from debrepo_gitlab.likeness import GitlabRoutes, page
from debrepo_gitlab.packages import Source
from debrepo_gitlab.refusals import Malformed, NoPackage

if TYPE_CHECKING:
    from collections.abc import Callable

routes = GitlabRoutes(tags=["packages"])

Seeing = Annotated[Door, enters("see")]
Reading = Annotated[Door, enters("read")]
Deleting = Annotated[Door, enters("delete")]

_LIST = "/projects/{id}/packages"
_ONE = f"{_LIST}/{{package}}"
_ORDERS = ("created_at", "name", "version", "type")
_SORTS = ("asc", "desc")


class ContainerObject(BaseModel):
    """A project or group."""

    id: int
    name: str
    path: str
    visibility: str


class PackageObject(BaseModel):
    """A source version and everything built from it."""

    id: int
    name: str
    version: str
    package_type: str
    status: str
    created_at: str


class FileObject(BaseModel):
    """A file of a package."""

    id: int
    package_id: int
    file_name: str
    size: int
    file_md5: str
    file_sha1: str
    file_sha256: str


@routes.get("/projects/{id}", response_model=ContainerObject)
async def project(id: str, request: Request, door: Seeing) -> Response:
    """Show a project."""
    found = request.state.container
    fields = {"path_with_namespace": found.path, "namespace": {"full_path": _parent(found.path)}}
    return json_answer(_plain(found) | fields)


@routes.get("/groups/{id}", response_model=ContainerObject)
async def group(id: str, request: Request, door: Seeing) -> Response:
    """Show a group."""
    found = request.state.container
    return json_answer(_plain(found) | {"full_path": found.path})


def _parent(path: str) -> str:
    return path.rpartition("/")[0]


def _plain(found: containers.Container) -> dict[str, object]:
    name = found.path.rpartition("/")[2]
    return {
        "id": found.id,
        "name": name,
        "path": name,
        "visibility": found.visibility,
        "created_at": found.created,
    }


@routes.get("/groups/{id}/packages", response_model=list[PackageObject])
def list_of_group(id: str, request: Request, door: Reading) -> Response:
    """List the packages of those projects of a group that the caller may read."""
    container = request.state.container
    with door.session.db.read() as txn:
        projects = containers.list_(txn, "project")
    below = [one for one in projects if one.path.startswith(f"{container.path}/")]
    readable = [
        one for one in below if one.visibility == "public" or door.caller.may(one.scope("read"))
    ]
    found = []
    for one in readable:
        with door.session.db.read() as txn:
            found += packages.of_project(door.session, txn, one)
    return _page(door, request, found)


@routes.get(_LIST, response_model=list[PackageObject])
def list_(id: str, request: Request, door: Reading) -> Response:
    """List the packages of a project."""
    found = door.session.call("distribution.packages", container=request.state.container.name)
    return _page(door, request, found)


def _page(door: Door, request: Request, found: list[Source]) -> Response:
    asked = request.query_params
    if asked.get("package_type", "debian") != "debian" or asked.get("status", "default") not in {
        "default",
        "installable",
    }:
        found = []
    if name := asked.get("package_name"):
        found = [one for one in found if name.lower() in one.name.lower()]
    if version := asked.get("package_version"):
        found = [one for one in found if one.version == version]
    rows = [_package(door.session, one) for one in found]
    order = _choice(asked.get("order_by"), "order_by", _ORDERS)
    keys: dict[str, Callable[[dict[str, Any]], object]] = {
        "created_at": lambda row: row["created_at"],
        "name": lambda row: row["name"],
        "version": lambda row: sort_key(row["version"]),
        "type": lambda row: row["package_type"],
    }
    backwards = _choice(asked.get("sort"), "sort", _SORTS) == "desc"
    rows.sort(key=keys[order], reverse=backwards)  # type: ignore[arg-type]  # each is of one type
    return page(door.session, request, rows)


def _choice(given: str | None, name: str, known: tuple[str, ...]) -> str:
    if given is None:
        return known[0]
    if given not in known:
        raise Malformed(f"{name} does not have a valid value")
    return given


@routes.get(_ONE, response_model=PackageObject)
def show(id: str, package: str, request: Request, door: Reading) -> Response:
    """Show a package."""
    return json_answer(_package(door.session, _find(door, package)))


@routes.delete(_ONE, status_code=204, response_class=Response)
async def drop(id: str, package: str, request: Request, door: Deleting) -> Response:
    """Remove a package from all distributions of its project."""
    return await _remove(door, package)


@routes.get(f"{_ONE}/package_files", response_model=list[FileObject])
def files(id: str, package: str, request: Request, door: Reading) -> Response:
    """List the files of a package."""
    found = _find(door, package)
    made = packages.created(door.session, found)
    with door.session.db.read() as txn:
        kept = documents.of_package(txn, request.state.container, found.id)
    parts = [(number, file) for number, _, file in found.files()]
    rows = [
        {
            "id": number,
            "package_id": found.id,
            "created_at": made,
            "file_name": file.name,
            "size": file.size,
            "file_md5": file.md5,
            "file_sha1": file.sha1,
            "file_sha256": file.sha256,
        }
        for number, file in sorted([*parts, *kept], key=lambda one: one[1].name)
    ]
    return page(door.session, request, rows)


@routes.delete(f"{_ONE}/package_files/{{file}}", status_code=204, response_class=Response)
async def drop_file(id: str, package: str, file: str, request: Request, door: Deleting) -> Response:
    """Remove the package that a file belongs to: a binary package or the whole source package."""
    return await _remove(door, package, file=_number(file))


async def _remove(door: Door, package: str, *, file: int | None = None) -> Response:
    container = door.request.state.container
    received = await door.call(
        "distribution.remove", container=container.name, package=_number(package), file=file
    )
    for one in received:
        await show_soon(door, one.codename, one.serial)
    return Response(status_code=204)


def _find(door: Door, package: str) -> Source:
    name = door.request.state.container.name
    return packages.pick(
        door.session.call("distribution.packages", container=name), _number(package)
    )


def _number(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > 18:
        raise NoPackage(f"no package with the number {text[:40]}")
    return int(text)


def _package(session: Session, found: Source) -> dict[str, Any]:
    return {
        "id": found.id,
        "name": found.name,
        "version": found.version,
        "package_type": "debian",
        "status": "default",
        "_links": {
            "web_path": f"/api/v4/projects/{found.project}/packages/{found.id}",
            "delete_api_path": f"/api/v4/projects/{found.project}/packages/{found.id}",
        },
        "created_at": packages.created(session, found),
        "last_downloaded_at": None,
        "pipelines": [],
        "tags": [],
        "project_id": found.project,
    }

"""``/api/v4/…/packages``: packages, which are of one kind here, and their files."""

from typing import Annotated, Any

from fastapi import Request, Response
from pydantic import BaseModel

from debrepo.database import Transaction
from debrepo.errors import DatabaseError
from debrepo.http import Door, json_answer
from debrepo.package import PackageFile
from debrepo_gitlab import (
    containers,
    documents,
    listed_orders,
    listings,
    memory,
    owners,
    package_order,
    packages,
)
from debrepo_gitlab.api import show_soon
from debrepo_gitlab.container_lists import ListedContainer
from debrepo_gitlab.containers import CONTAINERS, Container
from debrepo_gitlab.entrances import enters
from debrepo_gitlab.likeness import GitlabRoutes, Pageable, base_url, choice, flag, page
from debrepo_gitlab.listings import Row
from debrepo_gitlab.package_order import LETTERS, PackageFilter
from debrepo_gitlab.refusals import NoPackage
from debrepo_gitlab.sequences import Backwards

routes = GitlabRoutes(tags=["packages"])

Reading = Annotated[Door, enters("read")]
Deleting = Annotated[Door, enters("delete")]

_LIST = "/projects/{id}/packages"
_ONE = f"{_LIST}/{{package}}"
_ORDERS = ("created_at", "name", "version", "type")
_SORTS = ("asc", "desc")
#: Known to GitLab; the first is the default here, and the only one that there is.
_TYPES = (
    *("debian", "maven", "npm", "conan", "nuget", "pypi", "composer", "generic", "golang"),
    *("rubygems", "helm", "terraform_module", "rpm", "ml_model", "cargo"),
)
_STATUSES = ("default", "hidden", "processing", "error", "pending_destruction", "deprecated")


class PackageObject(BaseModel):
    """A source version and everything built from it."""

    id: int
    name: str
    version: str
    package_type: str
    status: str
    created_at: str
    last_downloaded_at: str | None
    project_id: int
    project_path: str


class FileObject(BaseModel):
    """A file of a package."""

    id: int
    package_id: int
    file_name: str
    size: int
    file_md5: str
    file_sha1: str
    file_sha256: str


@routes.get("/groups/{id}/packages", response_model=list[PackageObject])
def list_of_group(id: str, request: Request, door: Reading) -> Response:
    """List the packages of those projects of a group that the caller may read."""
    return _page(door, request, (*_ORDERS, "project_path"))


@routes.get(_LIST, response_model=list[PackageObject])
def list_(id: str, request: Request, door: Reading) -> Response:
    """List the packages of a project."""
    return _page(door, request, _ORDERS)


def _page(door: Door, request: Request, orders: tuple[str, ...]) -> Response:
    asked = request.query_params
    order = choice(asked.get("order_by"), "order_by", orders)
    backwards = choice(asked.get("sort"), "sort", _SORTS) == "desc"
    kind = choice(asked.get("package_type"), "package_type", _TYPES)
    status = choice(asked.get("status"), "status", _STATUSES)
    flag(asked.get("include_versionless"), "include_versionless")  # none is without a version
    of_group = request.state.container.kind == "group"
    direct = of_group and flag(asked.get("exclude_subgroups"), "exclude_subgroups")
    _refresh_all(door, request)
    may_delete = containers.permits(door.caller, "delete")
    with door.session.db.read() as txn:
        projects, every = _projects(txn, door, request, direct=direct)

        def show(key: bytes) -> dict[str, Any]:
            project, number = listed_orders.numbers(key)
            row = listings.get(txn, project, number)
            found = txn[CONTAINERS][f"project:{project}"]
            return _package(door, request, txn, found, row, may_delete=may_delete(found))

        wanted = PackageFilter(
            asked.get("package_name", "").lower(), asked.get("package_version", "")
        )
        rows: Pageable[bytes]
        if kind != "debian" or status != "default":
            rows = []
        elif order == "project_path":
            ordered = sorted(projects, key=lambda one: projects[one].path, reverse=backwards)
            rows = package_order.by_project(txn, ordered, wanted)
        else:
            if not every:
                wanted = wanted._replace(projects=frozenset(b"%d" % one for one in projects))
            container = request.state.container
            whose = container.key if container.kind == "group" else str(container.id)
            rows = package_order.choose(txn, whose, LETTERS[order], wanted)
            rows = Backwards(rows) if backwards else rows
        return page(door.session, request, rows, show)


def _projects(
    txn: Transaction, door: Door, request: Request, *, direct: bool
) -> tuple[dict[int, ListedContainer], bool]:
    """Return the projects whose packages a list shows, and whether they are all of its order."""
    container = request.state.container
    if container.kind == "project":
        return {container.id: ListedContainer(container.path, container.visibility)}, True
    projects, every = memory.of(request).readers.readable(txn, container, door.caller)
    if direct:
        start = len(container.path) + 1
        direct_ones = {n: one for n, one in projects.items() if "/" not in one.path[start:]}
        every = every and len(direct_ones) == len(projects)
        projects = direct_ones
    return projects, every and not _unsettled(txn, container)


def _unsettled(txn: Transaction, group: Container) -> bool:
    """Return whether the orders of a group still hold packages that may have left it."""
    return any(listings.is_in(txn, number, group.key) for number in owners.outdated(txn))


def _refresh_all(door: Door, request: Request) -> None:
    """Bring the lists of a project, or of all projects that are or were in a group, up to date."""
    container = request.state.container
    if container.kind == "project":
        _refresh(door, container)
        return
    with door.session.db.read() as txn:
        there = memory.of(request).readers.below(txn, container)
        outdated = owners.outdated(txn)
        due = [one for one in outdated if one in there or listings.is_in(txn, one, container.key)]
        projects = [txn[CONTAINERS].get(f"project:{number}") for number in due]
    for project in filter(None, projects):
        _refresh(door, project)


def _refresh(door: Door, project: Container) -> None:
    """Bring a list up to date; on a full disk, it is that of a moment ago, if there was one."""
    try:
        listings.refresh(door.session, project)
    except DatabaseError:
        with door.session.db.read() as txn:
            if not listings.is_made(txn, project):
                raise


@routes.get(_ONE, response_model=PackageObject)
def show(id: str, package: str, request: Request, door: Reading) -> Response:
    """Show a package."""
    container = request.state.container
    _refresh(door, container)
    with door.session.db.read() as txn:
        row = listings.get(txn, container.id, _number(package))
        may_delete = door.caller.may(container.scope("delete"))
        return json_answer(_package(door, request, txn, container, row, may_delete=may_delete))


@routes.get(f"{_ONE}/package_files", response_model=list[FileObject])
def files(id: str, package: str, request: Request, door: Reading) -> Response:
    """List the files of a package."""
    container = request.state.container
    _refresh(door, container)
    with door.session.db.read() as txn:
        listed = listings.get(txn, container.id, _number(package))
        found = listings.load(txn, listed, listings.repositories(txn, container))
        kept = documents.of_package(txn, container, found.id)
    parts = [(number, file) for number, _, file in found.files()]

    def row(one: tuple[int, PackageFile]) -> dict[str, object]:
        number, file = one
        return {
            "id": number,
            "package_id": found.id,
            "created_at": packages.date(packages.stored(door.session, [file])),
            "file_name": file.name,
            "size": file.size,
            "file_md5": file.md5,
            "file_sha1": file.sha1,
            "file_sha256": file.sha256,
        }

    every = sorted([*parts, *kept], key=lambda one: one[1].name)
    return page(door.session, request, every, row)


@routes.delete(_ONE, status_code=204, response_class=Response)
async def drop(id: str, package: str, request: Request, door: Deleting) -> Response:
    """Remove a package from all distributions of its project."""
    return await _remove(door, package)


@routes.delete(f"{_ONE}/package_files/{{file}}", status_code=204, response_class=Response)
async def drop_file(id: str, package: str, file: str, request: Request, door: Deleting) -> Response:
    """Remove the package that a file belongs to: a binary package or the whole source package."""
    return await _remove(door, package, file=_number(file))


async def _remove(door: Door, package: str, *, file: int | None = None) -> Response:
    container = door.request.state.container
    received = await door.call(
        "distribution.remove", container=container.key, package=_number(package), file=file
    )
    for one in received:
        await show_soon(door, one.codename, one.serial)
    return Response(status_code=204)


def _number(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > 18:
        raise NoPackage(f"no package with the number {text[:40]}")
    return int(text)


def _package(
    door: Door,
    request: Request,
    txn: Transaction,
    project: Container,
    row: Row,
    *,
    may_delete: bool,
) -> dict[str, Any]:
    path = f"/api/v4/projects/{project.id}/packages/{row.id}"
    links = {"web_path": path}
    if may_delete:
        links["delete_api_path"] = base_url(door.session, request) + path
    return {
        "id": row.id,
        "name": row.name,
        "version": row.version,
        "package_type": "debian",
        "status": "default",
        "_links": links,
        "created_at": packages.date(row.created),
        "last_downloaded_at": memory.of(request).downloads.last(
            txn, project.id, listings.files(txn, row)
        ),
        "pipelines": [],
        "tags": [],
        "project_id": project.id,
        "project_path": project.path,
    }

"""``/api/v4/…/packages``: packages, which are of one kind here, and their files."""

from typing import Annotated, Any

from fastapi import Request, Response
from pydantic import BaseModel
from starlette.background import BackgroundTask

from debrepo.database import Transaction
from debrepo.errors import DatabaseError
from debrepo.http import Door, json_answer
from debrepo.package import PackageFile
from debrepo_gitlab import containers, documents, listings, memory, owners, packages, sorted_lists
from debrepo_gitlab.api import show_soon
from debrepo_gitlab.containers import Container
from debrepo_gitlab.entrances import enters
from debrepo_gitlab.likeness import GitlabRoutes, base_url, choice, flag, page
from debrepo_gitlab.listed_orders import number_of
from debrepo_gitlab.listings import Row
from debrepo_gitlab.package_order import LETTERS, Chosen
from debrepo_gitlab.refusals import NoPackage

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
    group = request.state.container
    start = f"{group.path}/"
    direct = flag(request.query_params.get("exclude_subgroups"), "exclude_subgroups")
    with door.session.db.read() as txn:
        projects = memory.of(request).lists.readable(txn, group, door.caller)
    if direct:
        deeper = (one.id for one in projects.values() if "/" in one.path.removeprefix(start))
        projects = {number: projects[number] for number in projects.keys() - deeper}
    return _page(door, request, projects, (*_ORDERS, "project_path"))


@routes.get(_LIST, response_model=list[PackageObject])
def list_(id: str, request: Request, door: Reading) -> Response:
    """List the packages of a project."""
    container = request.state.container
    return _page(door, request, {container.id: container}, _ORDERS)


def _page(
    door: Door, request: Request, projects: dict[int, Container], orders: tuple[str, ...]
) -> Response:
    asked = request.query_params
    order = choice(asked.get("order_by"), "order_by", orders)
    backwards = choice(asked.get("sort"), "sort", _SORTS) == "desc"
    kind = choice(asked.get("package_type"), "package_type", _TYPES)
    status = choice(asked.get("status"), "status", _STATUSES)
    flag(asked.get("include_versionless"), "include_versionless")  # none is without a version
    if kind != "debian" or status != "default":
        projects = {}
    with door.session.db.read() as txn:
        outdated = owners.outdated(txn)
    for number in outdated & projects.keys():
        _refresh(door, projects[number])
    container = request.state.container
    lists, letter = memory.of(request).lists, LETTERS.get(order, "n")
    words = {"name": asked.get("package_name", "").lower()}
    words["version"] = asked.get("package_version", "")
    may_delete = containers.permits(door.caller, "delete")
    with door.session.db.read() as txn:

        def show(order: bytes, project: int) -> dict[str, Any]:
            row = listings.get(txn, project, number_of((order, project)))
            found = projects[project]
            return _package(door, request, txn, found, row, may_delete=may_delete(found))

        known = lists.find(txn, container, letter, filtered=any(words.values()))
        if known:
            rows = sorted_lists.choose(known, projects, order, backwards=backwards, **words)
            return page(door.session, request, rows, lambda one: show(one.order, one.project))
        found = Chosen(txn, projects.values(), order, backwards=backwards, **words)
        answer = page(door.session, request, found, lambda one: show(*one))
        if not lists.is_worth(txn, container):
            return answer
    answer.background = BackgroundTask(lists.learn, door.session, container, letter)
    return answer


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

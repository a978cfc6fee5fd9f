"""``/api/v4/…/packages/debian``: downloads by apt, and uploads by curl, dput and dupload."""

import json
import re
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

from fastapi import Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse, RedirectResponse

from debrepo import remote_files
from debrepo.errors import DebrepoError, NotFound
from debrepo.http import Door, upload_path
from debrepo.http.receiving import receive_one
from debrepo.http.sending import send
from debrepo.storage import check_path, content_type
from debrepo_gitlab import (
    containers,
    contributions,
    distributions,
    documents,
    memory,
    packages,
    publishing,
    uploads,
    waiting,
)
from debrepo_gitlab.api import show_soon
from debrepo_gitlab.distributions import PATTERNS, is_name
from debrepo_gitlab.entrances import enters
from debrepo_gitlab.likeness import GitlabRoutes
from debrepo_gitlab.refusals import Malformed, NotPublished

routes = GitlabRoutes(tags=["apt and dput"])

Reading = Annotated[Door, enters("read", basic=True)]
Writing = Annotated[Door, enters("write", basic=True)]

_PROJECT = "/projects/{id}/packages/debian"
_GROUP = "/groups/{id}/-/packages/debian"
_NOTHING = sha256(b"").hexdigest()
_BY_HASH = re.compile(r"(?:^|/)by-hash/SHA256/([0-9a-f]{64})")
_INDEX = re.compile(r"([^/]+)/(?:(?:debian-installer/)?binary-([^/]+)/Packages|source/Sources)")
_DATA: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/octet-stream": {}}},
    204: {"description": "It is empty"},
}
_SENT = frozenset([200, 206, 302])
_RAW = {"requestBody": {"content": {"application/octet-stream": {}}, "required": True}}


@routes.get(
    f"{_GROUP}/dists/{{distribution}}/{{path:path}}", response_class=Response, responses=_DATA
)
@routes.get(
    f"{_PROJECT}/dists/{{distribution}}/{{path:path}}", response_class=Response, responses=_DATA
)
def index(id: str, distribution: str, path: str, request: Request, door: Reading) -> Response:
    """Send a file of a distribution, named by codename or suite."""
    if not PATTERNS["codename"].fullmatch(distribution):
        raise Malformed("distribution is invalid")
    container = request.state.container
    with door.session.db.read() as txn:
        found = distributions.get(txn, container, distribution)
    publishing.wait_until_shown(door.session, container, found.codename)
    hashed = _BY_HASH.search(path)
    if not hashed and _is_of_a_removed_component(found, path):
        raise NotFound(f"{found.codename} no longer has the component of {path[:200]}")
    if hashed and hashed[1] == _NOTHING:
        return Response(status_code=204)
    try:
        return _published(
            request,
            door,
            f"dists/{found.codename}/{path}",
            immutable=hashed is not None,
            empty_is_nothing=path.rpartition("/")[2] in {"Packages", "Sources"},
        )
    except NotFound:
        if _may_be_empty(found, path):
            return Response(status_code=204)
        raise


def _is_of_a_removed_component(found: distributions.Distribution, path: str) -> bool:
    """Return whether a file belongs to a component that the published Release no longer lists.

    By its hash it is still there for clients that have read an older Release.
    """
    component, slash, _ = path.partition("/")
    there = {*found.live, *found.components}
    return bool(slash) and bool(found.live) and component not in there


def _may_be_empty(found: distributions.Distribution, path: str) -> bool:
    """Return whether an index belongs to a component and architecture without packages."""
    index = _INDEX.fullmatch(path)
    return (
        index is not None
        and index[1] in found.components
        and (not index[2] or index[2] in found.architectures)
    )


@routes.get(f"{_GROUP}/pool/{{path:path}}", response_class=Response, responses=_DATA)
@routes.get(f"{_PROJECT}/pool/{{path:path}}", response_class=Response, responses=_DATA)
def package_file(id: str, path: str, request: Request, door: Reading) -> Response:
    """Send a package file, by the path in the indexes or by GitLab's path."""
    project: containers.Container = request.state.container
    publishing.wait_until_shown(door.session, project)
    try:
        answer = _published(request, door, f"pool/{path}", immutable=True)
    except NotFound:
        project, local = _as_gitlab_has_it(request, door, path)
        if local is None:
            raise
        answer = send(request, local, _headers(immutable=True), content_type(path))
    if request.method == "GET" and answer.status_code in _SENT:
        memory.of(request).downloads.note(door.session, project, path.rpartition("/")[2])
    return answer


def _as_gitlab_has_it(
    request: Request, door: Door, path: str
) -> tuple[containers.Container, Path | None]:
    """Return the file at ``distribution/letter/source/version/name``, if there is one.

    In a group, the number of the project follows the distribution.
    """
    project: containers.Container = request.state.container
    nothing = project, None
    codename, *rest = path.split("/")
    with door.session.db.read() as txn:
        found = distributions.find(txn, project, codename)
        if found is not None and project.kind == "group" and rest:
            below = contributions.public_project(txn, project, rest.pop(0))
            found = distributions.find(txn, below, found.codename) if below else None
            project = below or project
        if found is None or len(rest) != 4:
            return nothing
        letter, source, version, name = rest
        if letter != (source[:4] if source.startswith("lib") and source != "lib" else source[:1]):
            return nothing
        named = (source, version)
        file = packages.file(door.session, txn, found, name, named)
        file = file or documents.find(txn, found, named, name)
    if file is None:
        return nothing
    remote_files.fetch(door.session, [(file.sha256, file.size)])
    return project, door.session.pool.path(file.sha256)


def _headers(*, immutable: bool) -> dict[str, str]:
    kept = "max-age=31536000, immutable" if immutable else "no-cache"
    return {"Cache-Control": f"private, {kept}"}


def _type(path: str) -> str:
    return "text/plain" if path.endswith("/Release.gpg") else content_type(path)


def _published(
    request: Request, door: Door, path: str, *, immutable: bool, empty_is_nothing: bool = False
) -> Response:
    nothing = NotFound(f"nothing is published at {request.url.path[:300]}")
    container = request.state.container
    if any(part.startswith(".") for part in path.split("/")):  # files that are being written
        raise nothing
    full = f"{container.prefix}/{path}"
    try:
        storage = door.session.storage(door.session.config["gitlab.storage"])
        local = storage.local_path(check_path(full))
    except DebrepoError as error:
        raise nothing from error
    if local is not None:
        if empty_is_nothing and _is_empty(local):
            return Response(status_code=204)
        return send(request, local, _headers(immutable=immutable), _type(path))
    if container.visibility == "public" and (url := storage.url(full)):
        return RedirectResponse(url, 302)
    data = storage.get(full)
    if empty_is_nothing and not data:
        return Response(status_code=204)
    return Response(data, headers=_headers(immutable=immutable), media_type=_type(path))


def _is_empty(path: Path) -> bool:
    try:
        return path.stat().st_size == 0
    except (OSError, ValueError):
        return False


@routes.put(
    f"{_PROJECT}/{{file_name}}",
    status_code=201,
    response_class=PlainTextResponse,
    openapi_extra=_RAW,
)
async def upload(
    id: str,
    file_name: str,
    request: Request,
    door: Writing,
    distribution: str | None = None,
    component: str | None = None,
    wait: str = "",
) -> Response:
    """Upload a file: into a distribution, or to wait for the .changes that lists it.

    ``wait=published`` waits until clients can see it.
    """
    session, container = door.session, request.state.container
    _check_target(file_name, distribution, component)
    if distribution is not None:
        stem, dot, extension = file_name.rpartition(".")
        file_name = f"{stem}{dot}{extension.lower()}"  # .DEB is accepted as well
        # Fail before the upload.
        with session.db.read() as txn:
            distributions.get(txn, container, distribution)
    alone = distribution is not None
    directory = f"{container.id}/{uuid4().hex}"
    root, area = uploads.area(session), uploads.area_of(session, container)
    path = upload_path(root, directory, file_name)
    if not alone:
        await run_in_threadpool(waiting.sweep, area)
    limit = session.config["gitlab.max_file_size"]
    try:
        await receive_one(request, root, directory, file_name, limit=limit)
        if not alone and path.suffix != ".changes":
            await run_in_threadpool(waiting.keep, area, path)
            return _created({})
        received = await door.receiving(path.parent).call(
            "distribution.upload",
            container=container.key,  # its path may change meanwhile
            paths=[path],
            distribution=distribution or "",
            component=component or "",
        )
    finally:
        await run_in_threadpool(uploads.discard, path.parent)
    try:
        answer = await show_soon(door, received.codename, received.serial, wait=wait == "published")
    except DebrepoError as error:
        raise NotPublished(f"the upload is stored, but cannot be published: {error}") from error
    if "location" in answer.headers:
        return _created({"Location": answer.headers["location"]})
    with session.db.read() as txn:
        key = f"{container.key}\0{received.codename}"
        live = distributions.is_live(txn, key, received.number, received.serial)
    return _created({"X-Published": "true"} if live else {})


def _check_target(file_name: str, distribution: str | None, component: str | None) -> None:
    """Raise `Malformed` with all that is wrong, in the order in which GitLab declares it."""
    faults = []
    if distribution is None and component is not None:
        faults.append("distribution is missing")
    elif distribution is not None and not is_name(distribution):
        faults.append("distribution is invalid")
    if component is not None and not is_name(component):
        faults.append("component is invalid")
    elif distribution is not None and component is None:
        faults.append("component is missing")
    if distribution is not None and not uploads.is_direct(file_name):
        faults.append(uploads.INDIRECT)
    if faults:
        raise Malformed(", ".join(faults))


def _created(headers: dict[str, str]) -> Response:
    return PlainTextResponse(json.dumps({"message": "201 Created"}), 201, headers)


@routes.put(f"{_PROJECT}/{{file_name}}/authorize")
async def authorize(
    id: str,
    file_name: str,
    request: Request,
    door: Writing,
    distribution: str | None = None,
    component: str | None = None,
) -> Response:
    """Authorize an upload, as GitLab's front server asks its back end."""
    _check_target(file_name, distribution, component)
    if distribution is not None:
        with door.session.db.read() as txn:
            distributions.get(txn, request.state.container, distribution)
    limit = door.session.config["gitlab.max_file_size"]
    return PlainTextResponse(json.dumps({"MaximumSize": limit} if limit else {}))

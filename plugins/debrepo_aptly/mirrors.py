"""``/api/mirrors``: mirrors."""

from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import Response
from pydantic import BaseModel, Field

from debrepo.errors import (
    AlreadyExists,
    DatabaseBusy,
    InUse,
    InvalidInput,
    RemoteError,
    VerificationFailed,
)
from debrepo.http import Answer, Door, Refusal, json_answer, known_as, opens
from debrepo.session import Session
from debrepo_aptly.bodies import Body, Flag, Text
from debrepo_aptly.listing import ListQuery, list_packages
from debrepo_aptly.routes import AptlyRoutes
from debrepo_aptly.shapes import mirror_object as plain
from debrepo_aptly.shapes import snapshot_object as plain_snapshot
from debrepo_aptly.snapshots import NewSnapshot, SnapshotObject

routes = AptlyRoutes(tags=["mirrors"])


class MirrorObject(BaseModel):
    """A mirror; ``Status`` is 1 while it is updated, and ``Meta`` is what Release says of it."""

    UUID: str
    Name: str
    ArchiveRoot: str
    Distribution: str
    Components: list[str]
    Architectures: list[str]
    Meta: dict[str, str]
    LastDownloadDate: str
    Filter: str
    Status: int
    WorkerPID: int
    FilterWithDeps: bool
    SkipComponentCheck: bool
    SkipArchitectureCheck: bool
    DownloadSources: bool
    DownloadUdebs: bool
    DownloadInstaller: bool
    DownloadAppStream: bool


class ListedMirror(MirrorObject):
    """A mirror, and how many packages it holds."""

    NumPackages: int


class MirrorOptions(Body):
    """What a mirror has, and whom it trusts; omitted ones stay as they are."""

    Filter: str | None = None
    FilterWithDeps: bool | None = None
    Architectures: list[str] | None = None
    Keyrings: list[str] | None = None
    DownloadSources: bool | None = None
    DownloadUdebs: bool | None = None
    DownloadInstaller: bool | None = None
    DownloadAppStream: bool | None = None
    SkipComponentCheck: bool | None = None
    SkipArchitectureCheck: bool | None = None
    IgnoreSignatures: bool | None = None

    def options(self) -> dict[str, Any]:
        """Return them as properties of a mirror."""
        found = {
            "filter": self.Filter,
            "filter_with_deps": self.FilterWithDeps,
            "architectures": self.Architectures,
            "keyrings": self.Keyrings,
            "sources": self.DownloadSources,
            "udebs": self.DownloadUdebs,
            "installer": self.DownloadInstaller,
            "appstream": self.DownloadAppStream,
            "skip_component_check": self.SkipComponentCheck,
            "skip_architecture_check": self.SkipArchitectureCheck,
            "ignore_signatures": self.IgnoreSignatures,
        }
        return {name: value for name, value in found.items() if value is not None}


class NewMirror(MirrorOptions):
    """A mirror to create; the URL may be ``ppa:user/project``, the distribution ``./``."""

    Name: Text
    ArchiveURL: Text
    Distribution: str = ""
    Components: list[str] = Field(default_factory=list)


class ChangedMirror(MirrorOptions):
    """Properties of a mirror to change; omitted ones stay."""

    ArchiveURL: str | None = None
    Distribution: str | None = None
    Components: list[str] | None = None

    def options(self) -> dict[str, Any]:
        more = {
            "distribution": self.Distribution or None,
            "components": self.Components,
        }
        return super().options() | {name: value for name, value in more.items() if value}


class MirrorUpdate(ChangedMirror):
    """How to update a mirror, and what to change before, as older releases of aptly take it."""

    Name: str | None = None
    IgnoreChecksums: bool = False
    SkipExistingPackages: bool = False
    ForceUpdate: bool = False
    LatestOnly: bool = False


@routes.get("/mirrors", response_model=list[ListedMirror])
def list_(door: Annotated[Door, opens("mirror.list", settled=True)]) -> Response:
    """List the mirrors."""
    found = door.session.call("mirror.list")
    return json_answer([{**plain(one.mirror, one.pid), "NumPackages": one.size} for one in found])


@routes.post("/mirrors", status_code=201, response_model=MirrorObject)
async def create(
    body: NewMirror, door: Annotated[Door, opens("mirror.create", task=True)]
) -> Response:
    """Create a mirror, once the Release file of its archive was verified."""
    _check_url(body.ArchiveURL)
    return await door.task(
        f"Create mirror {body.Name}",
        _create,
        resources=[f"mirror:{body.Name}"],
        wait=True,
        name=body.Name,
        url=body.ArchiveURL,
        distribution=body.Distribution,
        components=body.Components,
        options=body.options(),
    )


def _create(
    session: Session,
    name: str,
    url: str,
    distribution: str,
    components: list[str],
    options: dict[str, Any],
) -> Answer:
    with known_as(400, RemoteError, VerificationFailed):
        mirror = session.call(
            "mirror.create",
            name=name,
            url=url,
            distribution=distribution,
            components=components,
            options=options,
        )
    return Answer(201, plain(mirror))


def _check_url(url: str | None) -> None:
    """Raise `InvalidInput` before a task would write down a password."""
    try:
        named = "@" in urlsplit(url or "").netloc
    except ValueError:
        named = "@" in (url or "")
    if named:
        raise InvalidInput(
            "the URL has a user name or a password in it, which would be stored",
            hint="configure mirror.credentials, or auth.conf below the root of the server",
        )


@routes.get("/mirrors/{name}", response_model=MirrorObject)
async def show(name: str, door: Annotated[Door, opens("mirror.show", settled=True)]) -> Response:
    """Show a mirror."""
    shown = door.session.call("mirror.show", name=name)
    return json_answer(plain(shown.mirror, shown.pid))


@routes.post("/mirrors/{name}", response_model=MirrorObject)
async def edit(
    name: str, body: ChangedMirror, door: Annotated[Door, opens("mirror.edit", task=True)]
) -> Response:
    """Edit the properties of a mirror; its packages change at the next update."""
    _check_url(body.ArchiveURL)
    return await door.task(
        f"Edit mirror {name}",
        _edit,
        resources=[f"mirror:{name}"],
        wait=True,
        name=name,
        url=body.ArchiveURL or None,
        options=body.options(),
    )


def _edit(session: Session, name: str, url: str | None, options: dict[str, Any]) -> Answer:
    with known_as(409, DatabaseBusy), known_as(400, RemoteError, VerificationFailed):
        return Answer(200, plain(session.call("mirror.edit", name=name, url=url, options=options)))


@routes.put("/mirrors/{name}", status_code=204, response_class=Response)
async def update(
    name: str,
    body: MirrorUpdate,
    door: Annotated[Door, opens("mirror.update", "mirror.edit", "mirror.rename", task=True)],
) -> Response:
    """Update a mirror; a new name and other properties are set before."""
    _check_url(body.ArchiveURL)
    options = body.options()
    for_now = {"ignore_signatures": options.pop("ignore_signatures", False)}
    if body.LatestOnly:
        for_now["latest"] = True
    if options.keys() == {"keyrings"}:  # all that the latest release takes: for this time alone
        for_now |= options
        options = {}
    return await door.task(
        f"Update mirror {name}",
        _update,
        resources=[f"mirror:{name}", f"mirror:{body.Name or name}"],
        resumable=(body.Name or name) == name,
        name=name,
        new_name=body.Name or name,
        url=body.ArchiveURL or None,
        changes=options,
        options={key: value for key, value in for_now.items() if value},
        ignore_checksums=body.IgnoreChecksums,
        skip_existing_packages=body.SkipExistingPackages,
        force=body.ForceUpdate,
    )


def _update(
    session: Session,
    name: str,
    new_name: str,
    url: str | None,
    changes: dict[str, Any],
    options: dict[str, Any],
    ignore_checksums: bool,
    skip_existing_packages: bool,
    force: bool,
) -> Answer:
    with known_as(409, DatabaseBusy):
        if new_name != name:
            session.call("mirror.rename", name=name, new_name=new_name)
        if changes or url:
            session.call("mirror.edit", name=new_name, url=url, options=changes)
        session.call(
            "mirror.update",
            name=new_name,
            options=options,
            ignore_checksums=ignore_checksums,
            skip_existing_packages=skip_existing_packages,
            force=force,
        )
    return Answer(204, None)


@routes.delete("/mirrors/{name}", status_code=204, response_class=Response)
async def drop(
    name: str, door: Annotated[Door, opens("mirror.drop", task=True)], force: Flag = False
) -> Response:
    """Drop a mirror."""
    return await door.task(
        f"Delete mirror {name}", _drop, resources=[f"mirror:{name}"], name=name, force=force
    )


def _drop(session: Session, name: str, force: bool) -> Answer:
    with known_as(403, InUse), known_as(409, DatabaseBusy):
        session.call("mirror.drop", name=name, force=force)
    return Answer(204, None)


@routes.get("/mirrors/{name}/packages", response_model=list[str] | list[dict[str, str]])
async def packages(
    name: str, asked: ListQuery, door: Annotated[Door, opens("mirror.search", settled=True)]
) -> Response:
    """List or search the packages of a mirror."""
    mirror = door.session.call("mirror.show", name=name).mirror
    if not mirror.updated:
        raise Refusal(
            f"mirror {name} has no packages yet", hint="update it", status=404, kind="NotFound"
        )
    return await list_packages(
        door,
        mirror.set_id.hex(),
        asked,
        lambda: door.session.call("mirror.search", name=name, **asked.arguments()),
    )


@routes.post("/mirrors/{name}/snapshots", status_code=201, response_model=SnapshotObject)
async def create_snapshot(
    name: str, body: NewSnapshot, door: Annotated[Door, opens("snapshot.create", task=True)]
) -> Response:
    """Create a snapshot of a mirror."""
    return await door.task(
        f"Create snapshot of mirror {name}",
        _create_snapshot,
        resources=[f"mirror:{name}", f"snapshot:{body.Name}"],
        name=body.Name,
        source=name,
        description=body.Description,
    )


def _create_snapshot(session: Session, name: str, source: str, description: str) -> Answer:
    if not session.call("mirror.show", name=source).mirror.updated:
        raise InvalidInput("mirror not updated", hint="update it first")
    with known_as(400, AlreadyExists):
        snapshot = session.call(
            "snapshot.create", name=name, kind="mirror", source=source, description=description
        )
    return Answer(201, plain_snapshot(snapshot))

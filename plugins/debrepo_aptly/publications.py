"""``/api/publish``: publications."""

from contextlib import suppress
from typing import Annotated, Any

from fastapi import Query, Response
from pydantic import BaseModel, Field

from debrepo.errors import AlreadyExists, InvalidInput, NotFound
from debrepo.http import Answer, Door, json_answer, known_as, opens
from debrepo.session import Session
from debrepo_aptly.bodies import Body, Flag, Text
from debrepo_aptly.routes import AptlyRoutes
from debrepo_aptly.signing import SigningOptions, signing
from debrepo_aptly.spelling import clean, decode, place, publication_object

routes = AptlyRoutes(tags=["publish"])

KINDS = {"local": "repo", "repo": "repo", "snapshot": "snapshot", "mirror": "mirror"}


class Source(Body):
    """A repository, snapshot or mirror, and the component that it becomes."""

    Component: str = ""
    Name: Text


class NamedSource(BaseModel):
    """A component, and the list that it is published from."""

    Component: str
    Name: str


class PublicationObject(BaseModel):
    """A publication."""

    AcquireByHash: bool
    Architectures: list[str]
    ButAutomaticUpgrades: str
    Codename: str
    Distribution: str
    Label: str
    MultiDist: bool
    NotAutomatic: str
    Origin: str
    Path: str
    Prefix: str
    SignedBy: str
    SkipContents: bool
    SourceKind: str
    Sources: list[NamedSource]
    Storage: str
    Suite: str
    Version: str
    Options: dict[str, Any] = Field(default_factory=dict)  # those of debrepo's plugins, if any


class PublishBody(Body):
    """Properties of a publication; omitted ones stay, or come from the configuration."""

    AcquireByHash: bool | None = None
    ForceOverwrite: bool = False
    Label: str | None = None
    MultiDist: bool | None = None
    Origin: str | None = None
    Signing: SigningOptions | None = None
    SignedBy: str | None = None
    SkipBz2: bool | None = None
    SkipCleanup: bool = False
    SkipContents: bool | None = None
    Suite: str | None = None
    Codename: str | None = None
    Version: str | None = None
    Options: dict[str, bool | int | str | list[str]] | None = None

    def options(self) -> dict[str, Any]:
        """Return the given fields of a publication."""
        found = {
            "acquire_by_hash": self.AcquireByHash,
            "label": self.Label,
            "multi_dist": self.MultiDist,
            "origin": self.Origin,
            "signed_by": self.SignedBy,
            "contents": None if self.SkipContents is None else not self.SkipContents,
            "suite": self.Suite,
            "codename": self.Codename,
            "version": self.Version,
            "skip_bz2": self.SkipBz2,
            "options": self.Options or None,
            **(self.Signing.options() if self.Signing else {}),
        }
        return {name: value for name, value in found.items() if value is not None}

    def passphrase(self) -> dict[str, str]:
        """Return the passphrase of the signing keys, or the file that holds it."""
        return self.Signing.passphrase() if self.Signing else {}


class NewPublication(PublishBody):
    """A publication to create."""

    SourceKind: Text
    Sources: list[Source]
    Distribution: str = ""
    Architectures: list[str] = Field(default_factory=list)
    NotAutomatic: str = ""
    ButAutomaticUpgrades: str = ""

    def options(self) -> dict[str, Any]:
        named = {
            "not_automatic": self.NotAutomatic.lower() == "yes",
            "but_automatic_upgrades": self.ButAutomaticUpgrades.lower() == "yes",
        }
        given: dict[str, Any] = {name: True for name, value in named.items() if value}
        if self.Architectures:
            given["architectures"] = [clean(name) for name in self.Architectures]
        return super().options() | given


class OldPublication(NewPublication):
    """A publication to create, of the kind that the path names."""

    SourceKind: str = ""


class ChangedPublication(PublishBody):
    """A publication to change: its snapshots and its properties."""

    Snapshots: list[Source] = Field(default_factory=list)


def label(where: str, distribution: str) -> str:
    """Return a publication as it appears in the names of tasks."""
    return f"{where}/{distribution}"


Creating = Annotated[Door, opens("publish.create", task=True)]


@routes.get("/publish", response_model=list[PublicationObject])
def list_(door: Annotated[Door, opens("publish.list", "publish.show", settled=True)]) -> Response:
    """List what is published."""
    found = []
    for one in door.session.call("publish.list"):
        with suppress(NotFound):  # it has been dropped since
            found.append(publication_object(door.session, one.distribution, one.place))
    return json_answer(found)


@routes.post("/publish", status_code=201, response_model=PublicationObject)
async def create_in_root(body: NewPublication, door: Creating) -> Response:
    """Publish repositories, snapshots or mirrors at the root of the default storage."""
    return await _create(door, ".", body, body.SourceKind)


@routes.post("/publish/{prefix}", status_code=201, response_model=PublicationObject)
async def create(prefix: str, body: NewPublication, door: Creating) -> Response:
    """Publish repositories, snapshots or mirrors under a prefix."""
    return await _create(door, prefix, body, body.SourceKind)


@routes.post("/publish/{prefix}/repos", status_code=201, include_in_schema=False)
async def create_of_repos(prefix: str, body: OldPublication, door: Creating) -> Response:
    """Publish repositories, through the older route of aptly's API."""
    return await _create(door, prefix, body, "local")


@routes.post("/publish/{prefix}/snapshots", status_code=201, include_in_schema=False)
async def create_of_snapshots(prefix: str, body: OldPublication, door: Creating) -> Response:
    """Publish snapshots, through the older route of aptly's API."""
    return await _create(door, prefix, body, "snapshot")


_WORDS = {"local": "local repository", "snapshot": "snapshot"}


async def _create(door: Door, prefix: str, body: NewPublication, kind: str) -> Response:
    if kind not in KINDS:
        raise InvalidInput(f"unknown SourceKind {kind[:40]!r}", hint="local, snapshot or mirror")
    if not body.Sources:
        raise InvalidInput("no sources to publish", hint="name a repository or a snapshot")
    where, distribution = place(door.session, prefix), clean(body.Distribution)
    names = [source.Name for source in body.Sources]
    components = [source.Component for source in body.Sources]
    said = ", ".join(component or "main" for component in components)
    return await door.task(
        f"Publish {_WORDS.get(kind, kind)} {label(where, distribution)} with components "
        f'"{said}" and sources "{", ".join(names)}"',
        _publish,
        resources=[f"publication:{where}"],
        secret=bool(body.passphrase()),
        kind=KINDS[kind],
        names=names,
        components=components,
        where=where,
        distribution=distribution,
        options=body.options(),
        force_overwrite=body.ForceOverwrite,
        passphrase=body.passphrase(),
    )


def _publish(
    session: Session,
    kind: str,
    names: list[str],
    components: list[str],
    where: str,
    distribution: str,
    options: dict[str, Any],
    force_overwrite: bool,
    passphrase: dict[str, str],
) -> Answer:
    with known_as(400, AlreadyExists), signing(session, passphrase) as able:
        result = able.call(
            "publish.create",
            kind=kind,
            names=names,
            place=where,
            distribution=distribution,
            components=components,
            options=as_fields(options),
            force_overwrite=force_overwrite,
        )
    return Answer(201, publication_object(session, result.publication.distribution, where))


def as_fields(options: dict[str, Any]) -> dict[str, Any]:
    """Return options that were JSON as fields of a publication, with tuples for lists."""
    return {n: tuple(value) if isinstance(value, list) else value for n, value in options.items()}


@routes.get("/publish/{prefix}/{distribution}", response_model=PublicationObject)
async def show(
    prefix: str, distribution: str, door: Annotated[Door, opens("publish.show", settled=True)]
) -> Response:
    """Show a publication."""
    return json_answer(
        publication_object(door.session, decode(distribution), place(door.session, prefix))
    )


@routes.put("/publish/{prefix}/{distribution}", response_model=PublicationObject)
async def change(
    prefix: str,
    distribution: str,
    door: Annotated[Door, opens("publish.update", "publish.switch", task=True)],
    body: ChangedPublication | None = None,
) -> Response:
    """Switch to other snapshots, or publish what the repositories hold now."""
    return await again(door, prefix, distribution, body or ChangedPublication())


@routes.post("/publish/{prefix}/{distribution}/update", response_model=PublicationObject)
async def update(
    prefix: str,
    distribution: str,
    door: Annotated[Door, opens("publish.update", task=True)],
    body: PublishBody | None = None,
) -> Response:
    """Publish what the package lists hold now, with pending changes of sources."""
    return await again(door, prefix, distribution, body or PublishBody())


async def again(door: Door, prefix: str, distribution: str, body: PublishBody) -> Response:
    """Publish again, as a task."""
    where, named = place(door.session, prefix), decode(distribution)
    snapshots = body.Snapshots if isinstance(body, ChangedPublication) else []
    return await door.task(
        f"Update published snapshot repository {label(where, named)}",
        _again,
        resources=[f"publication:{where}"],
        resumable=True,
        secret=bool(body.passphrase()),
        where=where,
        distribution=named,
        snapshots=[[source.Component, source.Name] for source in snapshots],
        options=body.options(),
        how={"force_overwrite": body.ForceOverwrite, "skip_cleanup": body.SkipCleanup},
        passphrase=body.passphrase(),
    )


def _again(
    session: Session,
    where: str,
    distribution: str,
    snapshots: list[list[str]],
    options: dict[str, Any],
    how: dict[str, bool],
    passphrase: dict[str, str],
) -> Answer:
    target = {"distribution": distribution, "place": where}
    shown = session.call("publish.show", distribution=distribution, place=where, past=False)
    publication = shown.publication
    if options.get("skip_bz2") is False and "bz2" in session.config["publish.compressions"]:
        options["compressions"] = list(dict.fromkeys([*publication.compressions, "bz2"]))
    given: dict[str, Any] = {**target, **how, "options": as_fields(options)}
    operation = "publish.update"
    if snapshots:
        kinds = {source.partition(":")[0] for source in publication.sources.values()}
        if kinds == {"repo"}:
            raise InvalidInput("snapshots shouldn't be given when updating local repo")
        operation = "publish.switch"
        only = next(iter(publication.sources)) if len(publication.sources) == 1 else "main"
        given["names"] = [name for _, name in snapshots]
        given["components"] = [component or only for component, _ in snapshots]
        given["join"] = True
    with signing(session, passphrase) as able:
        able.call(operation, **given)
    return Answer(200, publication_object(session, distribution, where))


@routes.delete("/publish/{prefix}/{distribution}", response_model=dict[str, str])
async def drop(
    prefix: str,
    distribution: str,
    door: Annotated[Door, opens("publish.drop", task=True)],
    force: Flag = False,
    skip_cleanup: Annotated[Flag, Query(alias="SkipCleanup")] = False,
    skip_cleanup_too: Annotated[Flag, Query(alias="skipCleanup")] = False,
) -> Response:
    """Drop a publication."""
    where, named = place(door.session, prefix), decode(distribution)
    return await door.task(
        f"Delete published snapshot repository {label(where, named)}",
        _drop,
        resources=[f"publication:{where}"],
        where=where,
        distribution=named,
        how={"force": force, "skip_cleanup": skip_cleanup or skip_cleanup_too},
    )


def _drop(session: Session, where: str, distribution: str, how: dict[str, bool]) -> Answer:
    session.call("publish.drop", distribution=distribution, place=where, **how)
    return Answer(200, {})

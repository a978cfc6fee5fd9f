"""``/api/repos/NAME/file`` and ``include``: adding uploaded files to repositories."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Protocol

from fastapi import Query, Response
from pydantic import BaseModel

from debrepo.http import Answer, Door, opens, upload_path
from debrepo.session import Session
from debrepo_aptly.bodies import Flag
from debrepo_aptly.routes import AptlyRoutes

routes = AptlyRoutes(tags=["repos"])

Adding = Annotated[Door, opens("repo.add", scope="upload:{directory}", task=True)]
Keep = Annotated[Flag, Query(alias="noRemove", description="1: keep the uploaded files")]
Replace = Annotated[
    Flag, Query(alias="forceReplace", description="1: replace packages that differ")
]


class Outcome(Protocol):
    """The outcome of a file that was to be added."""

    @property
    def source(self) -> Path: ...
    @property
    def package(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def reason(self) -> str: ...


class Lines(BaseModel):
    """What was done, a line for each package."""

    Warnings: list[str]
    Added: list[str]
    Removed: list[str]


class Report(BaseModel):
    """What became of uploaded files; those that failed are named with their whole path."""

    FailedFiles: list[str]
    Report: Lines


@routes.post("/repos/{name}/file/{directory}", response_model=Report)
async def add_directory(
    name: str,
    directory: str,
    door: Adding,
    no_remove: Keep = False,
    force_replace: Replace = False,
) -> Response:
    """Add the packages that were uploaded to a directory."""
    return await door.task(
        f"Add packages from dir {directory} to repo {name}",
        _add,
        resources=[f"upload:{directory}"],
        shared=[f"repo:{name}"],
        resumable=True,
        name=name,
        directory=directory,
        file="",
        force_replace=force_replace,
        remove_files=not no_remove,
    )


@routes.post("/repos/{name}/file/{directory}/{file}", response_model=Report)
async def add_file(
    name: str,
    directory: str,
    file: str,
    door: Adding,
    no_remove: Keep = False,
    force_replace: Replace = False,
) -> Response:
    """Add an uploaded package."""
    return await door.task(
        f"Add package {file} from dir {directory} to repo {name}",
        _add,
        resources=[f"upload:{directory}"],
        shared=[f"repo:{name}"],
        resumable=True,
        name=name,
        directory=directory,
        file=file,
        force_replace=force_replace,
        remove_files=not no_remove,
    )


def _add(
    session: Session,
    name: str,
    directory: str,
    file: str,
    force_replace: bool,
    remove_files: bool,
) -> Answer:
    place = upload_path(session.root, directory, file, owner=session.actor)
    found = session.call(
        "repo.add",
        name=name,
        paths=[place],
        force_replace=force_replace,
        remove_files=remove_files,
    )
    return _answer(session, directory, found, remove_files=remove_files)


Including = Annotated[Door, opens("repo.include", scope="upload:{directory}", task=True)]
KeepUpload = Annotated[Flag, Query(alias="noRemoveFiles", description="1: keep the files")]
Unsigned = Annotated[Flag, Query(alias="acceptUnsigned", description="1: accept unsigned ones")]
Ignoring = Annotated[
    Flag, Query(alias="ignoreSignature", description="1: do not verify signatures")
]


@routes.post("/repos/{name}/include/{directory}", response_model=Report)
async def include_directory(
    name: str,
    directory: str,
    door: Including,
    force_replace: Replace = False,
    no_remove: KeepUpload = False,
    accept_unsigned: Unsigned = False,
    ignore_signatures: Ignoring = False,
) -> Response:
    """Add what the .changes files in a directory list; the name may be a template."""
    return await door.task(
        f"Include packages from changes files in dir {directory} to repo matching template {name}",
        _include,
        resources=[f"upload:{directory}", f"repo:{name}"],
        name=name,
        directory=directory,
        file="",
        force_replace=force_replace,
        remove_files=not no_remove,
        accept_unsigned=accept_unsigned,
        ignore_signatures=ignore_signatures,
    )


@routes.post("/repos/{name}/include/{directory}/{file}", response_model=Report)
async def include_file(
    name: str,
    directory: str,
    file: str,
    door: Including,
    force_replace: Replace = False,
    no_remove: KeepUpload = False,
    accept_unsigned: Unsigned = False,
    ignore_signatures: Ignoring = False,
) -> Response:
    """Add what a .changes lists; the name of the repository may be a template."""
    return await door.task(
        f"Include packages from changes file {file} from dir {directory} "
        f"to repo matching template {name}",
        _include,
        resources=[f"upload:{directory}", f"repo:{name}"],
        name=name,
        directory=directory,
        file=file,
        force_replace=force_replace,
        remove_files=not no_remove,
        accept_unsigned=accept_unsigned,
        ignore_signatures=ignore_signatures,
    )


def _include(
    session: Session,
    name: str,
    directory: str,
    file: str,
    force_replace: bool,
    remove_files: bool,
    accept_unsigned: bool,
    ignore_signatures: bool,
) -> Answer:
    place = upload_path(session.root, directory, file, owner=session.actor)
    if "{{" not in name:
        session.call("repo.show", name=name)
    found = session.call(
        "repo.include",
        paths=[place],
        repo=name,
        force_replace=force_replace,
        remove_files=remove_files,
        accept_unsigned=accept_unsigned,
        ignore_signatures=ignore_signatures,
    )
    return _answer(session, directory, found, remove_files=remove_files)


def _answer(
    session: Session, directory: str, outcomes: Iterable[Outcome], *, remove_files: bool
) -> Answer:
    """Report what became of files, to the task as well; it says 200 even where some failed."""
    failed: list[str] = []
    warnings: list[str] = []
    added: list[str] = []
    removed: list[str] = []
    for outcome in outcomes:
        if outcome.status == "failed":
            failed.append(str(outcome.source.absolute()))
            warnings.append(f"{outcome.source.name}: {outcome.reason}")
            continue
        if outcome.status == "empty":
            warnings.append(f"{outcome.source.name}: {outcome.reason}")
            continue
        if outcome.status == "replaced":
            removed.append(f"{outcome.package} removed due to conflict with package being added")
        added.append(f"{outcome.package} added")
    lines = {"Added": added, "Removed": removed, "Warnings": warnings, "Failed files": failed}
    for title, found in lines.items():
        if found:
            session.progress.note(f"{title}: {', '.join(found)}")
    if remove_files:
        with suppress(OSError):  # it is not empty
            upload_path(session.root, directory, owner=session.actor).rmdir()
    report = {"Warnings": warnings, "Added": added, "Removed": removed}
    return Answer(200, {"FailedFiles": failed, "Report": report})

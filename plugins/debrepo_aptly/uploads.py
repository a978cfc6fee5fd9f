"""``/api/repos/NAME/file`` and ``include``: adding uploaded files to repositories."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Protocol, TypedDict

from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel

from debrepo.errors import VerificationFailed
from debrepo.http import Answer, Door, opens, upload_path
from debrepo.session import Session
from debrepo_aptly.bodies import Flag
from debrepo_aptly.routes import AptlyRoutes

routes = AptlyRoutes(tags=["repos"])

Adding = Annotated[Door, opens("repo.add", scope="upload:{directory}", task=True)]
Including = Annotated[Door, opens("repo.include", scope="upload:{directory}", task=True)]

Replace = Annotated[
    Flag, Query(alias="forceReplace", description="1: replace packages that differ")
]


class AddTerms(TypedDict):
    """How to add, as arguments of the operation."""

    force_replace: bool
    remove_files: bool


class IncludeTerms(AddTerms):
    """How to include, as arguments of the operation."""

    accept_unsigned: bool
    ignore_signatures: bool


async def _add_terms(
    no_remove: Annotated[
        Flag, Query(alias="noRemove", description="1: keep the uploaded files")
    ] = False,
    force_replace: Replace = False,
) -> AddTerms:
    return {"force_replace": force_replace, "remove_files": not no_remove}


async def _include_terms(
    no_remove: Annotated[
        Flag, Query(alias="noRemoveFiles", description="1: keep the files")
    ] = False,
    force_replace: Replace = False,
    accept_unsigned: Annotated[
        Flag, Query(alias="acceptUnsigned", description="1: accept unsigned ones")
    ] = False,
    ignore_signatures: Annotated[
        Flag, Query(alias="ignoreSignature", description="1: do not verify signatures")
    ] = False,
) -> IncludeTerms:
    return {
        "force_replace": force_replace,
        "remove_files": not no_remove,
        "accept_unsigned": accept_unsigned,
        "ignore_signatures": ignore_signatures,
    }


async def _strictness(
    request: Request,
    strict: Annotated[
        Flag, Query(description="1: answer 422 if a file failed, or if there is none")
    ] = False,
) -> bool:
    """Return whether files that fail are an error; ``Prefer`` says so too (RFC 7240)."""
    return strict or "handling=strict" in request.headers.get("prefer", "")


Strict = Annotated[bool, Depends(_strictness)]


class FileOutcome(Protocol):
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
    terms: Annotated[AddTerms, Depends(_add_terms)],
    strict: Strict,
) -> Response:
    """Add the packages that were uploaded to a directory."""
    return await _adding(
        door, f"packages from dir {directory}", name, directory, "", terms, strict=strict
    )


@routes.post("/repos/{name}/file/{directory}/{file}", response_model=Report)
async def add_file(
    name: str,
    directory: str,
    file: str,
    door: Adding,
    terms: Annotated[AddTerms, Depends(_add_terms)],
    strict: Strict,
) -> Response:
    """Add an uploaded package."""
    said = f"package {file} from dir {directory}"
    return await _adding(door, said, name, directory, file, terms, strict=strict)


async def _adding(
    door: Door, said: str, name: str, directory: str, file: str, terms: AddTerms, *, strict: bool
) -> Response:
    return await door.task(
        f"Add {said} to repo {name}",
        _add,
        resources=[f"upload:{directory}"],
        shared=[f"repo:{name}"],
        resumable=True,
        name=name,
        directory=directory,
        file=file,
        terms=terms,
        strict=strict,
    )


def _add(
    session: Session,
    name: str,
    directory: str,
    file: str,
    terms: AddTerms,
    *,
    strict: bool = False,  # tasks of an earlier version do not have it
) -> Answer:
    place = upload_path(session.uploads, directory, file, owner=session.actor)
    found = session.call("repo.add", name=name, paths=[place], **terms)
    remove = terms["remove_files"]
    return _answer(session, directory, found, remove_files=remove, strict=strict)


@routes.post("/repos/{name}/include/{directory}", response_model=Report)
async def include_directory(
    name: str,
    directory: str,
    door: Including,
    terms: Annotated[IncludeTerms, Depends(_include_terms)],
    strict: Strict,
) -> Response:
    """Add what the .changes files in a directory list; the name may be a template."""
    said = f"changes files in dir {directory}"
    return await _including(door, said, name, directory, "", terms, strict=strict)


@routes.post("/repos/{name}/include/{directory}/{file}", response_model=Report)
async def include_file(
    name: str,
    directory: str,
    file: str,
    door: Including,
    terms: Annotated[IncludeTerms, Depends(_include_terms)],
    strict: Strict,
) -> Response:
    """Add what a .changes lists; the name of the repository may be a template."""
    said = f"changes file {file} from dir {directory}"
    return await _including(door, said, name, directory, file, terms, strict=strict)


async def _including(
    door: Door,
    said: str,
    name: str,
    directory: str,
    file: str,
    terms: IncludeTerms,
    *,
    strict: bool,
) -> Response:
    return await door.task(
        f"Include packages from {said} to repo matching template {name}",
        _include,
        resources=[f"upload:{directory}", f"repo:{name}"],
        name=name,
        directory=directory,
        file=file,
        terms=terms,
        strict=strict,
    )


def _include(
    session: Session,
    name: str,
    directory: str,
    file: str,
    terms: IncludeTerms,
    *,
    strict: bool = False,
) -> Answer:
    place = upload_path(session.uploads, directory, file, owner=session.actor)
    if "{{" not in name:
        session.call("repo.show", name=name)
    found = session.call("repo.include", paths=[place], repo=name, **terms)
    remove = terms["remove_files"]
    return _answer(session, directory, found, remove_files=remove, strict=strict)


def _answer(
    session: Session,
    directory: str,
    outcomes: Iterable[FileOutcome],
    *,
    remove_files: bool,
    strict: bool,
) -> Answer:
    """Report what became of files, to the task as well.

    As in aptly, it says 200 even where some failed, unless the client is strict.
    """
    nothing = False
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
            nothing = True
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
            upload_path(session.uploads, directory, owner=session.actor).rmdir()
    report = {"Warnings": warnings, "Added": added, "Removed": removed}
    body: dict[str, object] = {"FailedFiles": failed, "Report": report}
    if strict and (failed or nothing):
        said = f"not added: {'; '.join(warnings)}"
        return Answer(422, {"error": said, "kind": VerificationFailed.__name__, **body})
    return Answer(200, body)

"""``/web/repos/NAME/upload``: files that a browser sends are added to a repository."""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Protocol
from uuid import uuid4

from fastapi import Request, Response
from starlette.concurrency import run_in_threadpool

from debrepo.http import Answer, Door, json_answer, opens, upload_path
from debrepo.http.receiving import receive_form
from debrepo.session import Session
from debrepo_web import forms
from debrepo_web.filters import url
from debrepo_web.routing import see, uploads
from debrepo_web.task_pages import page_of

routes = uploads()

Adding = Annotated[Door, opens("repo.add", "repo.include")]


class AddedFile(Protocol):
    """What became of a file that was to be added."""

    @property
    def source(self) -> Path: ...
    @property
    def package(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def hint(self) -> str: ...


@routes.post("/repos/{name}/upload", include_in_schema=False)
async def upload(name: str, request: Request, door: Adding) -> Response:
    """Receive files, and add them as a task; a script is told where that is shown."""
    may_add, may_include = (door.caller.may(f"repo:{name}:{verb}") for verb in ("add", "include"))
    if not may_add and not may_include:  # before anything is read
        door.caller.require(f"repo:{name}:add")
    anybody = door.session.acting(actor=door.caller.name)  # who may add need not read
    await run_in_threadpool(anybody.call, "repo.show", name=name)
    told: dict[str, str] = {}

    def check(fields: Mapping[str, str]) -> None:
        told.update(fields)
        if forms.HEADER not in request.headers:
            forms.check_sent(request, told.get(forms.FIELD, ""))

    directory = f"~web/{uuid4().hex}"
    root, owner = door.session.uploads, door.caller.name
    found = await receive_form(request, root, directory, owner=owner, check=check)
    task = await door.begin(
        f"Add {found[0] if len(found) == 1 else f'{len(found)} files'} to repository {name}",
        add,
        resources=[f"repo:{name}"],
        name=name,
        directory=directory,
        force_replace=bool(told.get("force_replace")),
    )
    address = page_of(task, url("repos", name))
    if forms.HEADER in request.headers:
        return json_answer({"next": address})
    return see(request, address)


def add(session: Session, name: str, directory: str, force_replace: bool) -> Answer:
    """Add the files of an upload to a repository, with signed uploads among them; say of each.

    What could be added is, whatever happened to the rest; the files are deleted.
    """
    area = upload_path(session.uploads, directory, owner=session.actor)
    failed = count = 0
    try:
        for one in _added(session.receiving(area), name, area, force_replace):
            count += 1
            failed += one.status == "failed"
            for line in _said(one):
                session.progress.note(line)
    finally:
        shutil.rmtree(area, ignore_errors=True)
    counts = {"Files": count, "Failed": failed}
    if failed:
        session.progress.note(f"{failed} of {count} could not be added.")
    return Answer(422 if failed else 200, counts)


def _added(session: Session, name: str, area: Path, force_replace: bool) -> Iterator[AddedFile]:
    paths = sorted(area.iterdir())
    signed = [path for path in paths if path.suffix == ".changes"]
    if signed:  # they name the files that belong to them
        yield from session.call(
            "repo.include",
            paths=signed,
            repo=name,
            force_replace=force_replace,
            remove_files=False,
        )
    else:
        yield from session.call("repo.add", name=name, paths=paths, force_replace=force_replace)


def _said(one: AddedFile) -> Iterator[str]:
    """Yield what the output of the task says of a file."""
    if one.status in {"failed", "empty"}:
        yield f"{one.status}: {one.source.name}: {one.reason}"
        if one.hint:
            yield f"    {one.hint}"
    else:
        yield f"{one.status}: {one.package or one.source.name}"

"""``/api/files``: the upload area."""

import shutil
from contextlib import suppress
from pathlib import Path
from typing import Annotated

from fastapi import Request, Response

from debrepo.errors import InvalidInput, NotFound
from debrepo.http import Door, Routes, json_answer, opens, upload_path
from debrepo.http.receiving import names, receive_form, receive_one

#: Bodies may have any length: they are streamed to the disk.
routes = Routes(prefix="/api", tags=["files"], body_limit=None)

Looking = Annotated[Door, opens(scope="read")]
Uploading = Annotated[Door, opens(scope="upload:{directory}")]

_FILE = {"schema": {"type": "string", "format": "binary"}}
_FILES = {"type": "object", "required": ["file"], "properties": {"file": _FILE["schema"]}}
_FORM = {"multipart/form-data": {"schema": _FILES}}
_RAW = {"application/octet-stream": _FILE}


@routes.get("/files", response_model=list[str])
def list_(door: Looking) -> Response:
    """List the directories with uploads."""
    area = door.session.area
    if not area.is_dir():
        return json_answer([])
    return json_answer(names(path for path in area.iterdir() if path.is_dir()))


@routes.post(
    "/files/{directory}",
    response_model=list[str],
    openapi_extra={"requestBody": {"content": _FORM, "required": True}},
)
async def upload(directory: str, request: Request, door: Uploading) -> Response:
    """Upload the files of a form."""
    found = await receive_form(request, door.session.uploads, directory, owner=door.caller.name)
    request.app.state.requests.upload(len(found))
    return json_answer([f"{directory}/{name}" for name in found])


@routes.put(
    "/files/{directory}/{name}",
    response_model=list[str],
    openapi_extra={"requestBody": {"content": _RAW, "required": True}},
)
async def put(directory: str, name: str, request: Request, door: Uploading) -> Response:
    """Upload one file as the body, as dput does."""
    await receive_one(request, door.session.uploads, directory, name, owner=door.caller.name)
    request.app.state.requests.upload(1)
    return json_answer([f"{directory}/{name}"])


@routes.get("/files/{directory}", response_model=list[str])
def show(directory: str, door: Looking) -> Response:
    """List the files in a directory and below it."""
    place = _place(door, directory)
    if not place.is_dir():
        raise NotFound(f"nothing was uploaded to {directory}")
    return json_answer(names(place.rglob("*")))


@routes.delete("/files/{directory}", response_model=dict[str, str])
def drop(directory: str, door: Uploading) -> Response:
    """Delete a directory with all uploads in it."""
    place = _place(door, directory)
    with suppress(FileNotFoundError):
        if not place.is_dir():
            place.unlink()
            return json_answer({})
        shutil.rmtree(place)
    return json_answer({})


@routes.delete("/files/{directory}/{name}", response_model=dict[str, str])
def remove(directory: str, name: str, door: Uploading) -> Response:
    """Delete an uploaded file."""
    place = _place(door, directory, name)
    try:
        place.unlink(missing_ok=True)
    except (IsADirectoryError, NotADirectoryError):
        raise InvalidInput(f"{directory}/{name} is not a file") from None
    return json_answer({})


def _place(door: Door, directory: str, name: str = "") -> Path:
    return upload_path(door.session.uploads, directory, name, owner=door.caller.name)

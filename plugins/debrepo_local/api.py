"""``/api/repos/NAME/documents``: the .changes and .buildinfo files of uploads."""

from typing import Annotated
from urllib.parse import quote

from fastapi import Response
from pydantic import BaseModel

from debrepo.http import Door, Routes, json_answer, opens

routes = Routes(prefix="/api/repos", tags=["documents of uploads"])


class ListedDocument(BaseModel):
    """A file of an upload that is not part of a package."""

    Name: str
    Source: str
    Version: str
    Size: int
    SHA256: str
    Included: str
    Packages: list[str]
    Signers: list[str]


@routes.get("/{name}/documents", response_model=list[ListedDocument])
def list_(
    name: str,
    door: Annotated[Door, opens("repo.documents", settled=True)],
    source: str = "",
) -> Response:
    """List the documents of uploads to a repository, the latest first."""
    found = door.session.call("repo.documents", name=name, source=source)
    return json_answer(
        [
            {
                "Name": one.file.name,
                "Source": one.source,
                "Version": one.version,
                "Size": one.file.size,
                "SHA256": one.file.sha256,
                "Included": one.included,
                "Packages": list(one.packages),
                "Signers": list(one.signers),
            }
            for one in found
        ]
    )


@routes.get("/{name}/documents/{file}", response_class=Response)
def download(name: str, file: str, door: Annotated[Door, opens("repo.document")]) -> Response:
    """Send a document of an upload to a repository."""
    found = door.session.call("repo.document", name=name, file=file)
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(found.name)}"}
    return Response(found.content, media_type="text/plain; charset=utf-8", headers=headers)

"""Routes: ``/api/repos/{name}/overrides``."""

from typing import Annotated, Literal

from fastapi import Response
from pydantic import BaseModel

from debrepo.http import Door, Routes, json_answer, opens

routes = Routes(prefix="/api/repos", tags=["overrides"])

Kind = Literal["deb", "udeb", "source"]


class OverriddenFields(BaseModel):
    """The fields that packages get, by their names."""

    fields: dict[str, str]


@routes.get("/{name}/overrides")
async def list_(
    name: str, door: Annotated[Door, opens("repo.override.list", settled=True)]
) -> Response:
    """List the overrides of a repository."""
    return json_answer([one._asdict() for one in await door.call("repo.override.list", name=name)])


@routes.put("/{name}/overrides/{package}")
async def set_(
    name: str,
    package: str,
    given: OverriddenFields,
    door: Annotated[Door, opens("repo.override.set")],
    kind: Kind = "deb",
) -> Response:
    """Give packages of a repository other fields."""
    found = await door.call(
        "repo.override.set", name=name, package=package, fields=given.fields, kind=kind
    )
    return json_answer([one._asdict() for one in found])


@routes.delete("/{name}/overrides/{package}")
async def drop(
    name: str,
    package: str,
    door: Annotated[Door, opens("repo.override.drop")],
    kind: Kind = "deb",
) -> Response:
    """Drop the overrides of packages of a repository."""
    await door.call("repo.override.drop", name=name, package=package, kind=kind)
    return json_answer({})

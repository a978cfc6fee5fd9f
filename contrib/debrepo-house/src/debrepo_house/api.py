"""Routes: ``/api/house``."""

from typing import Annotated

from fastapi import Response
from pydantic import BaseModel

from debrepo.http import Door, Routes, json_answer, opens

routes = Routes(prefix="/api/house", tags=["house"])


class Owner(BaseModel):
    """Who owns a repository."""

    team: str


@routes.get("/repositories")
async def list_(door: Annotated[Door, opens("house.list", settled=True)]) -> Response:
    """List the repositories that a team owns."""
    return json_answer([one._asdict() for one in await door.call("house.list")])


@routes.put("/repositories/{name}/owner")
async def own(name: str, owner: Owner, door: Annotated[Door, opens("house.own")]) -> Response:
    """Say which team owns a repository."""
    return json_answer((await door.call("house.own", name=name, team=owner.team))._asdict())

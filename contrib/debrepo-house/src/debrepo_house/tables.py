"""What the database stores of a repository: its owner, and the packages that are rolled out."""

from __future__ import annotations

from typing import NamedTuple

from debrepo.database import json_table


class HouseRepository(NamedTuple):
    """A repository, as this house sees it."""

    name: str
    team: str = ""
    phases: dict[str, int] = {}  # noqa: RUF012  # percentages by package; replaced, never changed


REPOSITORIES = json_table(
    "house.repositories",
    load=lambda fields: HouseRepository(**fields),
    dump=HouseRepository._asdict,
    record=HouseRepository,
)

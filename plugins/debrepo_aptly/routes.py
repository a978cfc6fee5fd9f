"""Routes: they read bodies and wait for tasks as aptly does."""

from typing import Any

from fastapi import Request

from debrepo.http import Route, Routes
from debrepo_aptly.bodies import as_json
from debrepo_aptly.spelling import decode

#: Values that turn ``_async`` off; all others turn it on.
_OFF = {"n", "no", "f", "false", "0", "off"}


class AptlyRoute(Route):
    """A route whose body may come as a form or in the query, with ``_async`` for a task."""

    async def read(self, request: Request, *, required: bool) -> Request:
        return await super().read(await as_json(request), required=required)

    def arguments(self, path: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
        said = super().arguments(path, body)
        place = decode(str(said["prefix"])) if "prefix" in said else "."
        found = {"place": place, "repo": said.get("name"), "target": said.get("name"), **said}
        if self.path.endswith("/{name}/snapshots"):  # of a repository, or a mirror
            found["name"] = body.get("name")
        return found

    def patience(self, request: Request) -> float | None:
        asked = request.query_params.get("_async")
        if asked is None:
            return super().patience(request)
        return None if asked.lower() in _OFF else 0


class AptlyRoutes(Routes):
    """Routes below ``/api``."""

    def __init__(self, *, tags: list[str], **more: Any) -> None:
        super().__init__(prefix="/api", tags=tags, route_class=AptlyRoute, **more)

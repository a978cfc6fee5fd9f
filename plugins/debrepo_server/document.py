"""The OpenAPI document, with the scopes that each route needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from debrepo import __version__
from debrepo.http import TaskObject, opening_of

if TYPE_CHECKING:
    from fastapi import FastAPI

    from debrepo.session import Session

_ASYNC = {
    "name": "_async",
    "in": "query",
    "required": False,
    "schema": {"type": "string"},
    "description": "1: return the task without waiting for it",
}
_TASK = "#/components/schemas/TaskObject"


def describe(app: FastAPI, session: Session) -> dict[str, Any]:
    """Return the OpenAPI document."""
    document = get_openapi(
        title="debrepo",
        version=__version__,
        summary="Debian package repositories, over HTTP.",
        routes=app.routes,
    )
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas.setdefault("TaskObject", TaskObject.model_json_schema())
    document["components"]["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer"},
        "password": {"type": "http", "scheme": "basic"},
    }
    for route in app.routes:
        opening = opening_of(route)
        if opening is None or not isinstance(route, APIRoute):
            continue
        for method in route.methods or ():
            described = document["paths"].get(route.path_format, {}).get(method.lower())
            if described is None:
                continue
            scopes = opening.scopes(session)
            described["x-scopes"] = scopes
            described["responses"].pop("422", None)  # what does not validate is a 400 here
            if scopes != ["public"]:
                described["security"] = [{"token": []}, {"password": []}, {}]
            if opening.task:
                described.setdefault("parameters", []).append(_ASYNC)
                described["responses"]["202"] = {
                    "description": "The task",
                    "content": {"application/json": {"schema": {"$ref": _TASK}}},
                }
    return document

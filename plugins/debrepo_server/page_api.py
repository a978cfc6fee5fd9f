"""``/docs.html``: the OpenAPI document as an HTML page without scripts."""

from collections.abc import Iterator, Mapping
from html import escape
from typing import Annotated, Any

from fastapi import Request, Response
from starlette.responses import HTMLResponse, RedirectResponse

from debrepo.http import Door, Routes, json_answer, opens

routes = Routes(prefix="", tags=["status"])

Anybody = Annotated[Door, opens(scope="public", settled=True)]

#: The page loads nothing else.
_POLICY = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
_STYLE = """
body { font: 16px/1.5 sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em }
summary { cursor: pointer } code { font-size: 95% } dt { margin-top: .5em }
"""


@routes.get("/docs.html", response_class=HTMLResponse)
async def page(request: Request, door: Anybody) -> Response:
    """Show the API documentation."""
    text = "\n".join(_page(request.app.openapi()))
    return HTMLResponse(text, headers=_POLICY)


@routes.get("/docs/doc.json", response_model=dict[str, object])
async def document(request: Request, door: Anybody) -> Response:
    """Return the OpenAPI document."""
    return json_answer(request.app.openapi())


@routes.get("/docs", status_code=301, include_in_schema=False)
@routes.get("/docs/", status_code=301, include_in_schema=False)
@routes.get("/docs/index.html", status_code=301, include_in_schema=False)
async def elsewhere(door: Anybody) -> Response:
    """Redirect to the API documentation."""
    return RedirectResponse("/docs.html", 301)


def _page(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of the page: a heading for each tag, and below it the routes."""
    title = escape(f"{document['info']['title']} {document['info']['version']}")
    yield '<!doctype html>\n<html lang="en"><meta charset="utf-8">'
    yield f"<title>{title}</title>\n<style>{_STYLE}</style>\n<h1>{title}</h1>"
    yield "<p>Also available as an <a href='/api/openapi.json'>OpenAPI document</a>.</p>"
    found = [
        (route.get("tags", ["other"])[0], path, method, route)
        for path, methods in document["paths"].items()
        for method, route in methods.items()
    ]
    for tag in dict.fromkeys(tag for tag, *_ in found):
        yield f"<h2>{escape(tag)}</h2>"
        for own, path, method, route in found:
            if own == tag:
                yield from _route(path, method, route)


def _route(path: str, method: str, route: Mapping[str, Any]) -> Iterator[str]:
    scopes = ", ".join(f"<code>{escape(scope)}</code>" for scope in route["x-scopes"])
    line = f"<code>{method.upper()} {escape(path)}</code> {escape(route.get('summary', ''))}"
    yield f"<details><summary>{line}</summary>\n<p>{escape(route.get('description', ''))}</p>"
    yield f"<p>Scope: {scopes}</p>\n<dl>"
    for parameter in route.get("parameters", ()):
        where = f"{parameter['in']}{', required' * bool(parameter.get('required'))}"
        yield f"<dt><code>{escape(parameter['name'])}</code> ({where})"
        yield f"<dd>{escape(parameter.get('description', ''))}"
    for kind, body in route.get("requestBody", {}).get("content", {}).items():
        name = str(body.get("schema", {}).get("$ref", "")).rpartition("/")[2]
        yield f"<dt>body<dd>{escape(kind)} <code>{escape(name)}</code>"
    for status, answer in route.get("responses", {}).items():
        yield f"<dt>{escape(status)}<dd>{escape(answer.get('description', ''))}"
    yield "</dl></details>"

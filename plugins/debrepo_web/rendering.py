"""Rendering: pages from templates, with what each of them has around it."""

from __future__ import annotations

import re
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from fastapi.exceptions import RequestValidationError
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse

from debrepo.errors import DebrepoError, NotAuthenticated
from debrepo.http import status_of
from debrepo.permissions import Caller
from debrepo_web import filters, forms

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fastapi import Request, Response

    from debrepo.config import Config
    from debrepo.http import Server

HERE = Path(__file__).parent
_BRACES = re.compile(r"\{(\w+)\}")

#: Pages load nothing from elsewhere, run no script but ours, and are shown in no frame.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Vary": "Accept, Cookie",
}


class Entry(NamedTuple):
    """An entry of the navigation, for callers with a scope, where there is an operation."""

    title: str
    url: str
    operation: str
    scope: str = "read"


NAVIGATION = (
    Entry("Publications", "/web/publications", "publish.list"),
    Entry("Repositories", "/web/repos", "repo.list"),
    Entry("Mirrors", "/web/mirrors", "mirror.list"),
    Entry("Snapshots", "/web/snapshots", "snapshot.list"),
    Entry("Packages", "/web/packages", "package.page"),
    Entry("Graph", "/web/graph", "graph.draw"),
    Entry("Tasks", "/web/tasks", "server.serve"),
    Entry("Audit log", "/web/audit", "audit.list", "admin"),
    Entry("Tokens", "/web/tokens", "token.list", "admin"),
)


@cache
def environment() -> Environment:
    """Return the environment of the templates."""
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(filters.FILTERS)
    made.globals.update(filters.GLOBALS, asset=asset)
    return made


@cache
def asset(name: str) -> str:
    """Return the URL of a file in ``static``; it changes with what the file says."""
    return f"/web/static/{name}?v={sha256((HERE / 'static' / name).read_bytes()).hexdigest()[:12]}"


def page(request: Request, template: str, *, status: int = 200, **values: object) -> Response:
    """Return a page made from a template.

    Besides ``values``, a template knows the ``caller``, the ``navigation`` for that caller, the
    ``form_token`` that its forms have to send, the ``path`` that was asked for, and what the caller
    ``can`` do: ``can("repo.add", name="web")``.
    """
    caller: Caller = getattr(request.state, "caller", None) or Caller("", (), anonymous=True)
    operations = request.app.state.debrepo.session.operations
    around = {
        "caller": caller,
        "navigation": [
            entry
            for entry in NAVIGATION
            if entry.operation in operations and caller.may_some(entry.scope)
        ],
        "path": request.scope["path"],
        "signed_in": bool(forms.secret(request)),
        "form_token": forms.token(request),
        "can": may_call(request, caller),
        "command": "",
        "news": forms.said(request),
    }
    text = environment().get_template(template).render({**around, **values})
    response = HTMLResponse(text, status, HEADERS)
    if around["news"]:
        forms.heard(response)
    forms.keep(request, response)
    return response


def may_call(request: Request, caller: Caller) -> Callable[..., bool]:
    """Return what tells whether a caller may call an operation, as far as arguments are known.

    What no plugin provides, nobody may call.
    """
    server: Server = request.app.state.debrepo

    def can(operation: str, **named: str) -> bool:
        known = server.session.operations.get(operation)
        if known is None:
            return False
        first, *others = known.scopes
        needed = (scope for scope in others if named.keys() >= set(_BRACES.findall(scope)))
        return all(_may(caller, scope, named) for scope in (first, *needed))

    return can


def _may(caller: Caller, scope: str, named: Mapping[str, str]) -> bool:
    known = named.keys() >= set(_BRACES.findall(scope))
    return caller.may(scope.format_map(named)) if known else caller.may_some(scope)


def public(request: Request, config: Config, template: str, **values: Any) -> Response:
    """Return a page that everybody may see who may see what it is about."""
    return page(request, template, **site(config), home="/", static=False, **values)


def site(config: Config) -> dict[str, Any]:
    """Return what public pages show of who publishes."""
    return {
        "site_title": config["web.title"],
        "site_description": config["web.description"],
        "when": _published,
    }


def _published(at: int) -> str:
    return f"published {filters.ago(at)}"


def failure(request: Request, error: Exception) -> Response:
    """Return the page for an error: what went wrong, and what to do next."""
    hint = ""
    if isinstance(error, DebrepoError):
        status, said, hint = status_of(error), str(error), error.hint
    elif isinstance(error, HTTPException):
        status, said = error.status_code, str(error.detail)
    else:
        assert isinstance(error, RequestValidationError)
        status = 400
        said = "; ".join(f"{one['loc'][-1]}: {one['msg']}" for one in error.errors()[:5])
    if isinstance(error, NotAuthenticated):
        # Without WWW-Authenticate, which would make the browser ask by itself.
        return page(request, "sign_in.html", status=status, said="", next=_where(request))
    return page(request, "error.html", status=status, said=said, hint=hint, code=status)


def _where(request: Request) -> str:
    query = f"?{request.url.query}" if request.url.query else ""
    return request.url.path + query if request.method == "GET" else "/web"

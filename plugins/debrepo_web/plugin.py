"""What the pages add to a server."""

from __future__ import annotations

from debrepo import Ref, hookimpl

_PAGES = (
    "landing",
    "signing_in",
    "overview",
    "assets",
    "task_pages",
    "audit_pages",
    "token_pages",
)


@hookimpl
def debrepo_routes() -> list[Ref]:
    return [Ref(f"debrepo_web.{name}:routes") for name in _PAGES]

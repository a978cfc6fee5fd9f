"""What the pages add to a server."""

from __future__ import annotations

from debrepo import Ref, hookimpl

_PAGES = (
    "landing",
    "signing_in",
    "overview",
    "list_pages",
    "difference_pages",
    "package_pages",
    "graph_page",
    "task_pages",
    "audit_pages",
    "token_pages",
    "assets",
)


@hookimpl
def debrepo_routes() -> list[Ref]:
    return [Ref(f"debrepo_web.{name}:routes") for name in _PAGES]

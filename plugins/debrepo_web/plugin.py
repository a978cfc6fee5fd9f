"""What the pages add to a server."""

from __future__ import annotations

from debrepo import Command, Operation, Ref, Setting, TableRef, hookimpl

_PAGES = (
    "landing",
    "signing_in",
    "overview",
    "list_pages",
    "difference_pages",
    "package_pages",
    "graph_page",
    "publication_pages",
    "task_pages",
    "audit_pages",
    "token_pages",
    "list_actions",
    "upload_pages",
    "publication_actions",
    "assets",
)


@hookimpl
def debrepo_routes() -> list[Ref]:
    return [Ref(f"debrepo_web.{name}:routes") for name in _PAGES]


@hookimpl
def debrepo_settings() -> list[Setting]:
    return [
        Setting("web.title", "Debian packages", "Title of the public pages"),
        Setting(
            "web.description",
            "Packages for Debian and its derivatives, installed and updated with apt.",
            "The line below the title of the public pages",
        ),
    ]


@hookimpl
def debrepo_tables() -> list[TableRef]:
    return [TableRef("web.sites", 1, "debrepo_web.tables:SITES")]


@hookimpl
def debrepo_commands() -> list[Command]:
    return [
        Command(
            "publish site", "debrepo_web.cli:site", "Write pages for users into a published tree."
        )
    ]


@hookimpl
def debrepo_operations() -> list[Operation]:
    return [
        Operation(
            "publish.site",
            "debrepo_web.site_operations:site",
            "Write pages for users into a published tree.",
            "publish:{place}:update",
            "publish site",
            long=True,
        )
    ]

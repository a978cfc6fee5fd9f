"""The server plugin: commands, operations, settings, tables and routes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo import BackgroundJob, Command, Operation, Ref, Setting, TableRef, hookimpl

if TYPE_CHECKING:
    from debrepo.health import Checkup
    from debrepo.session import Session

_OPERATIONS = "debrepo_server.operations"


@hookimpl
def debrepo_commands() -> list[Command]:
    return [
        Command("serve", "debrepo_server.cli:serve", "Serve the API and the published trees."),
        Command("api", "debrepo_server.cli:api", 'Serve the API with "api serve", as in aptly.'),
        Command("token", "debrepo_server.cli:token", "Manage the tokens of the server's users."),
    ]


@hookimpl
def debrepo_operations() -> list[Operation]:
    return [
        Operation(
            "server.serve",
            f"{_OPERATIONS}:serve",
            "Serve the API and the published trees.",
            "admin",
            "serve",
            changes=False,
            long=True,
            local=True,
        ),
        Operation(
            "token.create",
            f"{_OPERATIONS}:create_token",
            "Create a token.",
            "admin",
            "token create",
            secret=True,
        ),
        Operation(
            "token.list",
            f"{_OPERATIONS}:list_tokens",
            "List the tokens.",
            "admin",
            "token list",
            changes=False,
        ),
        Operation(
            "token.show",
            f"{_OPERATIONS}:show_token",
            "Show a token, and what it may do.",
            "admin",
            "token show",
            changes=False,
        ),
        Operation(
            "token.can",
            f"{_OPERATIONS}:can",
            "Tell whether a token may do something.",
            "admin",
            "token can",
            changes=False,
        ),
        Operation(
            "token.revoke",
            f"{_OPERATIONS}:revoke_token",
            "Revoke a token.",
            "admin",
            "token revoke",
        ),
    ]


@hookimpl
def debrepo_settings() -> list[Setting]:
    return [
        Setting("server.listen", "127.0.0.1:8080", "Address to listen on: HOST:PORT or unix:PATH"),
        Setting(
            "server.hosts",
            (),
            "Additional host names that the server answers to; *: any. Empty: only its own names "
            "if clients need no token, else any",
        ),
        Setting("server.anonymous", ("download:*",), "Scopes of requests without a token"),
        Setting(
            "server.requests_per_second", 0, "Maximum rate of requests of one client; 0: no limit"
        ),
        Setting("server.log_format", "text", "Format of log lines: text or json"),
        Setting(
            "server.log_level",
            "info",
            "Minimum level to log: debug, info, warning, error, critical",
        ),
        Setting("server.node", "", "Name of this server among others; empty: the host name"),
        Setting("server.tasks", 16, "Maximum number of tasks that run at the same time"),
        Setting("server.reads", 8, "Maximum number of parallel reads; one caller gets half"),
        Setting("server.read_seconds", 120, "Maximum seconds that a read takes; 0: no limit"),
        Setting(
            "server.list_length", 100_000, "Maximum length of a list in a request; 0: no limit"
        ),
        Setting(
            "server.grace",
            30,
            "Seconds from SIGTERM to exit; running work is cancelled after half of them",
        ),
        Setting(
            "server.connections",
            0,
            "Maximum number of connections; beyond it, the longest idle one is closed. "
            "0: as many as the limit on open files allows",
        ),
    ]


@hookimpl
def debrepo_tables() -> list[TableRef]:
    return [
        TableRef("server.tasks", 1, "debrepo_server.records:TASKS"),
        TableRef("server.open", 1, "debrepo_server.records:OPEN"),
        TableRef("server.counters", 1, "debrepo_server.records:COUNTERS"),
        TableRef("server.rates", 1, "debrepo_server.rates:RATES"),
        TableRef("server.replays", 1, "debrepo_server.answered:REPLAYS", secret=True),
        TableRef("server.tokens", 1, "debrepo_server.tokens:TOKENS", secret=True),
        TableRef("server.digests", 1, "debrepo_server.tokens:DIGESTS", secret=True),
    ]


@hookimpl
def debrepo_background() -> dict[str, BackgroundJob]:
    return {
        "read": BackgroundJob(
            "debrepo_server.idle:in_idle_time", 2.0, "Read packages that no publish asked for yet."
        )
    }


@hookimpl
def debrepo_routes() -> list[Ref]:
    return [
        Ref("debrepo_server.api:routes", "Version, health and metrics."),
        Ref("debrepo_server.file_api:routes", "Uploads."),
        Ref("debrepo_server.page_api:routes", "The API documentation."),
        Ref("debrepo_server.task_api:routes", "Tasks."),
        Ref("debrepo_server.tree_api:routes", "Published trees."),
    ]


@hookimpl
def debrepo_scopes() -> set[str]:
    return {"download:", "download:{storage}/{path}", "upload:{directory}"}


@hookimpl
def debrepo_health(session: Session) -> list[Checkup]:
    from debrepo_server.health import checkups

    return list(checkups(session))

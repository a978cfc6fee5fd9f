"""The reference pages, made from the code; cog calls these functions from docs/reference/."""

from __future__ import annotations

import inspect
import tomllib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import click

from debrepo import (
    care_hooks,
    errors,
    file_hooks,
    hookspecs,
    index_hooks,
    package_hooks,
    server_hooks,
)
from debrepo.cli import LazyCommand, build_cli
from debrepo.config import CORE_SETTINGS
from debrepo.plugins import entry_points, load_plugins

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import ModuleType

    from pluggy import PluginManager

    from debrepo import Operation, Setting

PYPROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())
PLUGINS: dict[str, str] = PYPROJECT["project"]["entry-points"]["debrepo"]


@cache
def builtin_plugins() -> PluginManager:
    """Return the plugins of this distribution, whatever else is installed."""
    return load_plugins(disabled=[name for name, _ in entry_points() if name not in PLUGINS])


def commands() -> Iterator[tuple[str, click.Command]]:
    """Yield every command and group with its path: ``("repo add", …)``; groups come first."""
    return _walk(build_cli(builtin_plugins()), "")


def _walk(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    real = command.load() if isinstance(command, LazyCommand) else command
    yield path, real
    if isinstance(real, click.Group):
        for name, child in sorted(real.commands.items()):
            yield from _walk(child, f"{path} {name}".strip())


def help_text(path: str, command: click.Command) -> str:
    """Return what ``debrepo PATH --help`` prints, in a terminal of a fixed width."""
    context = click.Context(command, info_name=f"debrepo {path}".strip(), terminal_width=88)
    return command.get_help(context)


def operations() -> list[Operation]:
    """Return every operation, sorted by name."""
    return sorted(o for batch in builtin_plugins().hook.debrepo_operations() for o in batch)


def settings() -> list[Setting]:
    """Return every setting, sorted by name."""
    batches = builtin_plugins().hook.debrepo_settings()
    return sorted([*CORE_SETTINGS, *(setting for batch in batches for setting in batch)])


def hooks() -> list[Callable[..., object]]:
    """Return the hook specifications, in the order of their modules."""
    return [
        one
        for module in (
            hookspecs,
            package_hooks,
            care_hooks,
            file_hooks,
            index_hooks,
            server_hooks,
        )
        for one in _hooks_of(module)
    ]


def _hooks_of(module: ModuleType) -> list[Callable[..., object]]:
    functions = inspect.getmembers(module, inspect.isfunction)
    found = [function for name, function in functions if name.startswith("debrepo_")]
    return sorted(found, key=lambda function: function.__code__.co_firstlineno)


def signature(hook: Callable[..., object]) -> str:
    """Return a hook as its heading spells it: ``debrepo_check(txn)``."""
    return f"{hook.__name__}({', '.join(inspect.signature(hook).parameters)})"


def error_classes() -> list[type[errors.DebrepoError]]:
    """Return the exception classes, in the order of their module."""
    return [
        value
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, errors.DebrepoError)
    ]


def commands_page() -> str:
    """Return the body of commands.md."""
    return "\n".join(
        f"## `{f'debrepo {path}'.strip()}`\n\n```text\n{help_text(path, command)}\n```\n"
        for path, command in commands()
    )


def hooks_page() -> str:
    """Return the body of hooks.md."""
    return "\n".join(f"## {signature(hook)}\n\n{inspect.getdoc(hook)}\n" for hook in hooks())


def operations_page() -> str:
    """Return the body of operations.md."""
    return "\n".join(f"## {o.name}\n\n{o.summary}\n\n{_describe(o)}\n" for o in operations())


def _describe(operation: Operation) -> str:
    function = operation.ref.load()
    _, *parameters = inspect.signature(function).parameters.values()
    needed = [f"`{scope}`" for scope in operation.scopes]
    if any("Path" in str(parameter.annotation) for parameter in parameters):
        needed.append("`upload:DIRECTORY` of files that were uploaded")
    scopes = " and ".join(needed)
    nature = "changes things" if operation.changes else "changes nothing"
    return "\n".join(
        [
            f"- On the command line: `debrepo {operation.command}`",
            f"- Scope: {scopes}; {nature}{', may take long' * operation.long}",
            *(f"- `{_plain(parameter)}`" for parameter in parameters),
        ]
    )


def _plain(parameter: inspect.Parameter) -> str:
    default = "" if parameter.default is parameter.empty else f" = {parameter.default!r}"
    return f"{parameter.name}: {parameter.annotation}{default}"


def settings_page() -> str:
    """Return the body of settings.md."""
    rows = ((f"`{s.name}`", f"`{_toml(s.default)}`", s.help) for s in settings())
    return _table(("Setting", "Default", "What it does"), rows)


def _toml(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case tuple():
            return "[" + ", ".join(f'"{item}"' for item in value) + "]"
        case str():
            return f'"{value}"'
    return str(value)


def errors_page() -> str:
    """Return the body of errors.md."""
    rows = (
        (f"`{kind.__name__}`", str(kind.exit_code), inspect.getdoc(kind) or "")
        for kind in error_classes()
    )
    return _table(("Class", "Exit code", "What it means"), rows)


def tables_page() -> str:
    """Return the body of tables.md."""
    from debrepo.catalog import TABLES

    declared = [t for batch in builtin_plugins().hook.debrepo_tables() for t in batch]
    rows = ((f"`{t.name}`", str(t.version), f"`{t.target}`") for t in sorted([*TABLES, *declared]))
    return _table(("Table", "Version", "Where it is declared"), rows)


def plugins_page() -> str:
    """Return the body of plugins.md."""
    rows = ((f"`{n}`", f"`{module}`", _brought(n)) for n, module in sorted(PLUGINS.items()))
    return _table(("Plugin", "Module", "What it brings"), rows)


def _brought(name: str) -> str:
    plugin = builtin_plugins().get_plugin(name)
    commands = [f"`debrepo {c.name}`" for c in getattr(plugin, "debrepo_commands", list)()]
    others = [
        f"the {kind} `{key}`"
        for hook, kind in (
            ("debrepo_storages", "storage"),
            ("debrepo_databases", "database"),
            ("debrepo_transports", "transport"),
            ("debrepo_signers", "signer"),
            ("debrepo_index_kinds", "index kind"),
        )
        for key in getattr(plugin, hook, dict)()
    ]
    return ", ".join(commands + others)


def rest_page() -> str:
    """Return the body of rest.md."""
    from debrepo.http import opening_of

    batches = builtin_plugins().hook.debrepo_routes()
    routes = [route for batch in batches for ref in batch for route in ref.load().routes]
    scopes = {operation.name: operation.scopes for operation in operations()}
    rows = []
    for route in sorted(routes, key=lambda route: (route.path, sorted(route.methods))):
        opening = opening_of(route)
        if opening is None or not route.include_in_schema:
            continue
        needed = [*(one for name in opening.operations for one in scopes[name]), opening.scope]
        said = (inspect.getdoc(route.endpoint) or "").partition("\n")[0]
        rows.append(
            (
                f"`{' '.join(sorted(route.methods))} {route.path}`",
                f"{said} *task*" if opening.task else said,
                ", ".join(f"`{scope}`" for scope in dict.fromkeys(needed) if scope),
            )
        )
    return _table(("Route", "What it does", "Scope"), rows)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    rule = tuple("---" for _ in head)
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *rows)) + "\n"

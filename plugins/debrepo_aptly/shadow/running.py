"""Running a command line of aptly's: what it says, and its exit status of 0, 1 or 2."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import click

from debrepo.errors import DebrepoError
from debrepo_aptly.shadow.asked import AptlyRequest, Failed
from debrepo_aptly.shadow.grammar import COMMANDS, WrongUsage, parse, usage

if TYPE_CHECKING:
    from debrepo.session import Session

_MODULES = {
    "mirror": "mirrors",
    "publish": "publications",
    "repo": "repositories",
    "snapshot": "snapshots",
}
_RESERVED = frozenset(["filter", "import", "list"])  # words of Python's, or of its builtins


def run(session: Session, words: tuple[str, ...]) -> int:
    """Run a command line, and return its exit status."""
    if words[:1] == ("help",):
        return _help(words[1:])
    try:
        line = parse(words)
        module, name = _function(line.command)
        import_module(f"debrepo_aptly.shadow.{module}").__dict__[name](AptlyRequest(session, line))
    except WrongUsage as error:
        click.echo(str(error), err=True)
        return 2
    except Failed as error:
        click.echo(f"ERROR: {error}", err=True)
        return 1
    except DebrepoError as error:
        click.echo(f"ERROR: {error}", err=True)
        return 1
    return 0


def _function(command: str) -> tuple[str, str]:
    """Return the module and the name of the function that a command is."""
    group, *rest = command.split()
    module = _MODULES.get(group, "others")
    name = "_".join(rest if module != "others" else command.split())
    return module, f"{name}_" if name in _RESERVED else name


def _help(words: tuple[str, ...]) -> int:
    path = " ".join(words)
    if path and not any(f"{known} ".startswith(f"{path} ") for known in COMMANDS):
        click.echo(f"ERROR: unknown help topic {path!r}", err=True)
        return 1
    click.echo(usage(path))
    return 0

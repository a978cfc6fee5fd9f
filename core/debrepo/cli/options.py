"""Options and arguments that the commands of several plugins take."""

from __future__ import annotations

import sys
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from debrepo.cli.completion import Name, list_names, of_lists, references
from debrepo.cli.output import dry_run_option, json_option
from debrepo.dependencies import Dependencies
from debrepo.errors import InvalidInput, NotFound
from debrepo.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from debrepo.selection import Found
    from debrepo.session import Session
    from debrepo.templates import Template

_LONGEST = 1 << 20  # characters of a query in a file


def read_text(path: Path) -> str:
    """Return the content of a file that a user has named; raise `InvalidInput` for no text."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise InvalidInput(f"cannot read {str(path)[:200]}: {_reason(error)}") from None


def _reason(error: OSError | ValueError) -> str:
    return error.strerror or "" if isinstance(error, OSError) else "it is not text in UTF-8"


class QueryText(click.ParamType):  # type: ignore[type-arg]  # older clicks know no arguments here
    """A package query, or ``@FILE`` with one in it, or ``@-`` for standard input."""

    name = "query"

    def convert(self, value: str, param: Any, ctx: Any) -> str:
        if not value.startswith("@"):
            return value
        where = value[1:]
        try:
            if where == "-":
                return sys.stdin.read(_LONGEST).strip()
            with Path(where).open(encoding="utf-8") as file:
                return file.read(_LONGEST).strip()
        except (OSError, ValueError) as error:
            raise InvalidInput(
                f"cannot read the {self.name} from {where[:80]!r}: {_reason(error)}",
                hint=f"@FILE reads a {self.name} from a file, @- from standard input",
            ) from None


class TemplateText(click.ParamType):  # type: ignore[type-arg]  # older clicks know no arguments here
    """A template, such as ``{{.Package}} {{.Version}}``."""

    name = "template"

    def convert(self, value: str | Template, param: Any, ctx: Any) -> Template:
        from debrepo.templates import parse

        return parse(value) if isinstance(value, str) else value


query_arguments = click.argument(
    "queries", metavar="QUERY...", nargs=-1, required=True, type=QueryText()
)
optional_queries = click.argument("queries", metavar="[QUERY]...", nargs=-1, type=QueryText())
format_option = click.option(
    "--format", "template", type=TemplateText(), help="Print each package with a template."
)
why_option = click.option(
    "--why",
    "--dep-verbose-resolve",
    "with_why",
    is_flag=True,
    help="Show which package pulled in each dependency.",
)


def architectures_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--architectures``: names, separated by commas."""
    return click.option(
        "--architectures",
        default="",
        callback=lambda _ctx, _param, text: tuple(
            name.strip() for name in text.split(",") if name.strip()
        ),
        help="Comma-separated list of architectures: consider packages of these only.",
    )(command)


def dependency_options(switch: str = "") -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add what says which dependencies to follow; the command gets it as ``dependencies``.

    ``switch`` is the option that turns them on, ``--with-deps``, or off, ``--no-deps``: the
    command gets ``None`` then. It gets ``architectures`` as well, to restrict what it chooses.
    """

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(command)
        def collect(*args: Any, architectures: tuple[str, ...], **given: Any) -> Any:
            follow = tuple(name for name in FOLLOWED if given.pop(_parameter(name)))
            wanted = not switch or given.pop("deps_switch") == (switch == "--with-deps")
            if not wanted:
                _warn([*follow, *(["why"] if given.get("with_why") else [])], switch)
            dependencies = Dependencies(architectures, follow) if wanted else None
            if switch:
                given["architectures"] = architectures
            return command(*args, dependencies=dependencies, **given)

        decorated: Callable[..., Any] = architectures_option(collect)
        for name, what in reversed(FOLLOWED.items()):
            decorated = click.option(f"--dep-follow-{name}", is_flag=True, help=what)(decorated)
        if switch:
            what = _SWITCHES[switch]
            decorated = click.option(switch, "deps_switch", is_flag=True, help=what)(decorated)
        return decorated

    return decorate


def _warn(names: Iterable[str], switch: str) -> None:
    """Say which options have no effect, as dependencies are left out."""
    words = "without --with-deps" if switch == "--with-deps" else f"with {switch}"
    for name in names:
        option = f"--{name}" if name == "why" else f"--dep-follow-{name}"
        click.echo(f"Warning: {option} has no effect {words}.", err=True)


_SWITCHES = {
    "--with-deps": "Include the dependencies of the packages.",
    "--no-deps": "Do not include the dependencies of the packages.",
}

#: What can be followed (`debrepo.selection.FOLLOW`), with the help of the option.
FOLLOWED = {
    "recommends": "Follow Recommends, too.",
    "suggests": "Follow Suggests, too.",
    "source": "Include the source packages of binary packages.",
    "build-depends": "Include the build dependencies of source packages.",
    "all-variants": "Include every package that satisfies a dependency, not only the first.",
}


def _parameter(name: str) -> str:
    return f"dep_follow_{name.replace('-', '_')}"


class Style(NamedTuple):
    """How the packages that were found are to be printed."""

    template: Template | None
    as_json: bool
    raw: bool
    sort: str
    with_why: bool

    def print(self, found: Sequence[Found], queries: Sequence[str] = ()) -> None:
        """Print packages; raise `NotFound` where there are none, except as JSON."""
        from debrepo.cli.output import print_found

        if not found and queries and not self.as_json:
            text = " | ".join(queries)
            raise NotFound(f"no package matches {text[:80]}")
        print_found(found, self)


def style_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add what says how to print packages; the command gets it as ``style``."""

    @wraps(command)
    def collect(
        *args: Any,
        template: Template | None,
        as_json: bool,
        raw: bool,
        sort: str,
        with_why: bool = False,
        **given: Any,
    ) -> Any:
        return command(*args, style=Style(template, as_json, raw, sort, with_why), **given)

    sort = click.option(
        "--sort",
        type=click.Choice(["name", "architecture", "version"]),
        default="name",
        help="Order of the packages; newest versions first.",
    )
    raw = click.option("--raw", is_flag=True, help="Print package keys only.")
    decorated: Callable[..., Any] = format_option(sort(raw(json_option(collect))))
    return decorated


def search_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add what a search through a list takes; the command gets ``choice`` and ``style``."""

    @wraps(command)
    def collect(
        *args: Any,
        dependencies: Dependencies | None,
        architectures: tuple[str, ...],
        latest: bool,
        style: Style,
        **given: Any,
    ) -> Any:
        details = style.template is not None
        choice = {
            "dependencies": dependencies,
            "architectures": architectures,
            "latest": latest,
            "details": details,
        }
        return command(*args, choice=choice, style=style, **given)

    latest = click.option(
        "--latest", is_flag=True, help="Keep only the newest version of each name and architecture."
    )
    decorated: Callable[..., Any] = optional_queries(
        dependency_options("--with-deps")(latest(why_option(style_options(collect))))
    )
    return decorated


def transfer_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add what taking packages from one list to another takes."""
    for add in (why_option, dry_run_option, dependency_options("--with-deps"), query_arguments):
        command = add(command)
    target = click.argument("target", type=of_lists("repo"))
    return click.argument("source", type=Name(_sources))(target(command))


def _sources(session: Session, _: Mapping[str, Any]) -> Iterable[str]:
    return [*list_names(session, "repo", "mirror"), *references(session)]


def from_(words: Sequence[str]) -> tuple[str, str]:
    """Return kind and name of what ``from KIND NAME`` says, or two empty strings for nothing."""
    if not words:
        return "", ""
    if len(words) != 3 or words[0] != "from":
        raise click.UsageError(f"expected 'from KIND NAME', found {' '.join(words)[:80]!r}")
    return words[1], words[2]

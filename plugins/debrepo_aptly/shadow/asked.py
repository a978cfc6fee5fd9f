"""AptlyRequest: one command line of aptly's, with what answering it takes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from debrepo.cli.output import described, newest_first
from debrepo.dependencies import Dependencies
from debrepo.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from debrepo.package import PackageKey
    from debrepo.selection import Found
    from debrepo.session import Session
    from debrepo_aptly.shadow.grammar import ParsedLine


class Failed(Exception):
    """aptly's way to say that something cannot be done: a line, and status 1."""


#: How aptly calls each kind of list in its messages.
KINDS = {"repo": "local repo", "mirror": "mirror", "snapshot": "snapshot"}
#: How aptly calls each kind of list as the source of something.
SOURCES = {"repo": "local", "mirror": "repo", "snapshot": "snapshot"}


class AptlyRequest:
    """A command line, and the session that it works with."""

    def __init__(self, session: Session, line: ParsedLine) -> None:
        self.session = session
        self.arguments = line.arguments
        self._options = line.options

    def flag(self, name: str) -> bool:
        """Return whether an option without a value is given."""
        return self._options.get(name) is True

    def text(self, name: str, default: str = "") -> str:
        """Return the value of an option."""
        found = self._options.get(name, default)
        return found if isinstance(found, str) else default

    def number(self, name: str) -> int:
        """Return the value of an option; 0 if it is not given."""
        found = self._options.get(name, 0)
        return found if isinstance(found, int) else 0

    def texts(self, name: str) -> tuple[str, ...]:
        """Return the values of an option that can be repeated."""
        found = self._options.get(name, [])
        return tuple(found) if isinstance(found, list) else ()

    def given(self, name: str) -> bool:
        """Return whether an option is given."""
        return name in self._options

    @property
    def architectures(self) -> tuple[str, ...]:
        """The architectures to consider; empty: all."""
        return tuple(part for part in self.text("architectures").split(",") if part)

    @property
    def dependencies(self) -> Dependencies:
        """What dependencies to follow."""
        follow = ("suggests", "recommends", "source", "all-variants")
        wanted = tuple(name for name in follow if self.flag(f"dep-follow-{name}"))
        return Dependencies(self.architectures, wanted)

    @property
    def with_dependencies(self) -> Dependencies | None:
        """The same, if dependencies are to be followed at all."""
        return self.dependencies if self.flag("with-deps") else None

    def query(self, text: str) -> str:
        """Return a query, which ``@FILE`` and ``@-`` take from elsewhere."""
        from debrepo.cli.options import QueryText

        return QueryText().convert(text, None, None)

    def call(self, name: str, /, **arguments: Any) -> Any:
        """Call an operation."""
        return self.session.call(name, **arguments)

    def the(self, kind: str, name: str, doing: str, **more: Any) -> Any:
        """Return a list that has to be there, as ``show`` does; ``doing`` is for the message."""
        try:
            return self.call(f"{kind}.show", name=name, **more)
        except (NotFound, InvalidInput):
            raise Failed(f"unable to {doing}: {KINDS[kind]} with name {name} not found") from None

    def check_free(self, kind: str, name: str, doing: str) -> None:
        """Raise `Failed` if there is a list of this name."""
        try:
            self.call(f"{kind}.show", name=name)
        except NotFound:
            return
        raise Failed(f"unable to {doing}: {KINDS[kind]} with name {name} already exists")

    def label(self, kind: str, name: str) -> str:
        """Return a list as aptly names it in a line: ``[NAME]: comment``."""
        try:
            shown = self.call(f"{kind}.show", name=name)
        except NotFound:
            return f"[{name}]"
        if kind == "repo":
            return labelled(name, shown.repo.comment)
        if kind == "snapshot":
            return labelled(name, shown.snapshot.description)
        return mirror_label(shown.mirror)


def labelled(name: str, said: str) -> str:
    """Return a list as aptly names it in a line."""
    return f"[{name}]: {said}" if said else f"[{name}]"


def mirror_label(mirror: Any) -> str:
    """Return a mirror as aptly names it in a line."""
    marks = {
        "src": mirror.sources,
        "udeb": mirror.udebs,
        "installer": mirror.installer,
        "appstream": mirror.appstream,
    }
    more = "".join(f" [{name}]" for name, there in marks.items() if there)
    return f"[{mirror.name}]: {mirror.url} {mirror.distribution}{more}"


def say(text: str = "") -> None:
    """Print a line of the result, or of progress, which aptly prints to the same place."""
    click.echo(text)


def say_json(value: object, indent: int = 2) -> None:
    """Print JSON as aptly prints it."""
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    for character in "<>&":  # which Go writes so
        text = text.replace(character, f"\\u{ord(character):04x}")
    click.echo(text)


def say_packages(keys: Iterable[PackageKey]) -> None:
    """Print packages below a list."""
    say("Packages:")
    for key in ordered(keys):
        say(f"  {key.display}")


def ordered(keys: Iterable[PackageKey]) -> list[PackageKey]:
    """Return packages in aptly's order: by name, the newest first, by architecture."""
    return newest_first(sorted(keys, key=lambda key: (key.name, key.architecture)))


def say_found(found: Sequence[Found], template: str) -> None:
    """Print what a search has found; nothing is an error."""
    if not found:
        raise Failed("no results")
    by_key = {one.key: one for one in found}
    if not template:
        for key in ordered(by_key):
            say(key.display)
        return
    from debrepo.templates import parse

    try:
        render = parse(template).render
    except InvalidInput:  # aptly prints nothing, and is content
        return
    for key in ordered(by_key):
        package = by_key[key].package
        if package is not None:
            fields = described(package)
            if package.kind == "source":  # in aptly it is called Package
                fields.pop("Source", None)
            say(render(fields))

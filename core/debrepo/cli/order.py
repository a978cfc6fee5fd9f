"""Order: options that stand before the command that they belong to, as aptly takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import click

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class _Ahead(NamedTuple):
    """An option that stands before its command, with its value if it seems to have one."""

    name: str
    words: tuple[str, ...]


def in_order(root: click.Group, args: Sequence[str]) -> list[str]:
    """Return a command line whose options stand behind their command.

    Those of ``root`` stay in front. A line with an option that its command does not have is
    returned as it is, so that the error is about what was typed.
    """
    own = _options(root)
    front: list[str] = []
    words: list[str] = []
    ahead: list[_Ahead] = []
    command: click.Command = root
    rest = list(args)
    while isinstance(command, click.Group) and rest and rest[0] != "--":
        word = rest.pop(0)
        name, mark, _ = word.partition("=")
        if word[:1] != "-":
            found = _below(command, word)
            if found is None:
                return list(args)
            command = found
            words.append(word)
        elif not words and name in own:
            takes = own[name] and not mark and rest
            front += [word, rest.pop(0)] if takes else [word]
        else:
            value = not mark and rest and not _is_word(command, rest[0])
            ahead.append(_Ahead(name, (word, rest.pop(0)) if value else (word,)))
    if not ahead or isinstance(command, click.Group):
        return list(args)
    known = _options(command)
    for one in ahead:
        given = len(one.words) > 1 or "=" in one.words[0]
        if one.name not in known or known[one.name] != given:
            return list(args)
    return [*front, *words, *(word for one in ahead for word in one.words), *rest]


def _options(command: click.Command) -> Mapping[str, bool]:
    """Return the spellings of a command's options, and whether they take a value."""
    return {
        name: not (option.is_flag or option.count)
        for option in command.params
        if isinstance(option, click.Option)
        for name in (*option.opts, *option.secondary_opts)
    }


def _is_word(command: click.Group, word: str) -> bool:
    return word[:1] == "-" or word in command.commands


def _below(command: click.Group, word: str) -> click.Command | None:
    found = command.commands.get(word)
    load = getattr(found, "load", None)  # of one that is imported when it is run
    return load() if load is not None else found

"""The manual pages, made from the commands and the settings themselves."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING

import click

from debrepo import Setting, __version__, clock, errors
from debrepo.cli import LazyCommand, build_cli
from debrepo.config import CORE_SETTINGS
from debrepo.refs import declared

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pluggy import PluginManager

_ENVIRONMENT = {
    "DEBREPO_ROOT": "The root directory, where --root does not say.",
    "DEBREPO_CONFIG": "The configuration file, where --config does not say.",
    "DEBREPO_DISABLE": "Plugins to do without, with commas between.",
    "SOURCE_DATE_EPOCH": "The time to write into what is made, in seconds since 1970.",
}


def pages(plugins: PluginManager) -> dict[str, str]:
    """Return every page by the name of its file: ``debrepo-repo-add.1``."""
    found = dict(walk(build_cli(plugins), "debrepo"))
    made = {f"{_page(path)}.1": _command(path, command, found) for path, command in found.items()}
    settings = declared(plugins.hook.debrepo_settings, "setting", Setting, CORE_SETTINGS)
    return made | {"debrepo.toml.5": _settings(sorted(settings))}


def walk(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    """Yield every command and group with its path: ``("debrepo repo add", …)``."""
    real = command.load() if isinstance(command, LazyCommand) else command
    yield path, real
    if isinstance(real, click.Group):
        for name, child in sorted(real.commands.items()):
            yield from walk(child, f"{path} {name}")


def _page(path: str) -> str:
    return path.replace(" ", "-")


def _command(path: str, command: click.Command, found: dict[str, click.Command]) -> str:
    context = click.Context(command, info_name=path)
    usage = " ".join(_text(piece) for piece in command.collect_usage_pieces(context))
    lines = [
        *_head(_page(path), "1"),
        f"{_text(_page(path))} \\- {_text(_summary(command))}",
        ".SH SYNOPSIS",
        f".B {_text(path)}",
        usage,
        ".SH DESCRIPTION",
        *_paragraphs(command.help or ""),
    ]
    below = [other for other in found if other.rpartition(" ")[0] == path]
    if below:
        lines.append(".SH COMMANDS")
        for other in below:
            lines += [".TP", f".BR {_page(other).replace('-', chr(92) + '-')} (1)"]
            lines.append(_text(_summary(found[other])))
    records = [parameter.get_help_record(context) for parameter in command.get_params(context)]
    lines.append(".SH OPTIONS")
    for names, text in filter(None, records):
        if not text:  # an argument, which the synopsis shows
            continue
        lines += [".TP", f".B {_text(names)}", _text(text)]
    return "\n".join([*lines, *_exits(), *_environment(path), *_see(path)]) + "\n"


def _summary(command: click.Command) -> str:
    return inspect.cleandoc(command.help or "").partition("\n")[0].rstrip(".")


def _head(name: str, section: str) -> list[str]:
    date = f"{clock.moment(clock.seconds()):%Y-%m-%d}"
    title = _text(name.upper())
    return [f'.TH {title} {section} {date} "debrepo {__version__}" "debrepo"', ".SH NAME"]


def _paragraphs(text: str) -> Iterator[str]:
    r"""Yield the text of a help page; what follows ``\b`` keeps its lines, as in click."""
    for number, block in enumerate(re.split(r"\n\s*\n", inspect.cleandoc(text))):
        if number:
            yield ".PP"
        first, _, rest = block.partition("\n")
        if first.strip() == "\b":
            yield ".nf"
            yield from map(_text, rest.splitlines())
            yield ".fi"
        else:
            yield from map(_text, block.splitlines())


def _exits() -> Iterator[str]:
    yield from (".SH EXIT STATUS", ".TP", ".B 0", "Everything that was asked is done.")
    kinds = [value for value in vars(errors).values() if isinstance(value, type)]
    known = {kind.exit_code: kind for kind in reversed(kinds) if hasattr(kind, "exit_code")}
    for code in sorted(known):
        text = "Some of it failed." if code == 1 else (known[code].__doc__ or "").partition("\n")[0]
        yield from (".TP", f".B {code}", _text(text))


def _environment(path: str) -> Iterator[str]:
    if path == "debrepo":
        yield ".SH ENVIRONMENT"
        for name, text in _ENVIRONMENT.items():
            yield from (".TP", f".B {_text(name)}", _text(text))


def _see(path: str) -> list[str]:
    others = [(_page(path.rpartition(" ")[0]), 1)] if " " in path else []
    references = [*others, ("debrepo.toml", 5)]
    lines = [
        f".BR {_text(name)} ({section}){',' if position < len(references) - 1 else ''}"
        for position, (name, section) in enumerate(references)
    ]
    return [".SH SEE ALSO", *lines]


def _settings(settings: Iterable[Setting]) -> str:
    lines = [
        *_head("debrepo.toml", "5"),
        "debrepo.toml \\- configuration of debrepo",
        ".SH DESCRIPTION",
        "The configuration is a TOML file below the root directory, or the one that",
        ".B \\-\\-config",
        "names. What stands before the last dot of a setting is its table.",
        "A * stands for a name of your own.",
        ".SH SETTINGS",
    ]
    for setting in settings:
        value = list(setting.default) if isinstance(setting.default, tuple) else setting.default
        default = str(value).lower() if isinstance(value, bool) else repr(value)
        text = f"{setting.help}. [default: {default}]"
        lines += [".TP", f".B {_text(setting.name)}", _text(text)]
    lines += [".SH SEE ALSO", ".BR debrepo (1),", ".BR debrepo\\-config (1)"]
    return "\n".join(lines) + "\n"


def _text(text: str) -> str:
    r"""Return ``text`` as roff takes it literally, on one line."""
    plain = " ".join(text.split()).replace("\\", "\\e").replace("-", "\\-")
    plain = plain.replace("'", "\\(aq").replace("`", "\\(ga").replace('"', "\\(dq")
    plain = plain.replace("~", "\\(ti").replace("^", "\\(ha")
    plain = "".join(c if ord(c) < 128 else f"\\[u{ord(c):04X}]" for c in plain)
    return f"\\&{plain}" if plain.startswith(".") else plain

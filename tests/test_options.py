"""No command has an option that it ignores in silence.

Each command runs twice in front of operations that only take note of how they were called: as
it is, and with one more option. Either an operation is called otherwise, or something else is
printed or written, or the help says that the option has no effect.
"""

import re
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple

import click
import pytest
from click.testing import CliRunner

from debrepo import fitting
from debrepo.cli import LazyCommand, build_cli
from debrepo.package import Package, PackageFile, PackageKey
from debrepo.plugins import load_plugins
from debrepo.session import Session

PLUGINS = load_plugins()
CLI = build_cli(PLUGINS)

#: What the help of an option says that exists for compatibility alone.
NO_EFFECT = re.compile(r"no effect|^Ignored")
#: Options that have an effect only if a command finds nothing, and the test that shows it.
STRICT = {
    "doctor": "test_warnings_fail_only_where_that_is_asked_for",
    "repo add": "test_directory_without_packages_is_an_error_when_strict",
    "repo remove": "test_removing_what_is_not_there_is_a_warning_and_an_error_when_strict",
    "repo include": "test_directory_without_uploads_is_a_warning_and_an_error_when_strict",
}
#: Options that matter on a terminal alone, and the test that shows it.
ON_TERMINALS = {("promote", "yes"): "test_people_are_asked_unless_they_have_said_yes"}
#: Options that exclude one another: a command says so.
REFUSED = {
    ("key export", "--secret-to"),
    ("project token create", "--deploy"),
    ("project token create", "--job"),
    ("repo prune", "--all"),
    ("publish resign", "--all"),  # or a distribution
}
#: Options with which a command does not end.
ENDLESS = {("doctor", "--watch"), ("import aptly", "--watch"), ("import tree", "--follow")}
#: Commands that call no operation: those that do not end, and those that work on files alone.
APART = {
    "api serve",
    "aptly",
    "completion",
    "config create",
    "help",
    "man",
    "serve",
    "task run",
    "version",
}
#: Words of commands whose arguments have a grammar of their own.
WORDS = {
    "graph": ["--output", "drawing.svg"],
    "project token create": ["ci", "--user", "alice"],
    "mirror create": ["debian", "http://archive.example.org/debian", "bookworm", "main"],
    "publish diff": ["stable"],
    "publish rollback": ["stable", "3"],
    "publish switch": ["stable", "monday"],
    "repo create": ["tools", "from", "snapshot", "monday"],
    "repo override set": ["tools", "hello", "Section=net"],
    "token can": ["ci", "version"],
    "snapshot create": ["monday", "from", "repo", "tools"],
}
#: Values of options that not every word is a value of.
VALUES = {
    "--archive-url": "http://archive.example.org/debian",
    "--compressions": "zst",
    "--output": "drawing.dot",
    "--rename": "repo:a/b=a-b",
    "--sums": "sha512",
    "--uploaders-file": "file",
}
KEYS = [
    PackageKey("hello", "i386", "1.0", "966561016b44ed80"),
    PackageKey("world", "amd64", "2.0", "1f0e3dad99908345"),
]


def commands(command, path=()):
    """Yield each command that is no group, with its words."""
    if isinstance(command, LazyCommand):
        command = command.load()
    if isinstance(command, click.Group):
        for name, found in sorted(command.commands.items()):
            yield from commands(found, (*path, name))
    else:
        yield " ".join(path), command


COMMANDS = dict(commands(CLI))
OPTIONS = [
    (path, option)
    for path, command in COMMANDS.items()
    for option in command.params
    if isinstance(option, click.Option) and not option.hidden and path not in APART
    if (path, option.opts[0]) not in ENDLESS
]


PLAIN = {
    str: "2026-11-28T08:00:00+00:00",
    int: 1,
    float: 1.0,
    bool: False,
    bytes: b"x",
    Path: Path("x"),
    datetime: datetime(2026, 11, 28, tzinfo=UTC),
}
DEEPEST = 8


def sample(hint, which=0, depth=0):
    """Return a value of a type; ``which`` of two. Iterables hold both, unless they are deep."""
    part = partial(sample, which=which, depth=depth + 1)
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if isinstance(hint, typing.NewType):
        return part(hint.__supertype__)
    if origin is typing.Literal:
        return parts[0]
    if origin in (typing.Union, types.UnionType):
        return part(next(one for one in parts if one is not type(None)))
    if origin is tuple and parts[-1] is not Ellipsis:
        return tuple(map(part, parts))
    if origin is not None and issubclass(origin, Mapping):
        return {part(parts[0]): part(parts[1])}
    if origin is not None and issubclass(origin, Iterable):
        both = [sample(parts[0], number, depth + 1) for number in (0, 1)] if depth < DEEPEST else []
        return both if origin is list else iter(both) if origin is Iterator else tuple(both)
    if hint is PackageKey:
        return KEYS[which]
    if hint is Package:
        key = KEYS[which]
        file = PackageFile(f"{key.display}.deb", 1, sha256="0" * 64)
        return Package(key, "deb", f"Package: {key.name}\nVersion: {key.version}".encode(), (file,))
    if isinstance(hint, type) and issubclass(hint, tuple):
        return hint(*map(part, fitting.hints(hint).values()))
    return PLAIN.get(hint)


@pytest.fixture
def noted(monkeypatch):
    """Return the calls of operations, none of which does anything."""
    calls = []

    def run(session, function, *args, **kwargs):
        signing = sorted(session.config.section("signing.gpg").items())
        calls.append((function.__module__, function.__name__, args, kwargs, signing))
        return sample(fitting.hints(function)["return"])

    def call(session, name, /, **arguments):
        return run(session, session.operations[name].ref.load(), **arguments)

    monkeypatch.setattr(Session, "run", run)
    monkeypatch.setattr(Session, "call", call)
    return calls


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text('{"rules": []}')
    return tmp_path


def word(parameter):
    """Return a value of a parameter that is not its default."""
    kind = parameter.type
    if parameter.opts[0] in VALUES:
        return VALUES[parameter.opts[0]]
    if isinstance(kind, click.Path | click.File):
        return "file"
    if isinstance(kind, click.Choice):
        return str(next(choice for choice in kind.choices if choice != parameter.default))
    return "7"


def base(path, option):
    """Return a command line without an option: the command, its arguments, what it demands."""
    if path in WORDS:
        return [*path.split(), *WORDS[path]]
    words = path.split()
    for parameter in COMMANDS[path].params:
        if isinstance(parameter, click.Argument):
            words.append(word(parameter))
        elif parameter.required and parameter is not option:
            words += [parameter.opts[0], word(parameter)]
    return words


def spellings(option):
    """Yield the words that give an option, in each way that can make a difference."""
    if option.is_flag:
        yield from ([name] for name in (*option.opts[:1], *option.secondary_opts[:1]))
    else:
        yield [option.opts[0], word(option)]


class Observed(NamedTuple):
    exit_code: int
    said: str
    calls: str
    files: list[str]


def observed(calls, words, place):
    """Run a command line: what it called, printed and wrote."""
    calls.clear()
    done = CliRunner().invoke(CLI, ["--root", "root", *words], prog_name="debrepo")
    crash = done.exception if not isinstance(done.exception, SystemExit) else None
    assert crash is None, f"{words}: {crash!r}"
    said = re.sub(r"in [0-9.]+ m?s", "", done.stdout + done.stderr)
    files = sorted(path.name for path in place.iterdir())
    return Observed(done.exit_code, said, repr(calls), files)


def labels(found):
    return f"{found[0]} {found[1].opts[0]}".replace(" ", "-")


@pytest.mark.parametrize("found", OPTIONS, ids=labels)
def test_option_has_an_effect_or_its_help_says_that_it_has_none(found, noted, place):
    path, option = found
    if NO_EFFECT.search(option.help or "") or (option.name == "strict" and path in STRICT):
        return
    if (path, option.name) in ON_TERMINALS:
        return
    words = base(path, option)
    plain = observed(noted, words, place)
    for more in spellings(option):
        changed = observed(noted, [*words, *more], place)
        refused = changed.exit_code == 2
        assert refused == ((path, option.opts[0]) in REFUSED), changed.said
        is_default = option.default is False and more[0] in option.secondary_opts
        assert changed != plain or is_default, f"debrepo {' '.join(more)} changes nothing"


def test_every_command_that_calls_operations_is_held_to_it(noted, place):
    held = {path for path, _ in OPTIONS}
    for path, command in COMMANDS.items():
        options = [p for p in command.params if isinstance(p, click.Option) and not p.hidden]
        if options and path not in APART:
            assert path in held
            assert noted or observed(noted, base(path, None), place)


def test_strict_is_tested_where_it_matters():
    text = "".join(path.read_text() for path in Path(__file__).parent.rglob("test_*.py"))
    assert all(f"def {name}(" in text for name in [*STRICT.values(), *ON_TERMINALS.values()])

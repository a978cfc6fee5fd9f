"""Bad input, given to every command: one error that helps, and nothing is changed."""

import click
import pytest
from click.testing import CliRunner

from debrepo.cli import LazyCommand, build_cli
from debrepo.database import Database
from debrepo.plugins import load_plugins
from debrepo.testing.packages import build_deb

BAD = {
    "empty": "",
    "blank": " ",
    "unknown": "unheard-of",
    "slash": "a/b",
    "parent": "../../etc/passwd",
    "spaces": " a  b ",
    "control": "a\x01\x1b[31mb\nc",
    "long": "x" * 10_000,
    "unicode": "ünï-☃-\u202e-😀",
    "surrogate": "a\udce4b",
    "option": "--force",
    "kind": "snapshot:unheard-of",
    "no kind": "unheard-of:main",
    "query": "a (>= ((",
    "file": "@/nowhere",
    "key": "Pamd64 a 1 0123456789abcdef",
    "percent": "%s%n{0}{{.}}",
}
#: What runs until it is stopped, and what runs other command lines, whose errors are theirs.
LEFT_OUT = {"serve", "api serve", "aptly", "reprepro", "task run"}
ONCE = ("--once",)  # of what goes on for ever, where nothing is wrong with the arguments
#: Good arguments of commands, by the name of the parameter.
GOOD = {
    "repo": {"source": "main", "target": "other", "name": "main", "queries": "hello"},
    "snapshot": {"source": "now", "sources": "now", "base": "now", "left": "now", "right": "now"},
    "package": {},
}

CLI = build_cli(load_plugins())


def leaves(command, path=()):
    real = command.load() if isinstance(command, LazyCommand) else command
    if not isinstance(real, click.Group):
        return {path: real}
    found = [leaves(child, (*path, name)) for name, child in real.commands.items()]
    return {key: value for part in found for key, value in part.items()}


def arguments(command):
    return [p for p in command.params if isinstance(p, click.Argument)]


COMMANDS = {
    path: command
    for path, command in leaves(CLI).items()
    if " ".join(path) not in LEFT_OUT and arguments(command)
}


@pytest.fixture
def stocked(debrepo, tmp_path, monkeypatch):
    debrepo("repo", "create", "main")
    debrepo("repo", "create", "other")
    debrepo("repo", "add", "main", build_deb(tmp_path))
    debrepo("snapshot", "create", "now", "from", "repo", "main")
    monkeypatch.chdir(tmp_path)


def answer(root, *words):
    """Run a command; hold an error against what an error has to be, and the database."""
    before = serial(root)
    more = ONCE if words[:2] == ("repo", "watch") else ()
    result = CliRunner().invoke(CLI, ["--root", str(root), *words, *more], prog_name="debrepo")
    shown = str([word[:20] for word in words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise AssertionError(f"{shown}: {result.exception!r}") from result.exception
    if result.exit_code == 0:
        return
    (error,) = (line for line in result.stderr.splitlines() if line.startswith("Error: "))
    assert len(error) < 500, shown
    assert error.isprintable(), shown
    assert result.exit_code in range(1, 12), shown
    assert serial(root) == before, shown


def serial(root):
    database = Database(root / "db", [], read_only=True)
    try:
        with database.read() as txn:
            return txn.serial
    finally:
        database.close()


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_bad_arguments_are_told_and_change_nothing(debrepo_root, stocked, path):
    for bad in BAD.values():
        answer(debrepo_root, *path, *(bad for _ in arguments(COMMANDS[path])))


@pytest.mark.parametrize("path", [path for path in COMMANDS if path[0] in GOOD], ids=" ".join)
def test_one_bad_argument_is_told_and_changes_nothing(debrepo_root, stocked, path):
    names = [argument.name for argument in arguments(COMMANDS[path])]
    if len(names) == 1:
        return
    for position in range(len(names)):
        for bad in BAD.values():
            words = [GOOD[path[0]].get(name, "new") for name in names]
            words[position] = bad
            answer(debrepo_root, *path, *words)


def test_huge_queries_are_answered(debrepo_root, stocked):
    many = " | ".join(f"p{number} (>= 1.{number})" for number in range(5_000))
    answer(debrepo_root, "package", "search", many)
    answer(debrepo_root, "package", "search", "!" * 100_000 + "a")
    answer(debrepo_root, "package", "search", "(" * 100_000 + "a")
    answer(debrepo_root, "package", "search", *(f"p{number}" for number in range(2_000)))

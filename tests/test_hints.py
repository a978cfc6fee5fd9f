"""Hints name commands that exist, with as many words as they need."""

import ast
import re
import sys
from pathlib import Path

import click
import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "docs"))

import pages  # noqa: E402

COMMANDS = dict(pages.commands())
_COMMAND = re.compile(r'"debrepo ([^"]*)"')
_FILLED = "FILLED"  # stands for what an f-string fills in
#: Words that the code fills in for those of a command, and so no test can look up.
_BY_NAME = {"FILLED list", "publish FILLEDFILLED", "publish FILLED"}


def texts(path):
    """Yield the texts of a module, each with its line."""
    tree = ast.parse(path.read_text())
    joined = [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
    within = {id(part) for node in joined for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = (p.value if isinstance(p, ast.Constant) else _FILLED for p in node.values)
            yield "".join(map(str, parts)), node.lineno
        elif isinstance(node, ast.Constant) and id(node) not in within:
            yield str(node.value), node.lineno


def fault(words):
    """Return what is wrong with a command, or nothing."""
    path = ""
    while words and f"{path} {words[0]}".strip() in COMMANDS:
        path, words = f"{path} {words[0]}".strip(), words[1:]
    command = COMMANDS.get(path)
    if not path or isinstance(command, click.Group):
        return "is no command"
    options = {
        name: option
        for option in command.params
        if isinstance(option, click.Option)
        for name in (*option.opts, *option.secondary_opts)
    }
    needed = sum(isinstance(p, click.Argument) and p.required for p in command.params)
    given, rest = 0, iter(words)
    for word in rest:
        name, _, value = word.partition("=")
        if word == "--help":
            return ""
        if not word.startswith("-"):
            given += 1
        elif name not in options:
            return f"has no option {name}"
        elif not (options[name].is_flag or value):
            next(rest, None)
    return "" if given >= needed else f"needs {needed} words, and has {given}"


MODULES = [path for top in ("core", "plugins") for path in sorted((ROOT / top).rglob("*.py"))]


@pytest.mark.parametrize("top", ["core", *sorted(p.name for p in (ROOT / "plugins").iterdir())])
def test_command_in_quotes_could_be_run_once_its_words_are_filled_in(top):
    wrong = [
        f'{path.relative_to(ROOT)}:{line}: "debrepo {said}" {why}'
        for path in MODULES
        if top in path.relative_to(ROOT).parts[:2]
        for text, line in texts(path)
        for said in _COMMAND.findall(text)
        if 'run "' in text and said not in _BY_NAME and (why := fault(said.split()))
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("publish drop stable", ""),
        ("publish drop", "needs 1 words, and has 0"),
        ("publish", "is no command"),
        ("repo lost", "is no command"),
        ("repo list --jsn", "has no option --jsn"),
        ("key create --name NAME", ""),
        ("token create --help", ""),
    ],
)
def test_fault_of_a_hint_is_found(said, why):
    assert fault(said.split()) == why

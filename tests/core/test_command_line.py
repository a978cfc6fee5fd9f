"""The command line as a whole: help, and options that stand before their command."""

import json

import click
import pytest
from click.testing import CliRunner

from debrepo.cli import LazyCommand, build_cli
from debrepo.cli.order import in_order
from debrepo.plugins import load_plugins

CLI = build_cli(load_plugins())


def commands(command, path=()):
    if isinstance(command, LazyCommand):
        command = command.load()
    yield path
    if isinstance(command, click.Group):
        for name, found in command.commands.items():
            yield from commands(found, (*path, name))


def test_no_help_shows_the_mark_of_paragraphs_that_keep_their_lines():
    for path in commands(CLI):
        said = CliRunner().invoke(CLI, [*path, "--help"]).output
        assert "\\b" not in said, path
        assert "\b" not in said, path


def test_help_shows_what_a_command_shows_of_itself(debrepo):
    for words in ([], ["repo"], ["repo", "create"]):
        assert debrepo("help", *words).output == debrepo(*words, "--help").output


@pytest.mark.parametrize("words", [["none"], ["repo", "none"], ["version", "none"]])
def test_help_of_what_is_no_command_is_wrong_usage(debrepo, words):
    assert f"No such command '{' '.join(words)}'." in debrepo("help", *words, exit_code=2).output


def test_options_may_stand_before_their_command(debrepo):
    debrepo("--comment", "for us", "repo", "create", "tools")
    debrepo("repo", "--comment=for them", "create", "other")
    found = {
        one["name"]: one["comment"] for one in json.loads(debrepo("--json", "repo", "list").stdout)
    }
    assert found == {"tools": "for us", "other": "for them"}


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("--root x --json repo list", "--root x repo list --json"),
        ("--json --root=x repo list", "--root=x repo list --json"),
        ("repo --with-packages show tools", "repo show --with-packages tools"),
        ("-q repo --comment x create tools", "-q repo create --comment x tools"),
    ],
)
def test_options_of_the_root_stay_in_front(given, wanted):
    assert in_order(CLI, given.split()) == wanted.split()


@pytest.mark.parametrize(
    "line",
    [
        "--none repo list",
        "--json none list",
        "--json repo",
        "--comment repo create tools",
        "--json=1 repo list",
        "-- --json repo list",
        "--json",
    ],
)
def test_a_line_that_makes_no_sense_is_left_alone(line):
    assert in_order(CLI, line.split()) == line.split()
    assert CliRunner().invoke(CLI, line.split()).exit_code == 2

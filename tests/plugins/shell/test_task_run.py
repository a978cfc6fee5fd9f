"""``debrepo task run``: many commands in one process."""

import os
import pty
import subprocess
import sys

import pytest
from click.testing import CliRunner

from debrepo.cli import build_cli
from debrepo.database import Database

DASHES = {"begin": f"Begin command output: {'-' * 28}", "end": f"End command output: {'-' * 30}"}


@pytest.fixture
def piped(debrepo_plugins, debrepo_root):
    """Run commands that come through a pipe."""

    def run(text, *words, exit_code=0):
        given = ["--root", str(debrepo_root), "task", "run", *words]
        done = CliRunner().invoke(build_cli(debrepo_plugins), given, input=text)
        assert done.exit_code == exit_code, done.output
        return done

    return run


def test_output_is_as_of_aptly(debrepo):
    done = debrepo(
        "task", "run", "repo", "create", "a,", "repo", "create", "a,", "repo", "list", exit_code=1
    )
    assert done.stdout == (
        "1) [Running]: repo create a\n\n{begin}\nCreated repository a.\n\n{end}\n"
        "2) [Running]: repo create a\n\n{begin}\n\n{end}\n"
        "3) [Skipping]: repo list\n"
    ).format(**DASHES)
    assert done.stderr == ("Error: repository a exists already\nError: 1 of 3 commands failed\n")


def test_all_commands_run_with_keep_going(debrepo):
    words = "repo show a, repo create a, repo show b, repo create b"
    done = debrepo("task", "run", "--keep-going", *words.split(), exit_code=1)
    assert "Error: 2 of 4 commands failed\n" in done.stderr
    assert debrepo("repo", "list", "--raw").output == "a\nb\n"


def test_commands_of_a_file_run_with_quotes_and_comments(debrepo, tmp_path):
    path = tmp_path / "commands.txt"
    path.write_text(
        "# nightly\n\nrepo create 'a b' --comment 'one # two'\n  # more\ndebrepo repo list\n"
    )
    done = debrepo("task", "run", "--filename", path)
    assert "a b\t0 packages\tone # two\n" in done.stdout
    assert "3)" not in done.stdout


def test_commands_come_through_a_pipe(piped, debrepo):
    piped("repo create a\n\nrepo create b\n")
    piped("repo create c\n", "--filename", "-")
    assert debrepo("repo", "list", "--raw").output == "a\nb\nc\n"


def test_terminal_is_asked_until_an_empty_line(debrepo_root):
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "debrepo", "--root", str(debrepo_root), "task", "run"]
    with subprocess.Popen(
        command, stdin=slave, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        os.write(master, b"repo create a\nversion\n\n")
        output, said = process.communicate()
    os.close(master)
    os.close(slave)
    assert process.returncode == 0, said
    assert "Created repository a.\n" in output
    assert "2) [Running]: version\n" in output
    assert said.startswith("Enter one command on a line, and an empty line at the end.\n> > > ")


def test_database_is_opened_once(debrepo, monkeypatch):
    opened, real = [], Database.__init__

    def init(self, *args, **more):
        opened.append(args)
        real(self, *args, **more)

    monkeypatch.setattr(Database, "__init__", init)
    debrepo(
        "task",
        "run",
        *["repo", "create", "a,", "repo", "create", "b,", "snapshot", "create", "s", "empty"],
    )
    assert len(opened) == 1


def test_options_may_stand_before_their_command_and_be_quiet(debrepo):
    debrepo("repo", "create", "a")
    words = [
        "--json",
        "repo",
        "list,",
        "repo",
        "remove",
        "a",
        "x",
        "-q,",
        "repo",
        "remove",
        "a",
        "x",
    ]
    done = debrepo("task", "run", "--", *words)
    assert '"name": "a"' in done.stdout
    assert done.stderr.count("no package of a matches") == 1  # the next one is not quiet


def test_help_of_a_command_does_not_end_the_others(debrepo):
    done = debrepo("task", "run", "--", "repo", "list", "--help,", "version")
    assert "Usage: debrepo repo list [OPTIONS]\n" in done.stdout
    assert "2) [Running]: version\n" in done.stdout


@pytest.mark.parametrize(
    ("words", "said", "exit_code"),
    [
        (["nonsense"], "No such command 'nonsense'.", 1),
        (["--", "repo", "list", "--nope"], "No such option", 1),
        (["--", "--root", "x", "repo", "list"], "--root goes before task run", 1),
        (["repo"], "Usage: debrepo repo [OPTIONS] COMMAND", 1),
        ([","], "there is no command to run", 2),
        (["task", "run", "version"], "task run cannot run task run", 2),
        (["version", "--filename", "x"], "give either commands or --filename", 2),
        (["--filename", "none.txt"], "cannot read the commands in none.txt: No such file", 2),
        (["--filename", "."], "cannot read the commands in .: Is a directory", 2),
    ],
)
def test_bad_input_is_an_error_that_says_what(debrepo, words, said, exit_code):
    done = debrepo("task", "run", *words, exit_code=exit_code)
    assert said in done.output


def test_nothing_runs_where_a_line_cannot_be_read(debrepo, tmp_path, piped):
    path = tmp_path / "commands.txt"
    path.write_text("repo create a\nrepo create 'b\n")
    done = debrepo("task", "run", "--filename", path, exit_code=2)
    assert "line 2 cannot be read: no closing quotation: repo create 'b\n" in done.output
    path.write_bytes(b"repo create \xff\n")
    assert "it is not text" in debrepo("task", "run", "--filename", path, exit_code=2).output
    assert "there is no command to run" in piped("\n \n# nothing\n", exit_code=2).output
    assert debrepo("repo", "list").output == ""

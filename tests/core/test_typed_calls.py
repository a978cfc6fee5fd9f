"""Calls of operations by name are checked by mypy as calls of their functions are."""

import os
import re
import subprocess
import sys
from pathlib import Path

from debrepo.plugins import load_plugins

UNEXPECTED = "Unexpected keyword argument"
ROOT = Path(__file__).parents[2]
SNIPPET = """
from pathlib import Path
from typing import Final, Literal

from debrepo.http import Door
from debrepo.session import Session


def right(session: Session) -> list[Path]:
    return [one.source for one in session.call("repo.add", name="web", paths=[Path("a.deb")])]


def wrong(session: Session) -> int:
    session.call("repo.ad", name="web")
    session.call("repo.add", name="web", paths=[Path("a.deb")], force_replac=True)
    session.call("repo.add", name="web", paths=["a.deb"])
    session.call("repo.add", name="web")
    return session.call("repo.show", name="web")


SHOW: Final = "repo.show"


def named(session: Session, drop: Literal["repo.drop"], any_: Literal["a", "repo.drop"]) -> None:
    session.call(SHOW, nam="web")
    session.call(drop, nam="web")
    session.call(any_, nam="web")


def work(session: Session, name: str) -> None: ...


async def at_the_door(door: Door) -> int:
    await door.call("repo.show", nam="web")
    await door.task("Work", work, name="web")
    await door.task("Work", work, nam="web")
    return await door.call("repo.show", name="web")
"""


def test_wrong_calls_of_operations_are_errors_before_anything_runs(tmp_path):
    file = tmp_path / "snippet.py"
    file.write_text(SNIPPET)
    command = [sys.executable, "-m", "mypy", "--config-file", ROOT / "pyproject.toml"]
    done = subprocess.run(
        [*command, "--cache-dir", tmp_path / "cache", "--no-error-summary", file],
        cwd=ROOT,
        env=os.environ | {"MYPYPATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    errors = re.findall(r"snippet\.py:(\d+): error: (.*?)  \[", done.stdout)
    assert errors == [
        ("14", 'No operation is called "repo.ad"'),
        (
            "15",
            f'{UNEXPECTED} "force_replac" for "call" of "Session"; did you mean "force_replace"?',
        ),
        ("16", 'List item 0 has incompatible type "str"; expected "Path"'),
        ("17", 'Missing named argument "paths" for "call" of "Session"'),
        ("18", 'Incompatible return value type (got "ShownRepository", expected "int")'),
        ("25", f'{UNEXPECTED} "nam" for "call" of "Session"; did you mean "name"?'),
        ("26", f'{UNEXPECTED} "nam" for "call" of "Session"; did you mean "name"?'),
        ("27", 'No operation is called "a"'),
        ("34", f'{UNEXPECTED} "nam" for "call" of "Door"; did you mean "name"?'),
        ("36", f'{UNEXPECTED} "nam" for "task" of "Door"; did you mean "name"?'),
        ("37", 'Incompatible return value type (got "ShownRepository", expected "int")'),
    ]


def test_operations_of_one_name_are_of_one_function():
    answers = load_plugins().hook.debrepo_operations()
    names = [operation.name for batch in answers for operation in batch]
    assert sorted(set(names)) == sorted(names)

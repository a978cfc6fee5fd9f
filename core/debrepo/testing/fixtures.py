"""Pytest fixtures, for ``pytest_plugins = ["debrepo.testing.fixtures"]``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from debrepo.cli import build_cli
from debrepo.plugins import load_plugins
from debrepo.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from click.testing import Result


@pytest.fixture
def debrepo_root(tmp_path: Path) -> Path:
    """Return a root directory that does not exist yet."""
    return tmp_path / "root"


@pytest.fixture
def debrepo(debrepo_root: Path) -> Callable[..., Result]:
    """Run a command line in this process: ``debrepo("repo", "create", "stable")``."""
    cli = build_cli(load_plugins())

    def run(*args: object, exit_code: int = 0) -> Result:
        words = ["--root", str(debrepo_root), *map(str, args)]
        result = CliRunner().invoke(cli, words, prog_name="debrepo")
        if result.exit_code != exit_code and result.exception is not None:
            crash = not isinstance(result.exception, SystemExit)
            assert not crash, f"{result.output}{result.exception!r}"
        assert result.exit_code == exit_code, result.output
        return result

    return run


@pytest.fixture
def session(debrepo_root: Path) -> Iterator[Session]:
    """Open a session on the root, with every installed plugin."""
    opened = Session(debrepo_root, load_plugins())
    yield opened
    opened.close()

"""Pytest fixtures, for ``pytest_plugins = ["debrepo.testing.fixtures"]``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from debrepo.cli import build_cli
from debrepo.plugins import check_hooks, entry_points, load_plugins, register
from debrepo.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from click.testing import Result
    from pluggy import PluginManager

_MARKER = (
    "debrepo_plugins(only=None, disabled=(), more=()): load only the installed plugins that are "
    "named, or all but some, and register further objects as plugins"
)


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker of `debrepo_plugins`."""
    config.addinivalue_line("markers", _MARKER)


@pytest.fixture
def debrepo_root(tmp_path: Path) -> Path:
    """Return a root directory that does not exist yet."""
    return tmp_path / "root"


@pytest.fixture
def debrepo_disabled(request: pytest.FixtureRequest) -> list[str]:
    """Return the names of the plugins that the test does without."""
    marker = request.node.get_closest_marker("debrepo_plugins")
    if marker is None:
        return []
    only = marker.kwargs.get("only")
    installed = [name for name, _ in entry_points()]
    if only is not None:
        for name in only:
            assert name in installed, f"no plugin called {name} is installed"
    others = [name for name in installed if only is not None and name not in only]
    return [*others, *marker.kwargs.get("disabled", ())]


@pytest.fixture
def debrepo_plugins(request: pytest.FixtureRequest, debrepo_disabled: list[str]) -> PluginManager:
    """Return the plugins that the other fixtures use: all that are installed.

    ``@pytest.mark.debrepo_plugins(only=["local"])`` loads only some, ``disabled=["gitlab"]`` all
    but some, and ``more=[Plugin()]`` registers objects of the test. Override it for all tests.
    """
    plugins = load_plugins(debrepo_disabled)
    marker = request.node.get_closest_marker("debrepo_plugins")
    for plugin in marker.kwargs.get("more", ()) if marker else ():
        register(plugins, plugin, type(plugin).__name__)
    check_hooks(plugins)
    return plugins


@pytest.fixture
def debrepo(debrepo_root: Path, debrepo_plugins: PluginManager) -> Callable[..., Result]:
    """Run a command line in this process: ``debrepo("repo", "create", "stable")``."""
    cli = build_cli(debrepo_plugins)

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
def session(debrepo_root: Path, debrepo_plugins: PluginManager) -> Iterator[Session]:
    """Open a session on the root."""
    opened = Session(debrepo_root, debrepo_plugins)
    yield opened
    opened.close()

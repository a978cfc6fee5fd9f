"""A root with something to complete, and the command on the path."""

import os
import sys

import pytest

from debrepo.testing.packages import build_deb


@pytest.fixture
def stocked(debrepo, tmp_path):
    build_deb(tmp_path, "hello")
    for name in ("tools", "tests", "old stuff"):
        debrepo("repo", "create", name, "--distribution", "stable")
    debrepo("repo", "add", "tools", tmp_path / "hello_1.0_amd64.deb")
    debrepo("snapshot", "create", "monday", "from", "repo", "tools")
    debrepo("publish", "snapshot", "monday", "team", "--skip-signing", "--distribution", "stable")
    debrepo("publish", "repo", "tools", "--skip-signing", "--distribution", "testing")
    return debrepo


@pytest.fixture
def environment(debrepo_root, tmp_path):
    """Return an environment in which ``debrepo`` is a command, and ``DEBREPO_ROOT`` is set."""
    command = tmp_path / "bin" / "debrepo"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m debrepo "$@"\n')
    command.chmod(0o755)
    home = tmp_path / "home"
    home.mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DEBREPO_")}
    path = f"{command.parent}:{os.environ['PATH']}"
    return kept | {"DEBREPO_ROOT": str(debrepo_root), "PATH": path, "HOME": str(home)}

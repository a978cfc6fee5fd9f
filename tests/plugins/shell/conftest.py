"""A root with something to complete, and the command on the path."""

import os
import shlex
import sys

import pytest
from click.testing import CliRunner

from debrepo.cli import build_cli
from debrepo.plugins import load_plugins
from debrepo.testing.packages import build_deb

STOCK = """
repo create tools --distribution stable
repo create tests --distribution stable
repo create 'old stuff' --distribution stable
repo add tools {place}/hello_1.0_amd64.deb
snapshot create monday from repo tools
publish snapshot monday team --skip-signing --distribution stable
publish repo tools --skip-signing --distribution testing
"""


@pytest.fixture(scope="module")
def stocked(tmp_path_factory):
    """Return a root that tests look at and leave as it is."""
    place = tmp_path_factory.mktemp("stocked")
    build_deb(place, "hello")
    cli = build_cli(load_plugins())
    for line in STOCK.format(place=place).strip().splitlines():
        done = CliRunner().invoke(cli, ["--root", str(place / "root"), *shlex.split(line)])
        assert done.exit_code == 0, done.output
    (place / "root" / "debrepo.toml").write_text('[storage.fs.mirror]\nroot = "/srv/mirror"\n')
    return place / "root"


@pytest.fixture
def environment(stocked, tmp_path):
    """Return an environment in which ``debrepo`` is a command, and ``DEBREPO_ROOT`` is set."""
    command = tmp_path / "bin" / "debrepo"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m debrepo "$@"\n')
    command.chmod(0o755)
    home = tmp_path / "home"
    home.mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DEBREPO_")}
    path = f"{command.parent}:{os.environ['PATH']}"
    return kept | {"DEBREPO_ROOT": str(stocked), "PATH": path, "HOME": str(home)}

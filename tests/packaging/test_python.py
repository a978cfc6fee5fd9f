"""The wheel and the sdist: what they contain, and that the wheel runs without extras."""

import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

import debrepo

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
NAME = f"debrepo_manager-{debrepo.__version__}"


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Build the sdist from the checkout, and the wheel from the sdist."""
    output = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(output), str(ROOT)]
    done = subprocess.run(build, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return output


@pytest.fixture(scope="module")
def sdist(built):
    """Return the names of the files in the sdist, without the directory that they are in."""
    with tarfile.open(built / f"{NAME}.tar.gz") as archive:
        files = [member.name for member in archive if member.isfile()]
    assert {name.partition("/")[0] for name in files} == {NAME}
    return {name.partition("/")[2] for name in files}


@pytest.fixture(scope="module")
def wheel(built):
    with zipfile.ZipFile(built / f"{NAME}-py3-none-any.whl") as archive:
        yield archive


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a git checkout")
def test_sdist_contains_the_files_of_the_checkout_and_nothing_else(sdist):
    listing = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(listing, capture_output=True, text=True, check=True).stdout.split()
    shipped = {name for name in listed if not name.startswith(".") and (ROOT / name).exists()}
    assert sdist - {"PKG-INFO", ".gitignore"} == shipped


def test_wheel_contains_core_and_plugins_and_nothing_else(wheel):
    modules = {
        str(path.relative_to(root))
        for root in (ROOT / "core", ROOT / "plugins")
        for path in root.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    metadata = {name for name in wheel.namelist() if name.startswith(f"{NAME}.dist-info/")}
    assert set(wheel.namelist()) - metadata == modules
    assert f"{NAME}.dist-info/licenses/LICENSE" in metadata


def test_wheel_registers_every_plugin(wheel):
    lines = wheel.read(f"{NAME}.dist-info/entry_points.txt").decode().splitlines()
    plugins = PYPROJECT["project"]["entry-points"]["debrepo"]
    assert {f"{name} = {module}" for name, module in plugins.items()} <= set(lines)


def test_wheel_without_extras_runs(built, tmp_path):
    venv = tmp_path / "venv"
    wheel = built / f"{NAME}-py3-none-any.whl"
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    pip = [venv / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, wheel], check=True)

    def run(*args):
        command = [venv / "bin/debrepo", "--root", tmp_path / "root", *args]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert run("version") == f"debrepo {debrepo.__version__}\n"
    assert "Commands:" in run("--help")
    run("repo", "create", "tools")
    assert "tools" in run("repo", "list")

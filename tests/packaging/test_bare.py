"""The wheel: without extras every command runs, or says which it needs; what ``test`` brings."""

import json
import subprocess
import sys
from importlib import metadata, util
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]

#: Runs every command in one process, and prints what came of each as JSON.
RUN = """
import json, sys
import click
from click.testing import CliRunner
from debrepo.cli import build_cli
from debrepo.plugins import load_plugins

cli = build_cli(load_plugins())
context = click.Context(cli, info_name="debrepo")

def leaves(command, words):
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            yield from leaves(command.get_command(context, name), [*words, name])
    else:
        loaded = command.load() if hasattr(command, "load") else command
        if isinstance(loaded, click.Group):
            yield from leaves(loaded, words)
        else:
            yield words, loaded

def value(parameter):
    if isinstance(parameter.type, click.Choice):
        return str(next(iter(parameter.type.choices)))
    return "1" if parameter.type.name in ("integer", "integer range", "float") else "none"

def arguments(command):
    for parameter in command.params:
        if "--once" in parameter.opts:  # else it goes on for ever
            yield "--once"
        if "--dry-run" in parameter.opts:  # else it sets up this machine, for one
            yield "--dry-run"
        if not parameter.required:
            continue
        if isinstance(parameter, click.Option):
            yield parameter.opts[0]
        yield from [value(parameter)] * max(1, parameter.nargs)

def run(*words):
    result = CliRunner().invoke(cli, ["--root", "root", *words], input="", prog_name="debrepo")
    crash = result.exception if not isinstance(result.exception, SystemExit) else None
    said = {"words": words, "code": result.exit_code, "said": result.output}
    return {**said, "crash": repr(crash) if crash else ""}

found = []
for words, command in leaves(cli, []):
    found += [run(*words, "--help"), run(*words, *arguments(command))]
found += [run(*words) for words in json.load(sys.stdin)]
json.dump(found, sys.stdout)
"""


def needed(name, extras=("",), known=()):
    """Yield the distributions that one of these names needs, itself included."""
    if (name, extras) in known:
        return
    known = (*known, (name, extras))
    yield name
    for line in metadata.requires(name) or ():
        requirement = Requirement(line)
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in extras):
            yield from needed(requirement.name, ("", *sorted(requirement.extras)), known)


def installed(place, *extras):
    """Install the wheel and what it needs, with extras: the interpreter of that environment.

    What it needs is taken from this environment, so that no network is needed.
    """
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    ours = ["--no-build-isolation"] if util.find_spec("hatchling") else []
    build = ["wheel", "--quiet", "--no-deps", *ours, "--wheel-dir", str(place), str(ROOT)]
    subprocess.run([*pip, *build], check=True)
    (wheel,) = place.glob("*.whl")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", place / "venv"], check=True)
    python = place / "venv/bin/python"
    install = ["--python", str(python), "install", "--quiet", "--no-deps", "--no-index", str(wheel)]
    subprocess.run([*pip, *install], check=True)
    (packages,) = place.glob("venv/lib/python3*/site-packages")
    for name in set(needed("debrepo-manager", ("", *extras))) - {"debrepo-manager"}:
        for file in metadata.files(name) or ():
            top = packages / file.parts[0]
            if file.parts[0] != ".." and not top.exists():
                top.symlink_to(Path(str(metadata.distribution(name).locate_file(file.parts[0]))))
    return python


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """Install the wheel without any extra."""
    return installed(tmp_path_factory.mktemp("bare"))


@pytest.fixture(scope="module")
def runs(bare, tmp_path_factory):
    """What came of every command's help, and of every command with names of what is not there."""
    place = tmp_path_factory.mktemp("runs")
    (place / "root").mkdir()
    (place / "root/debrepo.toml").write_text('[storage.s3.cloud]\nbucket = "b"\n')
    more = [
        ["repo", "create", "tools"],
        ["repo", "show", "tools"],
        ["token", "create", "ci", "--scope", "read"],
        ["token", "list"],
        ["project", "create", "g/p"],
        ["project", "list"],
        ["publish", "repo", "tools", "s3:cloud:", "--distribution", "d", "--architectures", "all"],
        ["serve", "--listen", "127.0.0.1:0"],
    ]
    done = subprocess.run(
        [bare, "-I", "-c", RUN],
        cwd=place,
        input=json.dumps(more),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {tuple(run["words"]): run for run in json.loads(done.stdout)}


def test_extras_are_not_there(bare):
    for module in ("fastapi", "uvicorn", "pycurl", "boto3"):
        done = subprocess.run(
            [bare, "-I", "-c", f"import {module}"], stderr=subprocess.PIPE, check=False
        )
        assert b"No module named" in done.stderr


def test_every_command_has_help(runs):
    helped = [run for words, run in runs.items() if words[-1] == "--help"]
    assert len(helped) > 90
    assert [run for run in helped if run["code"] or not run["said"].startswith("Usage:")] == []


def test_every_command_runs_or_says_what_to_install(runs):
    assert [run for run in runs.values() if run["crash"]] == []
    lacking = [run for run in runs.values() if run["code"] == 9]
    assert [run for run in lacking if "pip install 'debrepo-manager[" not in run["said"]] == []
    assert {run["words"][0] for run in lacking} == {"serve", "api", "import", "publish"}


@pytest.mark.parametrize(
    "words", [("token", "list"), ("project", "list"), ("repo", "show", "tools")]
)
def test_what_needs_no_extra_works(runs, words):
    assert runs[words]["code"] == 0


TESTS = """
from debrepo.testing import ObjectStoreContract, ServiceContract, SignerContract, StorageContract
from debrepo.testing.packages import build_deb
import pytest

def test_command(debrepo, tmp_path):
    debrepo("repo", "create", "tools")
    debrepo("repo", "add", "tools", build_deb(tmp_path))

@pytest.mark.debrepo_plugins(disabled=["gitlab"])
def test_server(session, api, serving):
    assert "gitlab" not in {plugin.name for plugin in session.call("plugin.list")}
    assert api.get("/api/version").status_code == 200
    assert serving().stop() in (0, -15)
"""


def test_extra_for_tests_brings_what_tests_of_plugins_need(tmp_path):
    python = installed(tmp_path, "test")
    (tmp_path / "conftest.py").write_text(
        'pytest_plugins = ["debrepo.testing.fixtures", "debrepo_server.testing"]\n'
    )
    (tmp_path / "test_plugin.py").write_text(TESTS)
    run = [python, "-I", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--strict-markers"]
    done = subprocess.run(
        [*run, str(tmp_path / "test_plugin.py")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr

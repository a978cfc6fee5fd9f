"""Two nodes on one database: what one leaves half done, the other one finishes or undoes."""

import gzip
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, nullcontext
from pathlib import Path
from threading import Event

import pytest
from click.testing import CliRunner

from debrepo.cli import build_cli
from debrepo.errors import LeaseLost
from debrepo.session import Session
from debrepo.testing.packages import build_deb
from debrepo_publish_fs.storage import FileStorage

DRIVER = Path(__file__).parents[2] / "interrupting.py"


@pytest.fixture
def nodes(postgresql, tmp_path):
    """Return the roots of two nodes, which share the pool as on a network file system."""
    name = f"d{os.urandom(8).hex()}"
    url = postgresql.create(name)
    roots = [tmp_path / "one", tmp_path / "other"]
    for root in roots:
        root.mkdir()
        (root / "debrepo.toml").write_text(
            f'database.url = "{url}"\ndatabase.lease_seconds = 2\n'
            f'storage.fs.default.root = "{tmp_path}/public"\n'
        )
    (roots[0] / "pool").mkdir()
    (roots[1] / "pool").symlink_to(roots[0] / "pool")
    yield roots
    postgresql.sql(f"DROP DATABASE {name} (FORCE)", "postgres")


@pytest.fixture
def debrepo(debrepo_plugins):
    """Run a command line on the node that has a root, and return what it says."""
    cli = build_cli(debrepo_plugins)

    def run(root, *words):
        result = CliRunner().invoke(cli, ["--root", str(root), *map(str, words)])
        assert result.exit_code == 0, result.output
        return result.output

    return run


def interrupted(root, point, name, *words):
    """Begin a command that gets a signal at a point; return it when that has come."""
    command = [sys.executable, DRIVER, point, "--root", root, *words]
    process = subprocess.Popen(
        command, env=os.environ | {"DEBREPO_TEST_SIGNAL": name}, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
    return process


@pytest.fixture
def published(nodes, debrepo, tmp_path):
    """Publish one package, and add another one that is to be published next."""
    one = nodes[0]
    debrepo(one, "repo", "create", "tools", "--distribution", "stable")
    debrepo(one, "repo", "add", "tools", build_deb(tmp_path, "first"))
    debrepo(one, "publish", "repo", "tools", "--skip-signing")
    debrepo(one, "repo", "add", "tools", build_deb(tmp_path, "second"))
    return tmp_path / "public" / "dists" / "stable"


def packages(published):
    index = (published / "main" / "binary-amd64" / "Packages.gz").read_bytes()
    lines = gzip.decompress(index).decode().splitlines()
    return [line.removeprefix("Package: ") for line in lines if line.startswith("Package: ")]


@pytest.mark.parametrize(
    ("point", "finished"),
    [
        ("debrepo_publish.engine.announcing:ask", False),
        ("debrepo_publish_fs.storage:FileStorage.commit", True),
    ],
)
def test_publish_of_a_killed_node_is_finished_or_undone_by_another(
    nodes, published, debrepo, point, finished
):
    one, other = nodes
    with interrupted(one, point, "SIGKILL", "publish", "update", "stable") as killed:
        assert killed.wait() == -signal.SIGKILL
    said = debrepo(other, "publish", "update", "stable")
    assert "Waiting for publish . is in use by" in said
    assert ("Nothing has changed" in said) == finished
    assert packages(published) == ["first", "second"]
    for root in nodes:
        debrepo(root, "publish", "verify", "stable")


def test_publish_of_a_node_that_was_stopped_is_refused_when_another_took_over(
    nodes, published, debrepo, tmp_path
):
    one, other = nodes
    point = "debrepo_publish.engine.announcing:ask"
    with interrupted(one, point, "SIGSTOP", "publish", "update", "stable") as stopped:
        debrepo(other, "repo", "add", "tools", build_deb(tmp_path, "third"))
        debrepo(other, "publish", "update", "stable")
        live = (published / "Release").read_bytes()
        os.killpg(stopped.pid, signal.SIGCONT)
        _, errors = stopped.communicate()
    assert stopped.returncode == 11
    assert len([line for line in errors.splitlines() if line.startswith("Error: ")]) == 1
    assert "Error: this node has lost the lease on publish ." in errors
    assert "Hint: do it again; this node was stopped, or cut off" in errors
    assert (published / "Release").read_bytes() == live
    assert packages(published) == ["first", "second", "third"]
    for root in nodes:
        debrepo(root, "publish", "verify", "stable")


def test_publish_that_hangs_between_two_names_replaces_no_more(
    nodes, published, debrepo, tmp_path, debrepo_plugins, monkeypatch
):
    one, other = (Session(root, debrepo_plugins) for root in nodes)
    reached, taken_over = Event(), Event()
    put = FileStorage.put

    def hanging(storage, path, data, **options):
        put(storage, path, data, **options)
        if path.endswith("/binary-amd64/Packages.gz") and not reached.is_set():
            reached.set()
            assert taken_over.wait(60)

    monkeypatch.setattr(FileStorage, "put", hanging)
    # As on a network file system, which locks directories for one machine.
    monkeypatch.setattr(FileStorage, "exclusive", lambda *_: nullcontext())
    debrepo(nodes[1], "repo", "add", "tools", build_deb(tmp_path, "third"))
    with closing(one), closing(other), ThreadPoolExecutor(1) as thread:
        late = thread.submit(one.call, "publish.update", distribution="stable")
        assert reached.wait(60)
        one.leases.close()  # it renews nothing from now on
        other.call("publish.update", distribution="stable")
        live = (published / "Release").read_bytes()
        taken_over.set()
        with pytest.raises(LeaseLost, match=r"lost the lease on publish \."):
            late.result()
    assert (published / "Release").read_bytes() == live
    assert packages(published) == ["first", "second", "third"]
    debrepo(nodes[0], "publish", "verify", "stable")

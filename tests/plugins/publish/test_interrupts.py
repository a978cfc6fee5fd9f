"""Ctrl-C ends an add or a publish in any phase with one line; the next run finishes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from databases.roots import copy_root

from debrepo.testing.packages import build_deb

CLOCK = "SOURCE_DATE_EPOCH"  # commands of their own go by the real one
DRIVER = Path(__file__).parents[2] / "interrupting.py"

ADD = [
    "debrepo.interrupts:<module>",
    "debrepo.turnstile:<module>",
    "click.core:<module>",
    "debrepo.cli.root:build_cli",
    "debrepo_local.cli:<module>",
    "debrepo.database.database:Database.__init__",
    "debrepo.ingest.files:find",
    "debrepo.ingest.files:Intake._binary",
    "debrepo.pool:Pool.put",
    "debrepo.pool:_write",
    "debrepo.pool:Pool.sync",
    "debrepo_local.adding:commit.<locals>.change",
    "debrepo_local.adding:_join",
]
HELPED = ["debrepo.ingest.workers:_Worker.send", "debrepo.ingest.workers:_Worker.receive"]
THREADED = ["debrepo.ingest.threads:in_order", "debrepo.ingest.files:Intake.take"]
PUBLISH = [
    "debrepo_publish.cli:<module>",
    "debrepo_publish.engine.recovery:recover",
    "debrepo_publish.engine.readiness:prepare",
    "debrepo_publish.engine.staging:<module>",
    "debrepo_publish.engine.recovery:start",
    "debrepo_publish.model.hashing:Checksums.feed",
    "debrepo_publish.indexes.rendering:_Renderer.render",
    "debrepo_publish.indexes.rendering:_compress",
    "debrepo_publish.engine.staging:put_files",
    "debrepo_publish_fs.storage:FileStorage.link_all",
    "debrepo_gpg.signer:GpgSigner.sign",
    "gnupg:GPG._collect_output",
    "debrepo_publish_fs.storage:FileStorage.put",
    "debrepo_publish.engine.recovery:switching",
    "debrepo_publish.engine.commits:commit",
    "debrepo_publish_fs.storage:FileStorage.commit",
    "debrepo_publish.engine.recovery:finish",
    "debrepo_publish.engine.recovery:_needed_no_more",
    "debrepo_publish.engine.superseded:clean_up",
    "debrepo_publish.engine.eviction:_evict",
]


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """Return a root whose publication is one package behind its repository."""
    assert CLOCK not in os.environ
    top = tmp_path_factory.mktemp("interrupts")
    root = top / "root"
    run(root, "key", "create", "--name", "Archive")
    run(root, "repo", "create", "tools")
    run(root, "repo", "add", "tools", build_deb(top, "hello"))
    run(root, "publish", "repo", "tools", "--distribution", "stable")
    run(root, "repo", "add", "tools", build_deb(top, "other"))
    run(root, "repo", "remove", "tools", "hello")
    (root / "debrepo.toml").write_text('publish.cache_size = 1\npublish.grace = "0s"\n')
    return root


@pytest.fixture
def root(template, tmp_path, monkeypatch):
    monkeypatch.delenv(CLOCK)
    copy_root(template, tmp_path / "root")
    return tmp_path / "root"


def run(root, *words):
    """Run a command to its end without any error, and return what it prints."""
    command = [sys.executable, "-m", "debrepo", "--root", root, *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def interrupted(root, point, *words):
    """Interrupt a command; it and all its helpers end, and say one line."""
    process = subprocess.Popen(
        [sys.executable, DRIVER, point, "--root", root, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    _, said = process.communicate(timeout=60)  # each helper has the end of a pipe, too
    assert (process.returncode, said) == (130, "\nAborted!\n")


@pytest.mark.parametrize("point", ADD)
def test_add_is_interrupted_and_the_next_one_finishes(root, tmp_path, point):
    package = build_deb(tmp_path, "fresh")
    interrupted(root, point, "repo", "add", "tools", package)
    run(root, "repo", "add", "tools", package)
    assert "fresh_1.0_amd64" in run(root, "repo", "search", "tools")
    run(root, "db", "check")


@pytest.mark.parametrize("point", [*HELPED, *THREADED])
def test_add_that_is_interrupted_leaves_no_helper_behind(root, tmp_path, point):
    """Many small files are read by other processes, large ones by threads."""
    incoming = tmp_path / "incoming"
    incoming.mkdir()
    count = 600 if point in HELPED else 3
    content = os.urandom(3 << 20) if point in THREADED else b""
    package = build_deb(tmp_path, "fresh", paths={"usr/share/fresh": content})
    for number in range(count):
        os.link(package, incoming / f"{number}.deb")
    interrupted(root, point, "repo", "add", "tools", incoming)
    run(root, "repo", "add", "tools", incoming)
    run(root, "db", "check")


@pytest.mark.parametrize("point", PUBLISH)
def test_publish_is_interrupted_and_the_next_one_finishes(root, point):
    interrupted(root, point, "publish", "update", "stable")
    run(root, "publish", "verify", "stable")  # what clients see is whole in between
    run(root, "publish", "update", "stable")
    run(root, "publish", "verify", "stable")
    packages = root / "public/dists/stable/main/binary-amd64/Packages.gz"
    assert (
        b"other"
        in subprocess.run(["gzip", "-dc", packages], capture_output=True, check=True).stdout
    )
    pool = sorted(path.name for path in (root / "public/pool").rglob("*.deb"))
    assert pool == ["hello_1.0_amd64.deb", "other_1.0_amd64.deb"]
    run(root, "db", "check")

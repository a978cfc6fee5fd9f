"""From packages to the database of command-not-found, with apt between, and its own reader."""

import lzma
import os
import re
import sqlite3
import subprocess
from pathlib import Path

import pytest
from debian.deb822 import Deb822

from debrepo.testing.packages import build_deb

READER = Path(os.environ.get("DEBREPO_TEST_COMMAND_NOT_FOUND", "/usr/share/command-not-found"))
READ = """
import sys
from CommandNotFound.db.creator import DbCreator
DbCreator(sys.argv[2:]).create(sys.argv[1])
"""
CNF = "Acquire::IndexTargets::deb::CNF"


def _is_there():
    python = ["/usr/bin/python3", "-c", "import apt_pkg"]
    done = subprocess.run(python, check=False, capture_output=True)
    return READER.is_dir() and done.returncode == 0


@pytest.fixture
def publish(debrepo, tmp_path):
    """Add packages, given by name with their paths, and publish."""
    directory = tmp_path / "incoming"
    directory.mkdir()
    debrepo("repo", "create", "tools", "--distribution", "stable")

    def run(packages, *options):
        for name, paths in packages.items():
            build_deb(directory, name, paths=dict.fromkeys(paths, b"x"))
        debrepo("repo", "add", "tools", directory)
        debrepo("publish", "repo", "tools", "--skip-signing", "--architectures", "amd64", *options)

    return run


@pytest.fixture
def index(debrepo_root):
    """Return the stanzas of the published index."""

    def read():
        path = debrepo_root / "public/dists/stable/main/cnf/Commands-amd64.xz"
        text = lzma.decompress(path.read_bytes()).decode()
        return [dict(found) for found in Deb822.iter_paragraphs(text, use_apt_pkg=False)]

    return read


def test_index_has_one_header_and_a_stanza_for_each_package(publish, index):
    publish({f"p{number:03}": [f"usr/bin/p{number:03}"] for number in range(700)}, "--commands")
    head, *packages = index()
    assert head == {"suite": "stable", "component": "main", "arch": "amd64"}
    assert [found["name"] for found in packages] == [f"p{number:03}" for number in range(700)]
    assert packages[7] == {"name": "p007", "version": "1.0", "commands": "p007"}


def test_option_decides_and_is_shown(publish, debrepo, debrepo_root, index):
    publish({"hello": ["usr/bin/hello"], "data": ["usr/share/x"]})
    release = debrepo_root / "public/dists/stable/Release"
    assert "Commands" not in release.read_text()
    debrepo("publish", "update", "stable", "--commands", "--suite", "testing")
    assert [found.get("name", found.get("suite")) for found in index()] == ["testing", "hello"]
    assert "Commands: yes" in debrepo("publish", "show", "stable").output
    debrepo("publish", "update", "stable", "--no-commands")
    assert "Commands" not in release.read_text()
    assert "Commands: no" in debrepo("publish", "show", "stable").output


def test_option_travels_through_a_server(publish, debrepo, serving, index):
    publish({"hello": ["usr/bin/hello"]})
    server = serving().url
    debrepo("--server", server, "publish", "update", "stable", "--commands")
    assert index()[1]["commands"] == "hello"
    assert "Commands: yes" in debrepo("--server", server, "publish", "show", "stable").output


@pytest.mark.skipif(not _is_there(), reason="command-not-found or python3-apt is not installed")
def test_apt_fetches_what_command_not_found_reads(publish, debrepo_root, tmp_path):
    packages = {f"p{number}": [f"usr/bin/p{number}"] for number in range(600)}
    packages |= {"tool": ["usr/sbin/tool", "usr/bin/a b", "usr/bin/[", "usr/share/tool"]}
    publish(packages, "--commands")
    lists = apt_update(tmp_path, debrepo_root / "public")
    (found,) = lists.glob("*_Commands-amd64*")
    database = tmp_path / "commands.db"
    environ = {**os.environ, "PYTHONPATH": str(READER), "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run(["/usr/bin/python3", "-c", READ, database, found], check=True, env=environ)
    with sqlite3.connect(database) as connection:
        rows = connection.execute(
            "SELECT command, name, version, component FROM commands JOIN packages USING (pkgID)"
        ).fetchall()
    connection.close()
    assert len(rows) == 602
    assert {row for row in rows if row[1] == "tool"} == {
        ("tool", "tool", "1.0", "main"),
        ("[", "tool", "1.0", "main"),
    }


def apt_update(place, public):
    """Have apt fetch the indexes of an archive; return where it keeps them."""
    root = place / "apt"
    for part in ("state/lists/partial", "cache/archives/partial", "etc", "log"):
        (root / part).mkdir(parents=True)
    for name in ("status", "apt.conf"):
        (root / name).touch()
    (root / "etc/sources.list").write_text(f"deb [trusted=yes] file:{public} stable main\n")
    options = {
        "Dir::State": root / "state",
        "Dir::State::status": root / "status",
        "Dir::Cache": root / "cache",
        "Dir::Etc": root / "etc",
        "Dir::Log": root / "log",
        "APT::Architecture": "amd64",
        "APT::Architectures": "amd64",
        "APT::Sandbox::User": "root",
        f"{CNF}::MetaKey": "$(COMPONENT)/cnf/Commands-$(NATIVE_ARCHITECTURE)",
        f"{CNF}::ShortDescription": "Commands",
        f"{CNF}::Description": "$(RELEASE)/$(COMPONENT) Commands",
    }
    words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    done = subprocess.run(
        ["apt-get", *words, "update"],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "APT_CONFIG": str(root / "apt.conf"), "LC_ALL": "C"},
    )
    assert done.returncode == 0, done.stderr
    assert not re.search(r"^[WE]:", done.stderr, re.M), done.stderr
    return root / "state/lists"

"""Moving out: aptly, reprepro and web servers have what was here."""

import hashlib
import json
import os
import shutil
import subprocess

import pytest
from end_to_end.writers import EXPECTED, build_packages

from debrepo.testing.packages import build_deb


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    return build_packages(tmp_path_factory.mktemp("packages"))


@pytest.fixture
def filled(debrepo, debrepo_root, packages, tmp_path):
    """A root with two repositories, a snapshot and a publication of two components."""
    debrepo_root.mkdir()
    (debrepo_root / "debrepo.toml").write_text("publish.skip_signing = true\n")
    debrepo("repo", "create", "tools", "--distribution", "stable")
    debrepo("repo", "add", "tools", packages)
    debrepo("repo", "create", "more", "--distribution", "stable", "--component", "contrib")
    debrepo("repo", "add", "more", build_deb(tmp_path, "more", "1.0"))
    debrepo("snapshot", "create", "monday", "from", "repo", "tools")
    words = ("--component", "main,contrib", "--origin", "Acme", "--distribution", "stable")
    debrepo("publish", "repo", "tools", "more", *words)
    return tmp_path / "out"


def taken_in(directory):
    done = subprocess.run(
        [directory / "take-in.sh"], check=False, capture_output=True, text=True, cwd="/"
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(not shutil.which("aptly"), reason="needs aptly")
def test_aptly_has_lists_and_publications(debrepo, filled):
    debrepo("export", "aptly", filled)
    taken_in(filled)

    def aptly(*words):
        command = ["aptly", f"-config={filled / 'aptly.conf'}", *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def keys(text):
        return {line.split()[-1] for line in text.splitlines() if line.startswith("  ")}

    for kind, name in (("repo", "tools"), ("snapshot", "monday")):
        shown = aptly(kind, "show", "-with-packages", name)
        assert {line.strip() for line in shown.splitlines() if "_" in line} == EXPECTED
    assert aptly("publish", "list", "-raw").split() == [".", "stable"]
    assert aptly("repo", "list", "-raw").split() == ["more", "tools"]
    fields = (filled / "aptly/public/dists/stable/Release").read_text()
    assert "Origin: Acme\n" in fields
    assert "Components: main contrib\n" in fields or "Components: contrib main\n" in fields


@pytest.mark.skipif(not shutil.which("reprepro"), reason="needs reprepro")
def test_reprepro_has_what_is_published(debrepo, filled):
    debrepo("export", "reprepro", filled)
    taken_in(filled)
    listed = subprocess.run(
        ["reprepro", "-b", filled, "list", "stable"], check=True, capture_output=True, text=True
    ).stdout
    assert "stable|contrib|amd64: more 1.0\n" in listed
    assert "stable|main|amd64: hello 1:2.10-3+b1\n" in listed
    assert "u|stable|main|amd64: part 2.10-3\n" in listed
    assert "stable|main|source: hello 1:2.10-3\n" in listed
    assert "Origin: Acme\n" in (filled / "dists/stable/Release").read_text()


@pytest.mark.skipif(not shutil.which("reprepro"), reason="needs reprepro")
def test_there_and_back_is_the_same(debrepo, filled):
    debrepo("export", "reprepro", filled)
    taken_in(filled)
    debrepo("import", "reprepro", filled)
    back = debrepo("repo", "search", "stable-main").stdout
    assert back == debrepo("repo", "search", "tools").stdout


def test_tree_is_what_clients_get(debrepo, debrepo_root, filled):
    said = debrepo("export", "tree", filled, "stable").stdout
    assert said.startswith("Wrote ./stable: ")
    public = debrepo_root / "public"
    for path in public.rglob("*"):
        if path.is_file():
            copy = filled / path.relative_to(public)
            assert copy.read_bytes() == path.read_bytes(), path
    again = json.loads(debrepo("export", "tree", filled, "stable", "--json").stdout)
    assert not list(filled.rglob("*.partial"))
    assert again["packages"] == 8  # one for all is in the index of each architecture


def test_patches_of_indexes_are_in_the_tree(debrepo, debrepo_root, filled, tmp_path):
    place = tmp_path / "more-debs"
    place.mkdir()
    for number in range(20):
        build_deb(place, f"new{number:02}")
    debrepo("repo", "add", "tools", place)
    debrepo("publish", "update", "stable", "--pdiffs", "14")
    debrepo("repo", "add", "tools", build_deb(tmp_path, "another"))
    debrepo("publish", "update", "stable")
    debrepo("export", "tree", filled, "stable")
    published = debrepo_root / "public/dists/stable/main/binary-amd64/Packages.diff"
    names = sorted(path.name for path in published.glob("*.gz"))
    copied = filled / published.relative_to(debrepo_root / "public")
    assert names
    assert sorted(path.name for path in copied.glob("*.gz")) == names
    for name in names:
        assert (copied / name).read_bytes() == (published / name).read_bytes()


def test_damaged_tree_is_not_written(debrepo, debrepo_root, filled):
    (path,) = (debrepo_root / "public").rglob("more_*.deb")
    size = path.stat().st_size
    path.unlink()
    path.write_bytes(b"x" * size)
    said = debrepo("export", "tree", filled, "stable", exit_code=6).stderr
    assert "more_1.0_amd64.deb is not what its index lists" in said
    assert not list(filled.rglob("*Release"))


def test_directory_that_is_in_use_is_refused(debrepo, filled):
    filled.mkdir()
    (filled / "mine").touch()
    for tool in ("aptly", "reprepro"):
        assert "is not an empty directory" in debrepo("export", tool, filled, exit_code=4).stderr
    assert os.listdir(filled) == ["mine"]


def test_missing_file_is_named(debrepo, debrepo_root, filled):
    data = next((debrepo_root / "public").rglob("more_*.deb")).read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    (debrepo_root / "pool" / digest[:2] / digest[2:]).unlink()
    said = debrepo("export", "aptly", filled).stderr
    assert "missing: package more_1.0_amd64: the pool has no more_1.0_amd64.deb" in said


def test_nothing_is_published(debrepo, tmp_path):
    assert "nothing is published" in (
        debrepo("export", "reprepro", tmp_path / "out", exit_code=3).stderr
    )
    said = debrepo("export", "tree", tmp_path / "out", "stable", exit_code=3).stderr
    assert "is not published" in said

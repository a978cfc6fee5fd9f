"""``debrepo db rebuild``: a new database from the pool and the published trees alone."""

import json
import shutil
from contextlib import closing

import pytest

from debrepo.plugins import load_plugins
from debrepo.session import Session
from debrepo.testing.crashes import crashes
from debrepo.testing.packages import build_deb, build_source


@pytest.fixture
def debs(tmp_path):
    for name in ("debs", "other"):
        (tmp_path / name).mkdir()
    return tmp_path / "debs"


@pytest.fixture
def lost(debrepo, debrepo_root, debs, tmp_path):
    """Return a root that published two components and another distribution, without database."""
    debrepo("repo", "create", "r", "--distribution", "stable")
    debrepo("repo", "create", "extra", "--component", "contrib")
    debrepo("repo", "add", "r", build_deb(debs), build_source(debs), build_deb(debs, "lib", "2"))
    debrepo("repo", "add", "extra", build_deb(debs, "tool", "1:0.5", "all", extension="deb"))
    words = ("--skip-signing", "--component", "main,contrib")
    debrepo("publish", "repo", "r", "extra", "--distribution", "stable", *words)
    debrepo("repo", "remove", "r", "lib")
    debrepo("publish", "repo", "r", "ubuntu/deep", "--distribution", "sid", "--skip-signing")
    debrepo("repo", "create", "unpublished")
    other = build_deb(tmp_path / "other", "hello", fields={"Homepage": "https://example.org"})
    debrepo("repo", "add", "unpublished", build_deb(debs, "spare"), other)
    shutil.rmtree(debrepo_root / "db")
    return debrepo_root


def members(debrepo, name):
    shown = json.loads(debrepo("repo", "show", name, "--with-packages", "--json").output)
    return sorted(" ".join(key.split()[:3]) for key in shown["packages"])


def test_repositories_come_back_from_what_is_published_and_the_rest_from_the_pool(debrepo, lost):
    said = debrepo("db", "rebuild", "--from-pool", "--from-published").output
    assert members(debrepo, "stable-main") == [
        "Pamd64 hello 1.0",
        "Pamd64 lib 2",
        "Psource hello 1.0-1",
    ]
    assert members(debrepo, "stable-contrib") == ["Pall tool 1:0.5"]
    assert members(debrepo, "ubuntu-deep-sid-main") == ["Pamd64 hello 1.0", "Psource hello 1.0-1"]
    assert members(debrepo, "rebuilt") == ["Pamd64 hello 1.0", "Pamd64 spare 1.0"]
    assert "Everything is in order" in debrepo("db", "check").output
    for line in said.splitlines():
        if line.startswith("debrepo publish repo "):
            debrepo(*line.split()[1:], "--skip-signing")
    debrepo("publish", "verify", "stable")
    debrepo("publish", "verify", "sid", "ubuntu/deep")


def test_pool_alone_gives_all_packages_in_as_many_repositories_as_versions_collide(debrepo, lost):
    shutil.rmtree(lost / "public")
    debrepo("db", "rebuild", "--from-pool")
    first, second = members(debrepo, "rebuilt"), members(debrepo, "rebuilt-2")
    assert len(first) == 5
    assert second == ["Pamd64 hello 1.0"]
    assert "Everything is in order" in debrepo("db", "check").output


def test_published_trees_alone_give_what_they_list(debrepo, lost, tmp_path):
    shutil.rmtree(lost / "pool")
    debrepo("db", "rebuild", "--from-published")
    assert len(members(debrepo, "stable-main")) == 3
    assert "Everything is in order" in debrepo("db", "check").output


def test_tree_elsewhere_is_named(debrepo, lost, tmp_path):
    new = tmp_path / "new"
    debrepo("--root", new, "db", "rebuild", "--from-published", "--tree", lost / "public")
    result = debrepo("--root", new, "repo", "show", "stable-main", "--with-packages")
    assert "lib_2_amd64" in result.output


def test_what_is_damaged_or_gone_is_named_and_keeps_nothing_else_back(debrepo, lost, debs):
    shutil.rmtree(lost / "pool")
    (lost / "public/pool/main/l/lib/lib_2_amd64.deb").write_bytes(b"!<arch>\nno package")
    (lost / "public/dists/stable/contrib/binary-all/Packages.gz").write_bytes(b"no gzip")
    for path in (lost / "public/dists/stable/contrib/binary-all").glob("Packages.xz"):
        path.write_bytes(b"no xz")
    result = debrepo("db", "rebuild", "--from-published", exit_code=8)
    assert "lib_2_amd64.deb: neither it nor the pool has the file" in result.output
    assert "contrib/binary-all/Packages" in result.output
    assert members(debrepo, "stable-main") == ["Pamd64 hello 1.0", "Psource hello 1.0-1"]


def test_database_with_something_in_it_is_left_alone(debrepo, debrepo_root, tmp_path):
    debrepo("repo", "create", "precious")
    said = debrepo("db", "rebuild", "--from-pool", exit_code=4).output
    assert "the database has repo:precious: there is something to lose" in said
    debrepo("repo", "drop", "precious")
    debrepo("db", "rebuild", exit_code=2)
    debrepo("db", "rebuild", "--from-published", "--tree", tmp_path / "none", exit_code=2)
    debrepo("db", "rebuild", "--from-pool", "--from-published")


def test_rebuild_that_is_killed_anywhere_is_ended_by_the_next(debrepo, lost):
    def rebuild():
        with closing(Session(lost, load_plugins())) as one:
            one.call("db.rebuild", pool=True, published=True)

    for _ in crashes(rebuild, points=6):
        rebuild()
        with closing(Session(lost, load_plugins())) as after:
            sizes = {row.repo.name: row.size for row in after.call("repo.list")}
            assert sizes["stable-main"] == 3
            assert sizes["rebuilt"] == 2
            assert after.call("db.check") == []
        shutil.rmtree(lost / "db")


def test_rebuilding_from_nothing_says_so(debrepo):
    assert debrepo("db", "rebuild", "--from-pool").stderr == "No package was found.\n"

"""Freezing: nothing is written to the storages of a root, and one command changes that."""

import pytest

from debrepo.errors import InUse
from debrepo.testing.packages import build_deb


@pytest.fixture
def published(debrepo, debrepo_root, tmp_path):
    """Return a root that publishes without signatures, and is frozen then."""
    debrepo("repo", "create", "tools")
    debrepo("repo", "add", "tools", build_deb(tmp_path))
    debrepo("publish", "repo", "tools", "--distribution", "stable", "--skip-signing")
    debrepo("storage", "freeze", "--why", "restored from\n/backup")
    return debrepo_root


def tree(root):
    files = (path for path in (root / "public").rglob("*") if path.is_file())
    return {path: path.read_bytes() for path in files}


@pytest.mark.parametrize(
    "line",
    [
        "publish update stable",
        "publish update stable --force",
        "publish repo tools --distribution other --skip-signing",
        "publish drop stable",
        "publish repair stable --reconcile",
    ],
)
def test_frozen_root_writes_to_no_storage_and_names_the_way_out(debrepo, published, line):
    debrepo("repo", "remove", "tools", "hello")
    before, listed = tree(published), debrepo("publish", "show", "stable", "--json").stdout
    said = debrepo(*line.split(), exit_code=5).output
    assert "storages are frozen: restored from /backup" in said
    assert 'run "debrepo storage thaw"' in said
    assert tree(published) == before
    assert debrepo("publish", "show", "stable", "--json").stdout == listed


def test_what_only_reads_works_on_a_frozen_root(debrepo, published):
    debrepo("publish", "verify", "stable")
    debrepo("publish", "repair", "stable", "--dry-run")
    said = debrepo("doctor").stdout
    assert 'storages all: are frozen: restored from /backup (run "debrepo storage thaw")' in said
    debrepo("repo", "create", "more")


def test_thawed_root_publishes_again(debrepo, published):
    assert debrepo("storage", "thaw").output == "Storages are written to again.\n"
    assert debrepo("storage", "thaw").output == "Storages were not frozen.\n"
    debrepo("repo", "remove", "tools", "hello")
    debrepo("publish", "update", "stable")


def test_publication_of_a_frozen_root_is_dropped_by_force_and_its_files_stay(debrepo, published):
    before = tree(published)
    debrepo("publish", "drop", "stable", "--force-drop")
    assert debrepo("publish", "list", "--raw").output == ""
    assert tree(published) == before


def test_root_that_is_frozen_by_its_configuration_is_thawed_there(debrepo, published):
    (published / "debrepo.toml").write_text("storages.frozen = true\n")
    said = debrepo("storage", "thaw", exit_code=2).output
    assert f"storages.frozen is true in {published}/debrepo.toml" in said
    assert "storages are frozen" in debrepo("publish", "update", "stable", exit_code=5).output


def test_no_method_of_a_frozen_storage_writes(published, session):
    storage = session.storage("")
    assert storage.get("dists/stable/Release")
    for write in (
        lambda: storage.put("x", b""),
        lambda: storage.put_all({"x": b""}, cache="volatile"),
        lambda: storage.delete(["dists/stable/Release"]),
        lambda: storage.commit("x", b"", expected=None),
        lambda: storage.exclusive("x"),
    ):
        with pytest.raises(InUse, match="storages are frozen: restored from /backup"):
            write()
    storage.close()


def test_mark_that_cannot_be_read_is_no_leave_to_write(debrepo, published):
    (published / "frozen").unlink()
    (published / "frozen").mkdir()
    assert "cannot be read" in debrepo("publish", "update", "stable", exit_code=5).output

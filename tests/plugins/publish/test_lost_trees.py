"""Trees that are not what the database says: one of the two was restored from a backup."""

import json
import shutil

import pytest

from debrepo.clock import seconds
from debrepo.testing.packages import build_deb

OPTIONS = ["--distribution", "stable", "--skip-signing"]


@pytest.fixture
def public(debrepo, debrepo_root, tmp_path):
    """Return a published tree with two generations, of which the older one has another package."""
    debrepo("repo", "create", "tools")
    debrepo("repo", "add", "tools", build_deb(tmp_path), build_deb(tmp_path, "other"))
    debrepo("publish", "repo", "tools", *OPTIONS, "--origin", "Ours")
    shutil.copytree(debrepo_root / "public", tmp_path / "older")
    debrepo("repo", "remove", "tools", "other")
    debrepo("publish", "update", "stable")
    return debrepo_root / "public"


def verify(debrepo):
    debrepo("publish", "verify", "stable", "--files")


def ledger(debrepo):
    """Return what reconciling would do."""
    found = debrepo("publish", "repair", "stable", "--reconcile", "--dry-run", "--json").stdout
    return json.loads(found)["reconciled"]


def test_tree_that_is_gone_is_published_again_although_nothing_has_changed(debrepo, public):
    assert "Nothing has changed" in debrepo("publish", "update", "stable").output
    shutil.rmtree(public)
    result = debrepo("publish", "update", "stable")
    assert "dists/stable/Release is gone; ./stable is published again as a whole" in result.stderr
    assert "Published ./stable: 1 package, generation 3" in result.stdout
    verify(debrepo)
    assert "Nothing has changed" in debrepo("publish", "update", "stable").output


def test_superseded_files_that_are_gone_are_dropped_from_the_ledger(debrepo, public):
    shutil.rmtree(public)
    debrepo("publish", "update", "stable")
    found = ledger(debrepo)
    assert (found["dropped"], found["recounted"], found["adopted"]) == ([], [], [])


def test_older_tree_is_published_again_as_a_whole(debrepo, public, tmp_path):
    shutil.rmtree(public)
    shutil.copytree(tmp_path / "older", public)
    result = debrepo("publish", "update", "stable")
    assert "dists/stable/Release is of an older generation" in result.stderr
    verify(debrepo)


def test_change_that_meets_a_lost_tree_is_published_as_a_whole(debrepo, public, tmp_path):
    shutil.rmtree(public)
    debrepo("repo", "add", "tools", build_deb(tmp_path, "third"))
    result = debrepo("publish", "update", "stable")
    assert "is gone; ./stable is published again as a whole" in result.stderr
    verify(debrepo)
    assert len(list(public.rglob("*.deb"))) == 2
    assert ledger(debrepo)["dropped"] == []


@pytest.mark.lmdb  # backups are restored into it
def test_newer_tree_is_not_published_over_unless_somebody_insists(
    debrepo, debrepo_root, public, tmp_path, clock
):
    debrepo("backup", tmp_path / "backup")
    debrepo("repo", "add", "tools", build_deb(tmp_path, "third"))
    clock(seconds() + 100)
    debrepo("publish", "update", "stable")
    new = tmp_path / "new"
    debrepo("--root", new, "restore", tmp_path / "backup")
    debrepo("--root", new, "storage", "thaw")
    shutil.copytree(public, new / "public")
    before = (new / "public/dists/stable/Release").read_bytes()
    said = debrepo("--root", new, "publish", "update", "stable", exit_code=11).output
    assert "dists/stable/Release is of 2" in said
    assert "newer than what this debrepo knows (2" in said
    assert 'run "debrepo publish update stable --force"' in said
    debrepo("--root", new, "repo", "remove", "tools", "hello")
    said = debrepo("--root", new, "publish", "update", "stable", exit_code=11).output
    assert "newer than what this debrepo knows" in said
    assert (new / "public/dists/stable/Release").read_bytes() == before
    debrepo("--root", new, "publish", "update", "stable", "--force")
    debrepo("--root", new, "publish", "verify", "stable", "--files")


def test_tree_of_another_publisher_is_named_although_nothing_has_changed(debrepo, public):
    release = public / "dists/stable/Release"
    release.write_bytes(release.read_bytes().replace(b"Ours", b"Theirs"))
    said = debrepo("publish", "update", "stable", exit_code=11).output
    assert "dists/stable/Release is not what this debrepo left there" in said


def test_package_files_that_the_pool_lost_too_fail_and_leave_the_rest(
    debrepo, debrepo_root, public, tmp_path
):
    shutil.rmtree(public)
    shutil.rmtree(debrepo_root / "pool")
    assert debrepo("publish", "update", "stable", exit_code=3).exception is not None
    assert not list(public.rglob("Release"))
    debrepo("repo", "add", "tools", tmp_path / "hello_1.0_amd64.deb")
    debrepo("publish", "update", "stable")
    verify(debrepo)


def test_promoting_what_is_live_tells_that_clients_do_not_get_it(debrepo, public, tmp_path):
    shutil.rmtree(public)
    said = debrepo("promote", "tools", "stable", "--yes", exit_code=11).output
    assert 'Release is gone\nHint: run "debrepo publish update stable", which puts it back' in said
    shutil.copytree(tmp_path / "older", public)
    said = debrepo("promote", "tools", "stable", "--yes", exit_code=11).output
    assert "Release is of an older generation" in said
    debrepo("publish", "update", "stable")
    assert "nothing was written" in debrepo("promote", "tools", "stable", "--yes").output

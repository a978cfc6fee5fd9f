"""Commands on a root whose database is in PostgreSQL."""

import json
import subprocess
import sys

import pytest

from debrepo.testing.packages import build_deb


@pytest.fixture
def shared(debrepo, debrepo_root, url):
    """Run debrepo in a root that names that database."""
    debrepo_root.mkdir(parents=True, exist_ok=True)
    (debrepo_root / "debrepo.toml").write_text(f"database.url = {json.dumps(url)}\n")
    return debrepo


def test_packages_are_added_and_published(shared, debrepo_root, tmp_path):
    shared("repo", "create", "tools", "--distribution", "stable")
    shared("repo", "add", "tools", build_deb(tmp_path))
    shared("publish", "repo", "tools", "--skip-signing")
    assert (debrepo_root / "public" / "dists" / "stable" / "Release").exists()
    assert "tools" in shared("repo", "list").output
    assert not (debrepo_root / "db" / "data.mdb").exists()


def test_root_in_postgresql_is_the_same_from_another_machine(shared, debrepo_root, tmp_path):
    shared("repo", "create", "tools")
    other = tmp_path / "other"
    other.mkdir()
    (other / "debrepo.toml").write_text((debrepo_root / "debrepo.toml").read_text())
    listed = subprocess.run(
        [sys.executable, "-m", "debrepo", "--root", other, "repo", "list"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "tools" in listed.stdout


def test_configuration_is_shown_without_the_password(shared):
    assert "%20secret" not in shared("config", "show").output
    assert "%20secret" not in shared("config", "show", "--json").output


def test_check_and_doctor_say_what_is_wrong_with_the_server(shared, postgresql, url):
    name = url.rpartition("/")[2]
    shared("repo", "create", "tools")
    postgresql.sql(f'ALTER DATABASE "{name}" SET synchronous_commit = off', "postgres")
    said = shared("db", "check", exit_code=8).output
    assert f"synchronous_commit is off at the server of the database in {shown(url)}" in said
    assert "synchronous_commit is off" in shared("doctor").output


def test_statistics_count_what_the_server_keeps(shared):
    shared("repo", "create", "tools")
    assert json.loads(shared("db", "stats", "--json").output)["database"] > 0


def test_backup_of_a_root_in_postgresql_is_restored_in_lmdb(shared, debrepo_root, tmp_path):
    shared("repo", "create", "tools", "--distribution", "stable")
    shared("repo", "add", "tools", build_deb(tmp_path))
    shared("db", "cleanup")
    shared("backup", tmp_path / "backup")
    root = tmp_path / "restored"
    restored = subprocess.run(
        [sys.executable, "-m", "debrepo", "--root", root, "restore", tmp_path / "backup"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "database.url" in restored.stdout + restored.stderr
    listed = subprocess.run(
        [sys.executable, "-m", "debrepo", "--root", root, "repo", "show", "tools"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "Packages: 1" in listed.stdout
    assert (root / "db" / "data.mdb").exists()


def test_backup_is_not_restored_beside_a_database_elsewhere(shared, tmp_path):
    shared("repo", "create", "tools")
    shared("backup", tmp_path / "backup")
    said = shared("restore", tmp_path / "backup", exit_code=2).output
    assert "database.url names another place" in said


def test_copy_is_a_database_in_lmdb(shared, tmp_path):
    shared("repo", "create", "tools")
    shared("db", "copy", tmp_path / "copied" / "db")
    listed = subprocess.run(
        [sys.executable, "-m", "debrepo", "--root", tmp_path / "copied", "repo", "list"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "tools" in listed.stdout


def shown(url):
    return "postgresql://debrepo@" + url.rpartition("@")[2]

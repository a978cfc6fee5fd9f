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

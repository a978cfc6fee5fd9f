"""A root with a repository, two snapshots and a publication."""

import pytest

from debrepo.testing.packages import build_deb


@pytest.fixture
def drawn(debrepo, tmp_path):
    debrepo("repo", "create", "tools", "--distribution", "stable", "--comment", "for builders")
    build_deb(tmp_path, "hello")
    debrepo("repo", "add", "tools", tmp_path / "hello_1.0_amd64.deb")
    debrepo("snapshot", "create", "first", "from", "repo", "tools")
    debrepo("snapshot", "create", "second", "from", "snapshot", "first")
    debrepo("publish", "snapshot", "first", "--skip-signing")
    return debrepo

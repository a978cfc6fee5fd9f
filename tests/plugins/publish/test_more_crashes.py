"""A publish with changelogs, patches and translations may die at any of its steps, too."""

import gzip
import hashlib
import re

import pytest
from plugins.publish.client import Client
from plugins.publish.test_crashes import NOW, each_crash, update

from debrepo.testing.packages import build_deb

__all__ = ["each_crash"]

OPTIONS = {"changelogs": "https://deb.example.org/x", "pdiffs": 30, "translations": True}


@pytest.fixture
def changed(session, tmp_path, clock):
    """Return a root with all of it published, where there is something new."""
    place = tmp_path / "debs"
    place.mkdir()
    session.call("repo.create", name="tools")

    def add(*names):
        for name in names:
            paths = {f"usr/share/doc/{name}/changelog.gz": gzip.compress(name.encode(), mtime=0)}
            deb = build_deb(place, name, paths=paths)
            (outcome,) = session.call("repo.add", name="tools", paths=[deb])
            assert outcome.status == "added", outcome

    add(*(f"p{number:02}" for number in range(12)))
    session.call(
        "publish.create", kind="repo", names=["tools"], distribution="stable", options=OPTIONS
    )
    clock(NOW + 60)
    add("hello")
    update(session)
    clock(NOW + 3600)
    add("world")
    return session


def _check(root):
    """Hold every patch against the list of them, and that against Release."""
    tree = root / "dists/stable"
    release = (tree / "Release").read_text()
    digest, path = re.search(
        r"(\w{64}) +\d+ (main/\S+amd64/Packages\.diff/Index)$", release, re.M
    ).groups()
    data = (tree / path).parent.joinpath("by-hash/SHA256", digest).read_bytes()
    assert hashlib.sha256(data).hexdigest() == digest
    patches = re.findall(r"^ (\w{64}) \d+ (\S+\.gz)$", data.decode(), re.M)
    assert patches
    for checksum, name in patches:
        patch = (tree / path).parent / name
        assert hashlib.sha256(patch.read_bytes()).hexdigest() == checksum, name
    return len(patches)


def test_update_with_more_indexes_dies_anywhere(changed, each_crash):
    for session, what in each_crash(changed, update, deadly=True):
        public = session.root / "public"
        assert _check(public) in (1, 2), what
        update(session)
        assert _check(public) == 2, what
        assert (public / "changelogs/main/w/world/world_1.0_changelog").read_bytes() == b"world"
        assert len(Client(public).packages()) == 14, what
        Client(public).check_names()

"""Mirrors that have packages without an archive that they came from."""

from contextlib import closing

import pytest

from debrepo.plugins import load_plugins
from debrepo.session import Session
from debrepo.testing.packages import build_deb
from debrepo_mirror import mirrors
from debrepo_mirror.mirror import Mirror

RELEASE = (
    ("Architectures", "amd64 i386"),
    ("Codename", "bookworm"),
    ("NotAutomatic", "yes"),
    ("Origin", "Example"),
)


@pytest.fixture
def opened(debrepo_root):
    """Return what opens a session, which has to be closed before a command runs."""
    return lambda: closing(Session(debrepo_root, load_plugins()))


@pytest.fixture
def mirrored(debrepo, opened, tmp_path):
    """Store a mirror of packages, ``name version [Depends]`` each, as an update would."""

    def make(name, *packages, **properties):
        debrepo("repo", "create", f"of-{name}")
        for number, package in enumerate(packages):
            package, version, *depends = package.split(" ", 2)
            directory = tmp_path / f"{name}{number}"
            directory.mkdir()
            fields = {"Depends": depends[0]} if depends else {}
            deb = build_deb(directory, package, version, fields=fields)
            debrepo("repo", "add", f"of-{name}", deb)
        with opened() as session:
            set_id = session.call("repo.show", name=f"of-{name}").repo.set_id
        mirror = Mirror(
            name,
            f"00000000-0000-0000-0000-{len(name):012}",
            "http://archive.example.org/debian/",
            "bookworm",
            ("main",),
            ("amd64",),
            set_id=set_id,
            created="2026-11-28T08:00:00.000000+00:00",
            updated="2026-11-28T09:00:00.000000+00:00",
            release=RELEASE,
        )._replace(**properties)
        with opened() as session, session.db.write() as txn:
            mirrors.create(txn, mirror)
        debrepo("repo", "drop", f"of-{name}")
        return mirror

    return make

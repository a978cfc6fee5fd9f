"""Mirrors that have packages without an archive that they came from."""

from contextlib import closing

import pytest
from plugins.mirror.archives import Key, SmallArchive
from upstream import serving

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


@pytest.fixture(scope="session")
def archive_key():
    """Return a key that signs archives."""
    key = Key()
    yield key
    key.close()


@pytest.fixture
def archive(tmp_path, archive_key):
    """Return an archive of three packages, signed."""
    archive = SmallArchive(tmp_path / "archive", archive_key)
    for name in ("alpha", "beta", "gamma"):
        archive.deb(name)
    return archive.write()


@pytest.fixture
def server(archive):
    """Serve the archive over HTTP, with whatever goes wrong."""
    with serving(archive.root) as server:
        yield server


@pytest.fixture
def trusting(debrepo, archive_key, tmp_path):
    """Trust the key that signs archives; return what runs commands of mirrors."""
    key = tmp_path / "archive.asc"
    key.write_text(archive_key.public)
    debrepo("key", "trust", key)
    return lambda *words, exit_code=0: debrepo("mirror", *words, exit_code=exit_code)


@pytest.fixture
def mirror(trusting, server):
    """Create the mirror ``debian`` of the archive; return what runs commands of mirrors."""
    trusting("create", "debian", server.url, "stable", "main")
    return trusting


@pytest.fixture
def names(debrepo):
    """Return what lists the packages of the mirror, by name and version."""

    def listed(name="debian"):
        found = debrepo("mirror", "search", name, exit_code=0).output.split()
        return [one.rpartition("_")[0] for one in found]

    return listed

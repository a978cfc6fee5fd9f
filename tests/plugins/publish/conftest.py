"""A root whose storage and database can be made to fail, and a client that believes nothing."""

import base64
import shutil
from typing import TYPE_CHECKING

import pytest
from plugins.publish.crashing import CrashingSession
from plugins.publish.signers import PaperSigner

from debrepo import Ref, Setting, hookimpl
from debrepo.packageset import tree
from debrepo.plugins import load_plugins
from debrepo.testing.packages import build_deb, build_source

if TYPE_CHECKING:
    from pathlib import Path

DAY = 86400
NOW = 1_800_000_000


class Paper:
    """A plugin that brings a signer which needs no GnuPG."""

    @hookimpl
    def debrepo_signers(self):
        return {"paper": Ref(f"{PaperSigner.__module__}:{PaperSigner.__name__}", "For tests.")}

    @hookimpl
    def debrepo_settings(self):
        return [
            Setting("signing.paper.broken", False, "Whether it refuses to sign"),
            Setting("signing.paper.keys", (), "Fingerprints to sign with"),
            Setting("signing.paper.renewed", 0, "When its keys were renewed"),
        ]


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """Set the time, and what is written as the time: ``clock(NOW + DAY)``."""

    def set_time(seconds):
        monkeypatch.setattr("debrepo.clock.now", lambda: seconds)
        monkeypatch.setenv("SOURCE_DATE_EPOCH", str(seconds))

    set_time(NOW)
    return set_time


@pytest.fixture
def opened():
    """Open a session on a root: ``opened(root)``; all are closed in the end."""
    sessions = []

    def open_(root):
        plugins = load_plugins()
        plugins.register(Paper(), "paper")
        root.mkdir(parents=True, exist_ok=True)
        if not (root / "debrepo.toml").exists():
            (root / "debrepo.toml").write_text(
                'signing.signer = "paper"\npublish.compressions = ["gz"]\n'
            )
        sessions.append(CrashingSession(root, plugins))
        return sessions[-1]

    yield open_
    for session in sessions:
        session.close()


@pytest.fixture
def session(opened, tmp_path):
    return opened(tmp_path / "root")


@pytest.fixture
def public(session):
    return session.root / "public"


@pytest.fixture
def add(session, tmp_path):
    """Add a package to a repository, making that too: ``add("hello", "2.0", repo="tools")``."""

    def add_package(name="hello", version="1.0", architecture="amd64", *, repo="tools", **more):
        directory = tmp_path / "incoming"
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir()
        if repo not in {shown.repo.name for shown in session.call("repo.list")}:
            session.call("repo.create", name=repo, distribution="stable")
        build = build_source if architecture == "source" else build_deb
        words = (name, version) if architecture == "source" else (name, version, architecture)
        path: Path = build(directory, *words, **more)
        (outcome,) = session.call("repo.add", name=repo, paths=[path])
        assert outcome.status == "added", outcome

    return add_package


@pytest.fixture
def create(session):
    """Publish repositories for the first time: ``create("tools", distribution="stable")``."""

    def publish(*names, place="", distribution="stable", components=(), **options):
        return session.call(
            "publish.create",
            kind="repo",
            names=names or ("tools",),
            place=place,
            distribution=distribution,
            components=components,
            options=options,
        )

    return publish


@pytest.fixture
def update(session):
    """Publish what is there now: ``update("stable", origin="Us")``."""

    def publish(distribution="stable", place="", *, force=False, **options):
        return session.call(
            "publish.update", distribution=distribution, place=place, options=options, force=force
        )

    return publish


@pytest.fixture
def small_chunks(monkeypatch):
    """Cut package sets into chunks of about four packages."""
    monkeypatch.setattr(tree, "_MASK", 3)


@pytest.fixture
def public_keys(monkeypatch):
    """Let the signer have public keys, which are the fingerprints."""

    def export(self, keys):
        data = base64.b64encode(b"\x99" + b"".join(key.fingerprint.encode() for key in keys))
        begin, end = b"-----BEGIN PGP PUBLIC KEY BLOCK-----", b"-----END PGP PUBLIC KEY BLOCK-----"
        return begin + b"\n\n" + data + b"\n" + end + b"\n"

    monkeypatch.setattr(PaperSigner, "export", export)

"""A project on a server that asks who is there."""

import pytest
from starlette.testclient import TestClient

from debrepo.config import Configured
from debrepo.testing.packages import build_deb
from debrepo_server.access import Access
from debrepo_server.app import build

BASE = "/api/v4/projects"


@pytest.fixture
def guarded(session):
    """A server that asks for tokens."""
    app = build(session, Access(session, trusting=False))
    with TestClient(app, base_url="http://gitlab.example.com") as client:
        yield client


@pytest.fixture
def configure(session):
    """Set something of the configuration, as the file would."""

    def set_(name, value):
        session.config._values[name] = Configured(name, value, "a test", "")

    return set_


@pytest.fixture
def project(session):
    """The project acme/web, number 1, which is private."""
    session.call("project.create", path="acme", kind="group")
    return session.call("project.create", path="acme/web")


@pytest.fixture
def secret(session, project):
    """Make a personal token of a new member of acme/web with this role."""

    def make(role, name=""):
        user = name or role
        session.call("project.member", path="acme/web", user=user, role=role)
        return session.call("project.token.create", name=f"of {user}", owner=user)

    return make


@pytest.fixture
def headers(secret):
    """Make a member's header: ``headers("developer")``."""
    return lambda role: {"PRIVATE-TOKEN": secret(role)}


@pytest.fixture
def client(guarded, headers):
    """A maintainer of acme/web."""
    guarded.headers.update(headers("maintainer"))
    return guarded


@pytest.fixture
def sid(client):
    """The distribution sid of acme/web."""
    return client.post(f"{BASE}/1/debian_distributions?codename=sid").json()


@pytest.fixture
def uploader(guarded, secret):
    """What a developer sends as curl --user does."""
    return ("whoever", secret("developer"))


@pytest.fixture
def hello(tmp_path):
    """The bytes of a package."""
    return build_deb(tmp_path, "hello", "1.0").read_bytes()

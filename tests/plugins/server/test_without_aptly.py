"""A server on which aptly's API is disabled still does everything else."""

import os

import pytest
from starlette.testclient import TestClient

from debrepo.plugins import load_plugins
from debrepo.session import Session
from debrepo.testing.packages import build_deb
from debrepo_server.access import Access
from debrepo_server.app import build


@pytest.fixture
def session(debrepo_root):
    opened = Session(debrepo_root, load_plugins(disabled=["aptly"]))
    yield opened
    opened.close()


@pytest.fixture
def client(session):
    with TestClient(build(session, Access(session, trusting=True)), "http://localhost") as client:
        yield client


def test_routes_of_aptly_are_not_there(client):
    assert client.get("/api/repos").status_code == 404
    assert client.get("/api/publish").status_code == 404


def test_operations_uploads_and_trees_are(client, session, tmp_path):
    def call(operation, **arguments):
        answer = client.post(f"/api/operations/{operation}", json={"arguments": arguments})
        assert answer.status_code == 200, answer.text
        return answer.json()["result"]

    deb = build_deb(tmp_path, "hello")
    call("repo.create", name="web", distribution="stable")
    assert client.put("/api/files/ci/hello.deb", content=deb.read_bytes()).status_code == 200
    call("repo.add", name="web", paths=[{"p": "ci/hello.deb"}])
    call("publish.create", kind="repo", names=["web"], options={"d": [["skip_signing", True]]})
    release = client.get("/repos/-/dists/stable/Release").text
    assert "main/binary-amd64/Packages" in release


def test_status_and_tasks_are(client):
    assert client.get("/api/version").status_code == 200
    assert client.get("/api/tasks").json() == []
    cleanup = client.post(
        "/api/operations/db.cleanup", json={}, headers={"Prefer": "respond-async"}
    )
    assert cleanup.status_code == 202


def test_api_of_gitlab_is(client, session):
    session.call("project.create", path="tools", visibility="public")
    assert client.get("/api/v4/projects/tools/debian_distributions").json() == []


def test_command_line_works_through_the_server(debrepo, serving, tmp_path):
    url = serving(env={**os.environ, "DEBREPO_DISABLE": "aptly"}).url

    def remote(*words):
        return debrepo("--root", tmp_path / "nowhere", "--server", url, *words).stdout

    remote("repo", "create", "web", "--distribution", "stable")
    assert (
        remote("repo", "add", "web", build_deb(tmp_path, "hello")) == "added    hello_1.0_amd64\n"
    )
    remote("publish", "repo", "web", "--skip-signing")
    assert "stable" in remote("publish", "list")
    assert remote("repo", "search", "web", "hello") == "hello_1.0_amd64\n"

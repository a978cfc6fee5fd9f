"""A full disk: 507 in JSON, nothing left behind, and a server that goes on."""

import os

import pytest
from plugins.small_disk import fill, small_disk
from starlette.testclient import TestClient

from debrepo.testing.packages import build_deb
from debrepo_server.access import Access
from debrepo_server.app import build

BODY = {"SourceKind": "local", "Sources": [{"Name": "r"}], "Distribution": "d"}
BODY |= {"Signing": {"Skip": True}}


@pytest.fixture
def debrepo_root(tmp_path):
    """A root on a small disk of its own."""
    with small_disk(tmp_path / "root") as root:
        yield root


@pytest.fixture
def api(session):
    """A server of which a crash is seen as clients see it."""
    app = build(session, Access(session, trusting=True))
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def stocked(api, tmp_path):
    """Upload a package that is large, and make a repository for it."""
    deb = build_deb(tmp_path, paths={"usr/share/noise": os.urandom(3 << 20)})
    assert api.put("/api/files/d/noise.deb", content=deb.read_bytes()).status_code == 200
    assert api.post("/api/repos", json={"Name": "r"}).status_code == 201
    return api


def files(root):
    return sorted(
        str(path)
        for path in root.rglob("*")
        if path.is_file() and path.suffix != ".mdb" and path.name != "claims.lock"
    )


def refused(answer):
    assert answer.status_code == 507, (answer.status_code, answer.text)
    assert "space" in answer.json()["error"] or "full" in answer.json()["error"]


@pytest.mark.parametrize("form", [True, False])
def test_upload_to_a_full_disk_leaves_nothing_behind(api, debrepo_root, form):
    filler = fill(debrepo_root, leaving=1 << 20)
    before = files(debrepo_root)
    content = bytes(4 << 20)
    if form:
        refused(api.post("/api/files/d", files=[("f", ("a", b"1")), ("f", ("b", content))]))
    else:
        refused(api.put("/api/files/d/f", content=content))
    assert files(debrepo_root) == before
    filler.unlink()
    assert api.put("/api/files/d/f", content=content).status_code == 200


def test_small_upload_to_a_full_disk_leaves_nothing_behind(api, debrepo_root):
    fill(debrepo_root)
    before = files(debrepo_root)
    refused(api.put("/api/files/d/f", content=b"less than a buffer holds"))
    assert files(debrepo_root) == before
    assert list(debrepo_root.glob("upload/.*")) == []


@pytest.mark.lmdb
@pytest.mark.parametrize("how", ["", "?_async=1"])
def test_full_disk_makes_no_repository(stocked, debrepo_root, how):
    filler = fill(debrepo_root)
    answers = [stocked.post(f"/api/repos{how}", json={"Name": f"r{n}"}) for n in range(200)]
    refused(answers[-1])
    assert {answer.status_code for answer in answers} <= {201, 202, 507}
    assert stocked.get("/api/repos").status_code == 200
    assert stocked.get("/api/tasks").status_code == 200
    filler.unlink()
    assert stocked.post("/api/repos", json={"Name": "new"}).status_code == 201


@pytest.mark.lmdb
def test_full_disk_takes_no_package(stocked, debrepo_root):
    filler = fill(debrepo_root, leaving=64 << 10)
    before = files(debrepo_root)
    refused(stocked.post("/api/repos/r/file/d?noRemove=1"))
    assert files(debrepo_root) == before
    filler.unlink()
    assert stocked.post("/api/repos/r/file/d").status_code == 200
    assert len(stocked.get("/api/repos/r/packages").json()) == 1


def test_full_disk_publishes_nothing(stocked, debrepo_root):
    assert stocked.post("/api/repos/r/file/d").status_code == 200
    filler = fill(debrepo_root, leaving=8 << 10)
    refused(stocked.post("/api/publish/p", json=BODY))
    assert not list(debrepo_root.glob("public/**/*Release"))
    assert stocked.get("/api/publish").json() in ([], None)
    filler.unlink()
    assert stocked.post("/api/publish/p", json=BODY).status_code == 201


def test_task_on_a_full_disk_fails_and_says_so(stocked, debrepo_root):
    filler = fill(debrepo_root, leaving=256 << 10)
    accepted = stocked.post("/api/repos/r/file/d?noRemove=1&_async=1").json()
    assert stocked.get(f"/api/tasks/{accepted['ID']}/wait").json()["State"] == 3
    assert "space" in stocked.get(f"/api/tasks/{accepted['ID']}/output").json()
    assert stocked.get(f"/api/tasks/{accepted['ID']}/return_value").json()["Code"] == 507
    filler.unlink()
    assert stocked.post("/api/tasks-clear").status_code == 200

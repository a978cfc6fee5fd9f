"""The upload area."""

import os

import pytest
from starlette.testclient import TestClient

from debrepo.http.receiving import Incoming, delete_aborted
from debrepo.session import Session
from debrepo.testing.packages import build_deb
from debrepo_server.access import Access
from debrepo_server.app import build


def upload(api, directory, *names):
    files = [("file", (name, b"content of " + name.encode())) for name in names]
    return api.post(f"/api/files/{directory}", files=files)


def test_files_of_a_form_are_stored_and_listed(api, session):
    assert upload(api, "d", "a.deb", "b.deb").json() == ["d/a.deb", "d/b.deb"]
    assert api.get("/api/files").json() == ["d"]
    assert api.get("/api/files/d").json() == ["a.deb", "b.deb"]
    assert (session.root / "upload/d/a.deb").read_bytes() == b"content of a.deb"


def test_body_is_stored_as_a_file(api, session):
    assert api.put("/api/files/d/x.changes", content=b"x" * 300_000).json() == ["d/x.changes"]
    assert (session.root / "upload/d/x.changes").stat().st_size == 300_000


def test_encoded_slash_nests_directories(api, session):
    assert api.put("/api/files/a%2Fb/f", content=b"").status_code == 200
    assert (session.root / "upload/a/b/f").exists()
    assert api.get("/api/files/a").json() == ["b", "f"]


@pytest.mark.parametrize("name", ["../../evil", "..\\evil", "/etc/evil", "d/evil"])
def test_file_name_is_reduced_to_its_last_part(api, session, name):
    assert upload(api, "d", name).json() == ["d/evil"]
    assert [path.name for path in (session.root / "upload").rglob("*") if path.is_file()] == [
        "evil"
    ]


@pytest.mark.parametrize("path", ["..%2Fx", "%2e%2e%2Fx", ".hidden", "a%2F..%2F..%2Fb", "x%00y"])
def test_directory_outside_of_the_area_is_refused(api, session, path):
    assert upload(api, path, "f").status_code == 400
    assert api.delete(f"/api/files/{path}").status_code == 400
    assert api.get(f"/api/files/{path}").status_code == 400
    assert not (session.root / "x").exists()


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "multipart/form-data"),
        (b"", "multipart/form-data; boundary=x"),
        (b"--x\r\nContent-Dis", "multipart/form-data; boundary=x"),
        (b"--x--\r\n", "multipart/form-data; boundary=x"),
        (b"{}", "application/json"),
    ],
)
def test_malformed_form_leaves_nothing_behind(api, session, content, kind):
    answer = api.post("/api/files/d", content=content, headers={"Content-Type": kind})
    assert answer.status_code == 400
    assert [
        path for path in session.root.glob("upload/*") if path.is_file() or path.name != "d"
    ] == []


def test_deleting_what_is_not_there_is_no_error(api):
    assert api.delete("/api/files/none").json() == {}
    assert api.delete("/api/files/none/f").json() == {}
    assert api.get("/api/files/none").status_code == 404


def test_directory_goes_with_what_is_in_it(api, session):
    upload(api, "d", "a", "b")
    assert api.delete("/api/files/d/a").json() == {}
    assert api.get("/api/files/d").json() == ["b"]
    assert api.delete("/api/files/d").json() == {}
    assert not (session.root / "upload/d").exists()


def test_upload_whose_server_died_is_forgotten_and_no_other(session):
    going_on, aborted, begun = (Incoming(session.root, "d") for _ in range(3))
    for incoming in (going_on, aborted, begun):
        incoming.begin("f")
    for died in (aborted, begun):
        died._file.close()
        os.close(died._lock)
    for incoming in (going_on, aborted):
        os.utime(incoming._staging, (0, 0))
    delete_aborted(session.root)
    left = {path.name for path in session.root.glob("upload/.*")}
    assert left == {going_on._staging.name, begun._staging.name}
    going_on.end()
    assert going_on.commit() == ["f"]
    going_on.close()


@pytest.fixture
def nodes(session, tmp_path, monkeypatch):
    """Return clients of two servers with roots of their own, and one directory for uploads."""
    monkeypatch.setenv("DEBREPO_UPLOADS_DIRECTORY", str(tmp_path / "shared"))
    other = Session(tmp_path / "other", session.plugins)
    with (
        TestClient(
            build(session, Access(session, trusting=True)), base_url="http://localhost"
        ) as one,
        TestClient(build(other, Access(other, trusting=True)), base_url="http://localhost") as two,
    ):
        yield one, two
    other.close()


def test_what_was_uploaded_to_one_node_is_added_on_another(nodes, session, tmp_path):
    one, two = nodes
    deb = build_deb(tmp_path, "hello")
    assert one.put(f"/api/files/d/{deb.name}", content=deb.read_bytes()).status_code == 200
    assert two.get("/api/files/d").json() == [deb.name]
    two.post("/api/repos", json={"Name": "web"})
    assert two.post("/api/repos/web/file/d").json()["FailedFiles"] == []
    assert len(two.get("/api/repos/web/packages").json()) == 1
    assert one.get("/api/files/d").status_code == 404
    assert not (session.root / "upload").exists()
    assert not (tmp_path / "other/upload").exists()


def test_operation_takes_files_that_were_uploaded_to_another_node(nodes, tmp_path):
    one, two = nodes
    deb = build_deb(tmp_path, "hello")
    one.put(f"/api/files/~d/{deb.name}", content=deb.read_bytes())
    two.post("/api/repos", json={"Name": "web"})
    arguments = {"name": "web", "paths": [{"p": f"~d/{deb.name}"}]}
    answer = two.post("/api/operations/repo.add", json={"arguments": arguments})
    assert (answer.status_code, answer.text) == (200, answer.text)
    assert len(two.get("/api/repos/web/packages").json()) == 1

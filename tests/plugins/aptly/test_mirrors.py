"""The routes of mirrors, as part 2.4 of aptly's interface has them."""

import subprocess
import sys

import pytest
from aptly_api import Client
from aptly_api.base import AptlyAPIException
from plugins.mirror.archives import Key, SmallArchive
from upstream import serving

from debrepo import leases


@pytest.fixture(scope="module")
def key():
    key = Key()
    yield key
    key.close()


@pytest.fixture
def upstream(tmp_path, key):
    """Serve an archive of three packages."""
    archive = SmallArchive(tmp_path / "archive", key)
    archive.fields = {"Origin": "Example", "NotAutomatic": "yes"}
    for name in ("alpha", "beta", "gamma"):
        archive.deb(name)
    archive.write()
    with serving(archive.root) as server:
        server.archive = archive
        yield server


@pytest.fixture
def trusting(api, key):
    """Trust the key of the archive."""
    answer = api.post("/api/gpg/key", json={"GpgKeyArmor": key.public})
    assert answer.status_code == 200, answer.text
    return api


@pytest.fixture
def created(trusting, upstream):
    """Create the mirror ``m``; return how the server has answered."""
    body = {"Name": "m", "ArchiveURL": upstream.url, "Distribution": "stable"}
    return trusting.post("/api/mirrors", json=body)


@pytest.fixture
def updated(api, created):
    """Create and update the mirror ``m``."""
    assert created.status_code == 201, created.text
    answer = api.put("/api/mirrors/m", json={})
    assert answer.status_code == 204, answer.text
    return api


def test_post_mirrors(created, upstream, api):
    assert created.status_code == 201
    found = created.json()
    meta, uuid = found.pop("Meta"), found.pop("UUID")
    assert len(uuid) == 36
    assert meta["Origin"] == "Example"
    assert not {"MD5Sum", "SHA256"} & meta.keys()
    assert found == {
        "Name": "m",
        "ArchiveRoot": upstream.url,
        "Distribution": "stable",
        "Components": ["main"],
        "Architectures": ["amd64"],
        "LastDownloadDate": "0001-01-01T00:00:00Z",
        "Filter": "",
        "Status": 0,
        "WorkerPID": 0,
        "FilterWithDeps": False,
        "SkipComponentCheck": False,
        "SkipArchitectureCheck": False,
        "DownloadSources": False,
        "DownloadUdebs": False,
        "DownloadInstaller": False,
        "DownloadAppStream": False,
    }


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"Name": ""}, 400),
        ({"ArchiveURL": ""}, 400),
        ({"Distribution": ""}, 400),
        ({"Name": "m"}, 409),
        ({"Filter": "((("}, 400),
        ({"Distribution": "none"}, 400),
        ({"ArchiveURL": "ppa:nonsense", "Distribution": ""}, 400),
        ({"Distribution": "./", "Components": ["main"]}, 400),
        ({"Distribution": "./", "DownloadUdebs": True}, 400),
        ({"Distribution": "./", "DownloadAppStream": True}, 400),
        ({"Components": ["none"]}, 400),
        ({"Architectures": ["none"]}, 400),
        ({"Keyrings": ["../etc/passwd"]}, 400),
    ],
)
def test_post_mirrors_of_what_cannot_be(created, upstream, api, wrong, status):
    body = {"Name": "n", "ArchiveURL": upstream.url, "Distribution": "stable", **wrong}
    answer = api.post("/api/mirrors", json=body)
    assert answer.status_code == status, answer.text
    assert [one["Name"] for one in api.get("/api/mirrors").json()] == ["m"]


def test_archive_that_nobody_trusted_has_signed_is_no_mirror(api, upstream):
    body = {"Name": "m", "ArchiveURL": upstream.url, "Distribution": "stable"}
    answer = api.post("/api/mirrors", json=body)
    assert answer.status_code == 400
    assert "key" in answer.json()["error"]
    body["IgnoreSignatures"] = True
    assert api.post("/api/mirrors", json=body).status_code == 201


def test_password_in_a_url_goes_into_no_task(trusting, upstream):
    url = upstream.url.replace("//", "//ann:hunter2@")
    body = {"Name": "m", "ArchiveURL": url, "Distribution": "stable"}
    for route in ("/api/mirrors", "/api/mirrors/m"):
        answer = trusting.post(route, json=body)
        assert answer.status_code == 400
        assert "hunter2" not in answer.text
    assert trusting.put("/api/mirrors/m", json=body).status_code == 400
    assert trusting.get("/api/tasks").json() == []


def test_get_mirrors(updated):
    (found,) = updated.get("/api/mirrors").json()
    assert (found["Name"], found["NumPackages"]) == ("m", 3)


def test_get_mirror(updated):
    found = updated.get("/api/mirrors/m").json()
    assert found["LastDownloadDate"].startswith("20")
    assert found["LastDownloadDate"].endswith("Z")
    assert "NumPackages" not in found
    assert updated.get("/api/mirrors/none").status_code == 404


def test_mirror_says_who_updates_it(created, api, debrepo_root):
    with leases.hold(debrepo_root, "mirror:m") as lease:
        found = api.get("/api/mirrors/m").json()
        assert (found["Status"], found["WorkerPID"]) == (1, lease.pid)
        assert api.get("/api/mirrors").json()[0]["Status"] == 1


def test_post_mirror(created, api, upstream):
    body = {"Filter": "alpha", "FilterWithDeps": True, "DownloadUdebs": True}
    found = api.post("/api/mirrors/m", json=body).json()
    assert (found["Filter"], found["FilterWithDeps"], found["DownloadUdebs"]) == (
        "alpha", True, True,
    )  # fmt: skip
    assert api.post("/api/mirrors/m", json={"Filter": ""}).json()["Filter"] == ""
    for wrong, status in (
        ({"Filter": "((("}, 400),
        ({"ArchiveURL": upstream.url + "none"}, 400),
        ({"Architectures": ["none"]}, 400),
    ):
        assert api.post("/api/mirrors/m", json=wrong).status_code == status
    assert api.post("/api/mirrors/none", json={}).status_code == 404
    upstream.clear()
    api.post("/api/mirrors/m", json={"Filter": "beta"})
    assert upstream.asked() == []
    api.post("/api/mirrors/m", json={"Components": ["main"], "Architectures": ["amd64"]})
    assert upstream.asked() == []


def test_put_mirror(created, api, upstream):
    assert api.put("/api/mirrors/m", json={}).content == b""
    assert len(api.get("/api/mirrors/m/packages").json()) == 3
    upstream.archive.deb("alpha", "2.0")
    upstream.archive.write()
    assert api.put("/api/mirrors/m", json={"LatestOnly": True}).status_code == 204
    assert len(api.get("/api/mirrors/m/packages").json()) == 3
    assert api.put("/api/mirrors/none", json={}).status_code == 404
    assert api.put("/api/mirrors/m", json={"Keyrings": ["../none"]}).status_code == 400


def test_put_mirror_renames_and_edits_as_older_releases_do(created, api):
    api.post("/api/repos", json={"Name": "r"})
    assert api.put("/api/mirrors/m", json={"Name": "n", "Filter": "alpha"}).status_code == 204
    found = api.get("/api/mirrors/n").json()
    assert found["Filter"] == "alpha"
    assert found["UUID"] == created.json()["UUID"]
    assert len(api.get("/api/mirrors/n/packages").json()) == 1
    assert api.get("/api/mirrors/m").status_code == 404


def test_put_mirror_under_a_taken_name(created, api, upstream):
    body = {"Name": "n", "ArchiveURL": upstream.url, "Distribution": "stable"}
    api.post("/api/mirrors", json=body)
    assert api.put("/api/mirrors/m", json={"Name": "n"}).status_code == 409


def test_put_mirror_as_a_task(created, api):
    answer = api.put("/api/mirrors/m?_async=1", json={})
    assert answer.json()["Name"] == "Update mirror m"
    number = answer.json()["ID"]
    assert api.get(f"/api/tasks/{number}/wait").json()["State"] == 2
    assert api.get(f"/api/tasks/{number}/return_value").json() == {"Code": 204, "Value": None}
    assert api.get("/api/mirrors").json()[0]["NumPackages"] == 3


def test_task_says_how_much_there_is_to_fetch(created, api, upstream):
    upstream.fault("pool/*beta*", "hold", keep=10)
    number = api.put("/api/mirrors/m?_async=1", json={}).json()["ID"]
    upstream.wait_for(1, "pool/*beta*")
    detail = api.get(f"/api/tasks/{number}/detail").json()
    upstream.release()
    assert detail["TotalNumberOfPackages"] == 3
    assert detail["RemainingNumberOfPackages"] >= 1
    assert detail["TotalDownloadSize"] >= detail["RemainingDownloadSize"] > 0
    assert api.get(f"/api/tasks/{number}/wait").json()["State"] == 2


def test_task_that_is_cancelled_changes_nothing(created, api, upstream):
    upstream.fault("pool/*beta*", "hold", keep=10, times=None)
    number = api.put("/api/mirrors/m?_async=1", json={}).json()["ID"]
    upstream.wait_for(1, "pool/*beta*")
    assert api.post(f"/api/tasks/{number}/cancel").status_code == 200
    assert api.get(f"/api/tasks/{number}/wait").json()["State"] == 3
    upstream.release()
    assert api.get("/api/mirrors/m/packages").status_code == 404
    assert api.get("/api/mirrors/m").json()["Status"] == 0


HOLDER = """
import pathlib, sys
from debrepo import leases
with leases.hold(pathlib.Path(sys.argv[1]), "mirror:m"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_mirror_that_another_process_updates_is_left_alone(created, api, debrepo_root):
    command = [sys.executable, "-c", HOLDER, str(debrepo_root)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as holder:
        assert holder.stdout.readline() == "held\n"
        assert api.get("/api/mirrors/m").json()["WorkerPID"] == holder.pid
        assert api.post("/api/mirrors/m", json={"Filter": "x"}).status_code == 409
        assert api.delete("/api/mirrors/m").status_code == 409
        assert api.put("/api/mirrors/m", json={"Name": "n"}).status_code == 409
        holder.stdin.close()
        holder.wait()
    assert api.delete("/api/mirrors/m").status_code == 204


def test_update_that_fails_is_told_by_its_status(created, api, upstream):
    upstream.hide("pool/*")
    answer = api.put("/api/mirrors/m", json={})
    assert answer.status_code == 502
    assert "pool/" in answer.json()["error"]
    assert api.get("/api/mirrors/m/packages").status_code == 404


def test_get_mirror_packages(updated):
    keys = updated.get("/api/mirrors/m/packages").json()
    assert [key.split()[1] for key in keys] == ["alpha", "beta", "gamma"]
    assert len(updated.get("/api/mirrors/m/packages?q=alpha").json()) == 1
    (found,) = updated.get("/api/mirrors/m/packages?q=alpha&format=details").json()
    assert found["Package"] == "alpha"
    answer = updated.get("/api/mirrors/m/packages")
    again = updated.get(
        "/api/mirrors/m/packages", headers={"If-None-Match": answer.headers["ETag"]}
    )
    assert again.status_code == 304
    assert updated.get("/api/mirrors/m/packages?q=(((").status_code == 400
    assert updated.get("/api/mirrors/none/packages").status_code == 404


def test_packages_before_the_first_update_are_not_there(created, api):
    assert api.get("/api/mirrors/m/packages").status_code == 404


def test_post_mirror_snapshots(updated):
    answer = updated.post("/api/mirrors/m/snapshots", json={"Name": "s"})
    assert answer.status_code == 201
    found = answer.json()
    assert (found["SourceKind"], found["Origin"], found["NotAutomatic"]) == (
        "repo", "Example", "yes",
    )  # fmt: skip
    assert found["Description"].startswith("Snapshot from mirror [m]: http://")
    assert updated.post("/api/mirrors/m/snapshots", json={"Name": "s"}).status_code == 400
    assert updated.post("/api/mirrors/m/snapshots", json={}).status_code == 400
    assert updated.post("/api/mirrors/none/snapshots", json={"Name": "t"}).status_code == 404


def test_snapshot_before_the_first_update_is_refused(created, api):
    answer = api.post("/api/mirrors/m/snapshots", json={"Name": "s"})
    assert (answer.status_code, answer.json()["error"]) == (400, "mirror not updated")


def test_delete_mirror(updated):
    updated.post("/api/mirrors/m/snapshots", json={"Name": "s"})
    assert updated.delete("/api/mirrors/m").status_code == 403
    answer = updated.delete("/api/mirrors/m?force=1")
    assert (answer.status_code, answer.content) == (204, b"")
    assert updated.delete("/api/mirrors/m").status_code == 404


def test_published_client_goes_from_mirror_to_publication(serving, upstream, key):
    """The client sends no signatures' keys, and edits with the request that updates."""
    url = serving().url
    client = Client(url)
    made = client.mirrors.create(
        "m", upstream.url, "stable", components=["main"], ignore_signatures=True
    )
    assert (made.name, made.components, made.status) == ("m", ["main"], 0)
    client.mirrors.edit("m", newname="n", filter="alpha", ignore_signatures=True)
    assert [one.name for one in client.mirrors.list()] == ["n"]
    (package,) = client.mirrors.list_packages("n", detailed=True)
    assert package.fields["Package"] == "alpha"
    client.mirrors.update("n", ignore_signatures=True)
    assert client.mirrors.show("n").filter == "alpha"
    snapshot = client.snapshots.create_from_mirror("n", "s", "one package")
    assert (snapshot.name, snapshot.description) == ("s", "one package")
    with pytest.raises(AptlyAPIException, match="is used by snapshot s"):
        client.mirrors.delete("n")
    client.snapshots.delete("s")
    client.mirrors.delete("n")
    assert client.mirrors.list() == []

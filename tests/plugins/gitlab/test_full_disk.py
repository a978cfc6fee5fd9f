"""A full disk: lists and packages are read, changes are refused, and all goes on."""

import pytest
from plugins.small_disk import fill, small_disk

from debrepo.testing.packages import build_deb

PROJECT = "/api/v4/projects/1"
APT = f"{PROJECT}/packages/debian"
POOL = f"{APT}/pool/main/h/hello/hello_1.0_amd64.deb"


@pytest.fixture(autouse=True)
def unsigned(monkeypatch):
    monkeypatch.setenv("DEBREPO_PUBLISH_SKIP_SIGNING", "true")


@pytest.fixture
def debrepo_root(tmp_path):
    """A root on a small disk of its own."""
    with small_disk(tmp_path / "root") as root:
        yield root


@pytest.fixture
def stocked(guarded, uploader, session, hello):
    """A developer of acme/web, whose distribution sid has the package hello."""
    session.call("distribution.create", container="acme/web", codename="sid")
    guarded.auth = uploader
    guarded.headers["PRIVATE-TOKEN"] = uploader[1]
    assert upload(guarded, "hello", hello).status_code == 201
    return guarded


def upload(client, name, content):
    query = "distribution=sid&component=main&wait=published"
    return client.put(f"{APT}/{name}_1.0_amd64.deb?{query}", content=content)


def names(client):
    answer = client.get(f"{PROJECT}/packages")
    assert answer.status_code == 200, answer.text
    return sorted(row["name"] for row in answer.json())


def test_full_disk_takes_no_upload_and_shows_what_is_there(stocked, session, tmp_path):
    late = build_deb(tmp_path, "late").read_bytes()
    filler = fill(session.root)
    answer = upload(stocked, "late", late)
    assert (answer.status_code, "No space" in answer.text) == (507, True)
    assert names(stocked) == ["hello"]
    for path in (POOL, f"{APT}/dists/sid/Release", f"{PROJECT}/debian_distributions"):
        assert stocked.get(path).status_code == 200
    left = [path for path in (session.root / "gitlab").rglob("*") if path.is_file()]
    assert left == []
    filler.unlink()
    assert upload(stocked, "late", late).status_code == 201
    assert names(stocked) == ["hello", "late"]

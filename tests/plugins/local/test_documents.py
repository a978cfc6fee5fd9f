"""The .changes and .buildinfo files of uploads, kept as long as their packages."""

import hashlib
import json
import os
from pathlib import Path

import pytest
from plugins.local.uploads import changes

from debrepo.testing.packages import build_deb
from debrepo_local.documents import DOCUMENTS


@pytest.fixture
def unstable(debrepo):
    debrepo("repo", "create", "unstable")
    return debrepo


def upload(incoming, version="1.0-1", **fields):
    """Write an upload with a .buildinfo, and return the bytes of its .changes."""
    deb = build_deb(incoming, version=version)
    buildinfo = incoming / f"hello_{version}_amd64.buildinfo"
    buildinfo.write_text(f"Format: 1.0\nSource: hello\nVersion: {version}\n")
    name = f"hello_{version}_amd64.changes"
    path = changes(incoming, deb, buildinfo, name=name, Version=version, **fields)
    return path.read_bytes()


def include(debrepo, incoming):
    debrepo("repo", "include", "--accept-unsigned", incoming)


def names(debrepo, repo="unstable", *words):
    found = json.loads(debrepo("repo", "documents", repo, "--json", *words).stdout)
    return sorted(one["file"]["name"] for one in found)


def test_documents_of_an_upload_are_kept_byte_for_byte(unstable, incoming, tmp_path):
    data = upload(incoming)
    include(unstable, incoming)
    assert names(unstable) == ["hello_1.0-1_amd64.buildinfo", "hello_1.0-1_amd64.changes"]
    shown = unstable("repo", "document", "unstable", "hello_1.0-1_amd64.changes")
    assert shown.stdout_bytes == data
    target = tmp_path / "buildinfo"
    unstable("repo", "document", "unstable", "hello_1.0-1_amd64.buildinfo", "--output", target)
    assert target.read_text() == "Format: 1.0\nSource: hello\nVersion: 1.0-1\n"
    line = unstable("repo", "documents", "unstable", "--source", "hello").output.splitlines()[0]
    assert line.split()[1:3] == ["hello", "1.0-1"]
    assert names(unstable, "unstable", "--source", "other") == []


def test_watched_uploads_are_kept_too(unstable, incoming):
    upload(incoming)
    unstable("repo", "watch", incoming, "--once", "--settle", "0", "--accept-unsigned")
    assert len(names(unstable)) == 2


def test_documents_survive_a_cleanup_and_go_with_the_last_package(unstable, incoming, debrepo_root):
    data = upload(incoming)
    include(unstable, incoming)
    upload(incoming, "2.0-1")
    include(unstable, incoming)
    unstable("db", "cleanup")
    digest = hashlib.sha256(data).hexdigest()
    kept = debrepo_root / "pool" / digest[:2] / digest[2:]
    assert kept.exists()
    unstable("repo", "prune", "unstable", "--keep", "1")
    assert names(unstable) == ["hello_2.0-1_amd64.buildinfo", "hello_2.0-1_amd64.changes"]
    unstable("db", "cleanup")
    assert not kept.exists()


def test_documents_stay_while_one_package_of_the_upload_does(unstable, incoming):
    debs = [build_deb(incoming, name, "1.0-1") for name in ("hello", "world")]
    changes(incoming, *debs, Binary="hello world")
    include(unstable, incoming)
    unstable("repo", "remove", "unstable", "world")
    assert names(unstable) == ["hello.changes"]
    unstable("repo", "remove", "unstable", "hello")
    assert names(unstable) == []


def test_upload_that_comes_again_replaces_its_documents(unstable, incoming):
    upload(incoming)
    include(unstable, incoming)
    data = upload(incoming, Urgency="high")
    include(unstable, incoming)
    assert len(names(unstable)) == 2
    shown = unstable("repo", "document", "unstable", "hello_1.0-1_amd64.changes")
    assert shown.stdout_bytes == data


def test_refused_upload_leaves_no_documents(unstable, incoming):
    upload(incoming)
    include(unstable, incoming)
    deb = build_deb(incoming, version="1.0-1", fields={"Section": "other"})
    changes(incoming, deb, name="other.changes")
    unstable("repo", "include", "--accept-unsigned", incoming, exit_code=1)
    assert "other.changes" not in names(unstable)


def test_documents_follow_a_renamed_repository_and_go_with_a_dropped_one(
    unstable, incoming, session
):
    session.call("repo.create", name="a")
    upload(incoming, Distribution="a")
    list(session.call("repo.include", paths=[incoming], accept_unsigned=True))
    session.call("repo.rename", name="a", new_name="b" * 200)
    assert len(session.call("repo.documents", name="b" * 200)) == 2
    session.call("repo.drop", name="b" * 200)
    with session.db.read() as txn:
        assert not txn[DOCUMENTS]


def test_document_that_is_not_there_is_an_error(unstable):
    result = unstable("repo", "document", "unstable", "none.changes", exit_code=3)
    assert result.output == (
        "Error: unstable has no document none.changes\n"
        'Hint: run "debrepo repo documents unstable"\n'
    )
    assert "no repository called none" in unstable("repo", "documents", "none", exit_code=3).output


def test_documents_are_listed_and_sent_over_http(session, api, incoming):
    session.call("repo.create", name="unstable")
    data = upload(incoming)
    list(session.call("repo.include", paths=[incoming], accept_unsigned=True))
    found = api.get("/api/repos/unstable/documents").json()
    assert [one["Name"].partition("_amd64")[2] for one in found] == [".changes", ".buildinfo"]
    assert found[0]["SHA256"] == hashlib.sha256(data).hexdigest()
    assert found[0]["Packages"][0].startswith("Pamd64 hello 1.0-1 ")
    assert api.get("/api/repos/unstable/documents?source=other").json() == []
    sent = api.get(f"/api/repos/unstable/documents/{found[0]['Name']}")
    assert sent.content == data
    assert sent.headers["content-disposition"].endswith("hello_1.0-1_amd64.changes")
    assert api.get("/api/repos/unstable/documents/none").status_code == 404
    assert api.get("/api/repos/none/documents").status_code == 404


def test_name_that_is_no_text_is_kept_as_far_as_it_is(unstable, incoming):
    upload(incoming)
    path = incoming / "hello_1.0-1_amd64.changes"
    path.rename(Path(os.fsdecode(os.fsencode(incoming) + b"/odd\xff.changes")))
    include(unstable, incoming)
    assert names(unstable) == ["hello_1.0-1_amd64.buildinfo", "odd?.changes"]

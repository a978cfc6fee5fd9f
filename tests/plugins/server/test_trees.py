"""Published trees, as clients read them."""

import pytest
import requests

from debrepo.testing.packages import build_deb


@pytest.fixture
def file(session):
    path = session.root / "public/web/dists/stable/InRelease"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"0123456789")
    return "/repos/-/web/dists/stable/InRelease"


def test_file_is_sent_with_what_caches_need(api, file):
    answer = api.get(file)
    assert answer.content == b"0123456789"
    assert answer.headers["cache-control"] == "public, no-cache"
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert {"etag", "last-modified", "accept-ranges"} <= set(answer.headers)


def test_archive_of_any_time_is_found_by_its_nearest_name(api, session, tmp_path, monkeypatch):
    session.config.override("publish.skip_signing", True, "the test")
    session.call("repo.create", name="tools")
    list(session.call("repo.add", name="tools", paths=[build_deb(tmp_path, "hello")]))
    for number in range(2):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", str(1_800_000_000 + number * 86400))
        words = {"distribution": "stable", "place": "web", "options": {"snapshots": "all"}}
        if number:
            session.call("publish.update", **words, force=True)
        else:
            session.call("publish.create", kind="repo", names=["tools"], **words)
    for moment, found in (("20270115T235959Z", "15"), ("20270117T000000Z", "16")):
        answer = api.get(f"/repos/-/web/snapshots/{moment}/dists/stable/Release")
        assert f"Date: {'Fri' if found == '15' else 'Sat'}, {found} Jan 2027" in answer.text
    hello = "pool/main/h/hello/hello_1.0_amd64.deb"
    assert api.get(f"/repos/-/web/snapshots/20270115T235959Z/{hello}").content
    for path in ("20270101T000000Z/dists/stable/Release", "20270115T235959Z/dists/other/Release"):
        assert api.get(f"/repos/-/web/snapshots/{path}").status_code == 404


def test_storage_may_be_spelt_as_aptly_does(debrepo_root, serving):
    (debrepo_root / "disk").mkdir(parents=True)
    (debrepo_root / "disk/x").write_bytes(b"x")
    (debrepo_root / "debrepo.toml").write_text('[storage.fs.disk]\nroot = "disk"\n')
    url = serving().url
    for spelling in ("fs:disk", "filesystem:disk", "disk"):
        assert requests.get(f"{url}/repos/{spelling}/x", timeout=60).content == b"x"


def test_head_says_what_get_would(api, file):
    assert api.head(file).headers["content-length"] == "10"
    assert api.head(file).content == b""


@pytest.mark.parametrize(
    ("asked", "status", "content"),
    [
        ("bytes=2-4", 206, b"234"),
        ("bytes=7-", 206, b"789"),
        ("bytes=-3", 206, b"789"),
        ("bytes=4-100", 206, b"456789"),
        ("bytes=0-", 200, b"0123456789"),
        ("bytes=10-", 416, b""),
        ("bytes=-0", 416, b""),
        ("bytes=1-2,4-5", 200, b"0123456789"),
        ("lines=1-2", 200, b"0123456789"),
        ("bytes=5-2", 200, b"0123456789"),
    ],
)
def test_range_is_sent(api, file, asked, status, content):
    answer = api.get(file, headers={"Range": asked})
    assert (answer.status_code, answer.content) == (status, content)


def test_range_of_a_file_that_has_changed_is_sent_whole(api, file):
    etag = api.get(file).headers["etag"]
    for condition, status in ((etag, 206), ('"other"', 200)):
        answer = api.get(file, headers={"Range": "bytes=1-2", "If-Range": condition})
        assert answer.status_code == status


def test_client_that_has_the_file_gets_304(api, file):
    known = api.get(file).headers
    assert api.get(file, headers={"If-None-Match": known["etag"]}).status_code == 304
    since = {"If-Modified-Since": known["last-modified"]}
    assert api.get(file, headers=since).status_code == 304
    assert api.get(file, headers={"If-None-Match": '"x"', **since}).status_code == 200


def test_pool_may_be_kept_for_a_year(api, session):
    path = session.root / "public/web/pool/main/h/hello.deb"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"x")
    assert "immutable" in api.get("/repos/-/web/pool/main/h/hello.deb").headers["cache-control"]


@pytest.mark.parametrize(
    "path",
    [
        "/repos/-/none",
        "/repos/-/",
        "/repos/-/web",
        "/repos/none/x",
        "/repos/fs:none/x",
        "/repos/-/..%2F..%2Fetc/passwd",
        "/repos/-/%2e%2e/db/data.mdb",
        "/repos/-//etc/passwd",
        "/repos/-/x%00y",
        "/repos/-/" + "x" * 5000,
        "/repos/-/web/.hidden",
    ],
)
def test_what_is_not_published_is_not_found(api, file, path):
    assert api.get(path).status_code == 404


def test_storages_are_listed_with_and_without_a_slash(api):
    assert '<a href="-/">' in api.get("/repos").text
    assert '<a href="-/">' in api.get("/repos/").text

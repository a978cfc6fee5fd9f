"""What apt reads, and uploads by curl."""

import gzip
import hashlib
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest

from debrepo import clock
from debrepo.testing.packages import build_deb
from debrepo_gitlab import publishing
from debrepo_gpg.operations import opened

PROJECT = "/api/v4/projects/1"
APT = f"{PROJECT}/packages/debian"
SID = "distribution=sid&component=main"


@pytest.fixture(autouse=True)
def unsigned(request, monkeypatch):
    """Spare the tests that are about something else the making of keys."""
    if "sign" not in request.node.name:
        monkeypatch.setenv("DEBREPO_PUBLISH_SKIP_SIGNING", "true")


@pytest.fixture
def apt(guarded, uploader, session):
    """A developer of acme/web, as curl --user is one; there is the distribution sid."""
    session.call("distribution.create", container="acme/web", codename="sid")
    guarded.auth = uploader
    return guarded


@pytest.fixture
def published(apt, hello):
    """The same, when hello has been uploaded and clients see it."""
    answer = apt.put(f"{APT}/hello_1.0_amd64.deb?{SID}&wait=published", content=hello)
    assert answer.status_code == 201, answer.text
    return apt


def test_upload_joins_the_distribution(published, hello):
    packages = published.get(f"{APT}/dists/sid/main/binary-amd64/Packages").text
    assert "Package: hello\n" in packages
    (path,) = [line[10:] for line in packages.splitlines() if line.startswith("Filename: ")]
    assert published.get(f"{APT}/{path}").content == hello


def test_upload_answers_as_gitlab_does_and_says_when_it_is_live(apt, hello):
    url = f"{APT}/hello_1.0_amd64.deb?{SID}"
    answer = apt.put(url, content=hello)
    assert (answer.status_code, answer.text) == (201, '{"message": "201 Created"}')
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["location"].startswith("/api/tasks/")
    assert apt.put(f"{url}&wait=published", content=hello).headers["x-published"] == "true"


@pytest.mark.parametrize("again", [True, False])
def test_upload_into_a_distribution_that_is_dropped_is_never_said_to_be_live(
    apt, session, hello, monkeypatch, again
):
    settle = publishing.settle

    def late(server, key, wanted):
        session.call("distribution.drop", container="acme/web", codename="sid")
        if again:
            session.call("distribution.create", container="acme/web", codename="sid")
        return settle(server, key, wanted)

    monkeypatch.setattr(publishing, "settle", late)
    answer = apt.put(f"{APT}/hello_1.0_amd64.deb?{SID}&wait=published", content=hello)
    assert answer.status_code == 201
    assert "x-published" not in answer.headers


def test_ten_uploads_at_once_are_one_publish(apt, session, tmp_path):
    apt.get("/api/version")
    files = [build_deb(tmp_path, f"p{number}").read_bytes() for number in range(10)]
    with ThreadPoolExecutor(4) as pool:
        sent = pool.map(
            lambda item: apt.put(f"{APT}/p{item[0]}_1.0_amd64.deb?{SID}", content=item[1]),
            enumerate(files),
        )
        assert [answer.status_code for answer in sent] == [201] * 10
    apt.put(f"{APT}/p0_1.0_amd64.deb?{SID}&wait=published", content=files[0])
    shown = session.call("publish.show", distribution="sid", place="projects/1")
    assert apt.get(f"{APT}/dists/sid/main/binary-amd64/Packages").text.count("Package: ") == 10
    assert len(shown.generations) <= 3


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self):
        self.now = 1_900_000_000.0

    def time(self):
        return self.now

    monotonic = time

    def sleep(self, seconds):
        self.now += seconds


def test_uploads_are_published_once_a_second_at_most(published, session, monkeypatch, tmp_path):
    clock = Clock()
    monkeypatch.setattr(publishing, "time", clock)
    begun = []

    def upload(number):
        path = build_deb(tmp_path, f"more{number}")
        words = {"container": "acme/web", "distribution": "sid", "component": "main"}
        received = session.call("distribution.upload", paths=[path], **words)
        assert publishing.settle(session, "project:1\0sid", received.serial)
        begun.append(clock.now)
        session.call("distribution.publish", container="acme/web", codename="sid")
        assert not publishing.settle(session, "project:1\0sid", received.serial)

    for number in range(5):
        upload(number)
    assert min(later - one for one, later in pairwise(begun)) >= 1
    assert max(later - one for one, later in pairwise(begun)) < 2


def test_suite_is_another_name_for_apt(published, session):
    session.call(
        "distribution.edit", container="acme/web", codename="sid", fields={"suite": "unstable"}
    )
    there = published.get(f"{APT}/dists/unstable/main/binary-amd64/Packages")
    assert there.status_code == 200
    assert published.get(f"{APT}/dists/stable/Release").status_code == 404


def test_release_lists_what_by_hash_has(published):
    release = published.get(f"{APT}/dists/sid/Release").text
    assert "Acquire-By-Hash: yes\n" in release
    (line,) = [ln for ln in release.splitlines() if ln.endswith(" main/binary-amd64/Packages")]
    digest, size, path = line.split()
    data = published.get(f"{APT}/dists/sid/main/binary-amd64/by-hash/SHA256/{digest}").content
    assert (len(data), hashlib.sha256(data).hexdigest()) == (int(size), digest)
    assert published.get(f"{APT}/dists/sid/{path}").content == data
    missing = published.get(f"{APT}/dists/sid/main/binary-amd64/by-hash/SHA256/{'0' * 64}")
    assert missing.status_code == 404


def test_empty_indexes_are_no_content(published):
    nothing = hashlib.sha256(b"").hexdigest()
    for path in (
        "main/source/Sources",
        "main/debian-installer/binary-amd64/Packages",
        f"main/source/by-hash/SHA256/{nothing}",
    ):
        answer = published.get(f"{APT}/dists/sid/{path}")
        assert (path, answer.status_code) in {(path, 204)}


def test_indexes_come_compressed_as_well(published):
    plain = published.get(f"{APT}/dists/sid/main/binary-amd64/Packages").content
    packed = published.get(f"{APT}/dists/sid/main/binary-amd64/Packages.gz").content
    assert gzip.decompress(packed) == plain
    assert published.get(f"{APT}/dists/sid/main/Contents-amd64.gz").status_code == 200


def test_strict_likeness_has_plain_indexes_alone(apt, hello, configure):
    configure("gitlab.strict", True)
    apt.put(f"{APT}/hello_1.0_amd64.deb?{SID}&wait=published", content=hello)
    base = f"{APT}/dists/sid/main/binary-amd64"
    assert apt.get(f"{base}/Packages").status_code == 200
    assert apt.get(f"{base}/Packages.gz").status_code == 404
    assert ".gz" not in apt.get(f"{APT}/dists/sid/Release").text


def test_pool_is_also_where_gitlab_has_it(published, hello):
    place = f"{APT}/pool/sid"
    assert published.get(f"{place}/h/hello/1.0/hello_1.0_amd64.deb").content == hello
    assert published.get(f"{place}/x/hello/1.0/hello_1.0_amd64.deb").status_code == 404
    assert published.get(f"{place}/h/hello/2.0/hello_1.0_amd64.deb").status_code == 404


def test_part_of_a_file_is_sent(published, hello):
    url = f"{APT}/pool/main/h/hello/hello_1.0_amd64.deb"
    answer = published.get(url, headers={"Range": "bytes=8-"})
    assert (answer.status_code, answer.content) == (206, hello[8:])
    assert published.head(url).headers["content-length"] == str(len(hello))
    assert "private" in answer.headers["cache-control"]


def test_signed_release_is_there_in_both_forms(guarded, session, uploader):
    session.call("distribution.create", container="acme/web", codename="sid")
    session.call("distribution.publish", container="acme/web", codename="sid")
    inline = guarded.get(f"{APT}/dists/sid/InRelease", auth=uploader).text
    answer = guarded.get(f"{APT}/dists/sid/Release.gpg", auth=uploader)
    assert answer.headers["content-type"].startswith("text/plain")
    detached = answer.text
    assert inline.startswith("-----BEGIN PGP SIGNED MESSAGE-----")
    assert detached.startswith("-----BEGIN PGP SIGNATURE-----")


def test_distribution_with_a_time_of_validity_is_renewed(guarded, session, uploader, monkeypatch):
    session.call("distribution.create", container="acme/web", codename="sid", valid_for=864000)
    session.call("distribution.publish", container="acme/web", codename="sid")
    assert session.call("publish.renew").due == {}
    later = clock.now() + 8 * 86400
    monkeypatch.setattr("debrepo.clock.now", lambda: later)
    before = guarded.get(f"{APT}/dists/sid/Release", auth=uploader).text
    (done,) = session.call("publish.renew").done
    assert (done.failed, done.expires) == ("", later + 864000)
    after = guarded.get(f"{APT}/dists/sid/Release", auth=uploader).text
    changed = [line for line in after.splitlines() if line not in before.splitlines()]
    assert [line.partition(":")[0] for line in changed] == ["Date", "Valid-Until"]
    assert session.call("publish.renew").due == {}


def test_upload_that_cannot_be_signed_is_stored_and_tried_again(
    guarded, session, uploader, hello, tmp_path
):
    session.call("distribution.create", container="acme/web", codename="sid")
    session.call("distribution.publish", container="acme/web", codename="sid")
    url = f"{APT}/hello_1.0_amd64.deb?{SID}&wait=published"
    home = opened(session).home.directory
    home.rename(tmp_path / "kept")
    answer = guarded.put(url, content=hello, auth=uploader)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert "the upload is stored, but cannot be published: " in answer.json()["message"]
    shutil.rmtree(home, ignore_errors=True)
    (tmp_path / "kept").rename(home)
    assert guarded.put(url, content=hello, auth=uploader).status_code == 201
    index = guarded.get(f"{APT}/dists/sid/main/binary-amd64/Packages", auth=uploader)
    assert "Package: hello\n" in index.text


def test_sources_are_listed_where_there_are_none(published):
    release = published.get(f"{APT}/dists/sid/Release").text
    assert " main/source/Sources.xz\n" in release
    assert "Architectures: all amd64\n" in release


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("hello_1.0_amd64.deb?distribution=sid", "component is missing"),
        ("hello_1.0_amd64.deb?component=main", "distribution is missing"),
        ("hello_1.0_amd64.deb?distribution=a_b&component=main", "distribution is invalid"),
        ("hello_1.0_amd64.deb?distribution=sid&component=a/b", "component is invalid"),
        (
            f"hello_1.0.tar.xz?{SID}",
            "file_name Only debs, udebs and ddebs can be directly added to a distribution",
        ),
        (
            f"hello_1.0_amd64.changes?{SID}",
            "file_name Only debs, udebs and ddebs can be directly added to a distribution",
        ),
    ],
)
def test_upload_to_nowhere_is_refused_in_plain_words(apt, hello, target, said):
    answer = apt.put(f"{APT}/{target}", content=hello)
    assert (answer.status_code, answer.text) == (400, said)


def test_upload_to_an_unknown_distribution_is_not_found(apt, hello):
    answer = apt.put(f"{APT}/h_1_all.deb?distribution=x&component=main", content=hello)
    assert (answer.status_code, answer.json()) == (404, {"message": "404 Distribution Not Found"})


@pytest.mark.parametrize(
    ("name", "query", "said"),
    [
        ("hello_1.0_amd64.deb", "distribution=sid&component=other", "sid has no component other"),
        ("arm.deb", SID, "arm.deb is for arm64, and sid is not"),
        ("hello_1.0_amd64.deb", SID, "hello_1.0_amd64.deb is for arm64, and sid is not"),
    ],
)
def test_upload_that_does_not_fit_says_what_would(apt, tmp_path, name, query, said):
    hello = build_deb(tmp_path, "hello", "1.0", "arm64").read_bytes()
    answer = apt.put(f"{APT}/{name}?{query}", content=hello)
    assert answer.status_code == 400
    assert f"400 Bad request - {said} (" in answer.json()["message"]


@pytest.mark.parametrize(
    "name", ["my_app.deb", "a_b_c.deb", "app.deb", "hello_2.0_arm64.deb", "HELLO.DEB"]
)
def test_package_is_what_it_says_of_itself_whatever_its_file_is_called(apt, hello, name):
    answer = apt.put(f"{APT}/{name}?{SID}&wait=published", content=hello)
    assert answer.status_code == 201, answer.text
    index = apt.get(f"{APT}/dists/sid/main/binary-amd64/Packages").text
    assert "Package: hello\nVersion: 1.0\nArchitecture: amd64\n" in index.replace("\n\n", "\n")
    assert "hello_1.0_amd64.deb\n" in index


def test_upload_that_is_no_package_leaves_nothing(apt, session):
    answer = apt.put(f"{APT}/hello_1.0_amd64.deb?{SID}", content=b"nothing")
    assert answer.status_code == 400
    assert "400 Bad request - hello_1.0_amd64.deb: " in answer.json()["message"]
    assert [path for path in (session.root / "gitlab").rglob("*") if path.is_file()] == []


def test_same_version_with_other_bytes_is_refused(published, tmp_path):
    other = build_deb(tmp_path, "hello", "1.0", paths={"usr/other": b"x"}).read_bytes()
    answer = published.put(f"{APT}/hello_1.0_amd64.deb?{SID}", content=other)
    assert answer.status_code == 400
    assert "give the build a new version" in answer.json()["message"]


def test_same_version_may_be_in_two_distributions(published, session, hello, tmp_path):
    session.call("distribution.create", container="acme/web", codename="trixie")
    url = f"{APT}/hello_1.0_amd64.deb?distribution=trixie&component=main&wait=published"
    other = build_deb(tmp_path, "hello", "1.0", paths={"usr/other": b"x"}).read_bytes()
    assert published.put(url, content=other).status_code == 201
    for codename, content in (("sid", hello), ("trixie", other)):
        index = published.get(f"{APT}/dists/{codename}/main/binary-amd64/Packages").text
        (path,) = [line[10:] for line in index.splitlines() if line.startswith("Filename: ")]
        assert published.get(f"{APT}/{path}").content == content


def test_strict_likeness_keeps_a_version_to_one_distribution(published, session, hello, configure):
    configure("gitlab.strict", True)
    session.call("distribution.create", container="acme/web", codename="trixie")
    url = f"{APT}/hello_1.0_amd64.deb?distribution=trixie&component=main"
    said = published.put(url, content=hello).json()["message"]
    assert said == "400 Bad request - Debian package hello 1.0 exists in distribution sid"


def test_file_may_be_too_large(apt, session, hello, configure):
    configure("gitlab.max_file_size", 100)
    for query in ("", f"?{SID}"):
        answer = apt.put(f"{APT}/hello_1.0_amd64.deb{query}", content=hello)
        message = {"message": "400 Bad request - File is too large"}
        assert (answer.status_code, answer.json()) == (400, message)


def test_file_without_a_distribution_waits(apt, hello, session):
    assert apt.put(f"{APT}/hello_1.0_amd64.deb", content=hello).status_code == 201
    (path,) = (session.root / "gitlab").rglob("hello_1.0_amd64.deb/*")
    assert path.read_bytes() == hello
    assert session.call("distribution.packages", container="acme/web") == []


def test_authorize_answers_a_front_server(apt):
    answer = apt.put(f"{APT}/hello_1.0_amd64.deb/authorize")
    assert (answer.status_code, answer.json()) == (200, {"MaximumSize": 3221225472})


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ("distribution=sid", 400, "component is missing"),
        ("distribution=a_b&component=c_d", 400, "distribution is invalid, component is invalid"),
        ("distribution=x&component=main", 404, "404 Distribution Not Found"),
    ],
)
def test_authorize_looks_at_its_parameters(apt, query, status, said):
    answer = apt.put(f"{APT}/hello_1.0_amd64.deb/authorize?{query}")
    assert answer.status_code == status
    assert said in answer.text


@pytest.mark.parametrize(
    "path",
    [
        "dists/sid/../../../../db/data.mdb",
        "dists/sid/..%2F..%2F..%2F..%2Fdb%2Fdata.mdb",
        "pool/..%2F..%2F..%2Fdb/data.mdb",
        "pool/%2e%2e/x",
        "pool/",
        "dists/sid/",
        "dists/sid/.hidden",
        "dists/sid/a%00b",
        "pool/sid/h/" + "x" * 5000,
        "pool/sid/h/a%00b/1/c",
    ],
)
def test_what_is_not_published_is_not_found(published, path):
    assert published.get(f"{APT}/{path}").status_code == 404


@pytest.mark.parametrize(
    "name", ["..%2Fx.deb", ".x.deb", "a%00.deb", "x" * 300 + ".deb", "%0a.deb"]
)
def test_hostile_file_name_is_refused(apt, hello, name):
    assert apt.put(f"{APT}/{name}", content=hello).status_code in {400, 404}
    assert apt.put(f"{APT}/{name}?{SID}", content=hello).status_code in {400, 404}


def test_what_is_published_elsewhere_is_fetched_from_there(published, hello, monkeypatch):
    monkeypatch.setattr("debrepo_publish_fs.storage.FileStorage.local_path", lambda *_: None)
    assert published.get(f"{APT}/pool/main/h/hello/hello_1.0_amd64.deb").content == hello
    assert published.get(f"{APT}/dists/sid/main/source/Sources").status_code == 204
    assert published.get(f"{APT}/dists/sid/other").status_code == 404


def test_public_project_leads_to_where_it_is_published(published, session, monkeypatch):
    session.call("project.edit", path="acme/web", visibility="public")
    storage = "debrepo_publish_fs.storage.FileStorage"
    monkeypatch.setattr(f"{storage}.local_path", lambda *_: None)
    monkeypatch.setattr(f"{storage}.url", lambda _, path: f"https://cdn.example.com/{path}")
    answer = published.get(f"{APT}/dists/sid/Release", follow_redirects=False)
    assert answer.headers["location"] == "https://cdn.example.com/projects/1/dists/sid/Release"


def test_upload_is_published_although_its_project_moves_meanwhile(apt, hello, session):
    apt.put(f"{APT}/hello_1.0_amd64.deb?{SID}", content=hello)
    session.call("project.edit", path="acme/web", new_path="acme/site")
    for _ in range(300):
        shown = session.call("distribution.show", container="project:1", codename="sid")
        if shown.published == shown.changed:
            break
        time.sleep(0.1)
    assert "hello" in apt.get(f"{APT}/dists/sid/main/binary-amd64/Packages").text

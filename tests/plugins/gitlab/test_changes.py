"""Uploads of a .changes, as dput and dupload do them: the files first, and it last."""

import hashlib
import os
import re
import subprocess
import time

import pytest

from debrepo.errors import InvalidInput
from debrepo.testing.packages import build_deb, build_source, listing, stanza

PROJECT = "/api/v4/projects/1"
APT = f"{PROJECT}/packages/debian"


@pytest.fixture(autouse=True)
def unsigned(monkeypatch):
    monkeypatch.setenv("DEBREPO_PUBLISH_SKIP_SIGNING", "true")


@pytest.fixture
def apt(guarded, uploader, session):
    """A developer of acme/web; there is the distribution sid, with two components."""
    session.call(
        "distribution.create",
        container="acme/web",
        codename="sid",
        fields={"suite": "unstable"},
        components=["main", "contrib"],
    )
    guarded.auth = uploader
    return guarded


@pytest.fixture
def built(tmp_path):
    """A directory with a source and a binary package."""
    place = tmp_path / "built"
    place.mkdir()
    build_source(place, "hello", "1.0-1")
    build_deb(place, "hello", "1.0-1")
    return place


def changes(place, *, section="net", distribution="unstable", **fields):
    """Write the .changes of all that is in a directory, and return its path."""
    files = {path.name: path.read_bytes() for path in sorted(place.iterdir())}
    described = {
        "Format": "1.8",
        "Date": "Sun, 01 Sep 2024 12:00:00 +0000",
        "Source": "hello",
        "Architecture": "source amd64",
        "Version": "1.0-1",
        "Distribution": distribution,
        "Checksums-Sha1": listing("sha1", files),
        "Checksums-Sha256": listing("sha256", files),
        "Files": listing("md5", files),
    } | {name.replace("_", "-"): value for name, value in fields.items()}
    lines = []
    for line in described["Files"].splitlines():
        parts = line.split()
        lines.append(f" {' '.join([*parts[:2], section, 'optional', *parts[2:]])}" if parts else "")
    described["Files"] = "\n".join(lines)
    target = place / "hello_1.0-1_amd64.changes"
    target.write_bytes(stanza(described))
    return target


def send(client, *paths, query=""):
    """Upload files one after another, and return the last answer."""
    answers = [client.put(f"{APT}/{p.name}{query}", content=p.read_bytes()) for p in paths]
    assert {answer.status_code for answer in answers[:-1]} <= {201}
    return answers[-1]


def everything(place):
    """Return the files of a directory, the .changes last."""
    return sorted(place.iterdir(), key=lambda path: (path.suffix == ".changes", path.name))


def test_changes_brings_source_and_binaries(apt, built, session):
    changes(built)
    answer = send(apt, *everything(built), query="?wait=published")
    assert answer.status_code == 201, answer.text
    sources = apt.get(f"{APT}/dists/sid/main/source/Sources").text
    assert "Package: hello\n" in sources
    assert "Package: hello\n" in apt.get(f"{APT}/dists/sid/main/binary-amd64/Packages").text
    assert [path for path in (session.root / "gitlab").rglob("*") if path.is_file()] == []


def test_section_decides_the_component(apt, built):
    changes(built, section="contrib/net", distribution="sid")
    assert send(apt, *everything(built), query="?wait=published").status_code == 201
    assert apt.get(f"{APT}/dists/sid/main/binary-amd64/Packages").status_code == 204
    assert "hello" in apt.get(f"{APT}/dists/sid/contrib/binary-amd64/Packages").text


@pytest.fixture
def documented(apt, built, session):
    """Upload a .changes with a .buildinfo; return them and the package's address."""
    buildinfo = built / "hello_1.0-1_amd64.buildinfo"
    buildinfo.write_text("Format: 1.0\nSource: hello\n")
    last = changes(built)
    assert send(apt, *everything(built), query="?wait=published").status_code == 201
    (package,) = session.call("distribution.packages", container="acme/web")
    return [buildinfo, last], f"{PROJECT}/packages/{package.id}"


def test_changes_and_buildinfo_are_kept_with_their_package(apt, documented, session, headers):
    documents, url = documented
    files = apt.get(f"{url}/package_files", headers=headers("reporter"), auth=None).json()
    rows = {file["file_name"]: file for file in files}
    list(session.call("db.cleanup", trash=False) or ())
    for path in documents:
        assert rows[path.name]["file_sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
        got = apt.get(f"{APT}/pool/sid/h/hello/1.0-1/{path.name}")
        assert (got.status_code, got.content) == (200, path.read_bytes())
        assert apt.get(f"{APT}/pool/sid/h/hello/1.0-2/{path.name}").status_code == 404


def test_document_is_replaced_by_a_newer_one(apt, built, documented, headers):
    (_, last), url = documented
    last.write_bytes(last.read_bytes() + b"X-Comment: again\n")
    assert send(apt, *everything(built)).status_code == 201
    files = apt.get(f"{url}/package_files", headers=headers("reporter"), auth=None).json()
    assert [file["file_name"] for file in files].count(last.name) == 1
    assert apt.get(f"{APT}/pool/sid/h/hello/1.0-1/{last.name}").content == last.read_bytes()


@pytest.mark.parametrize("what", ["file", "package", "distribution"])
def test_document_goes_with_what_it_belongs_to(apt, documented, session, headers, what):
    documents, url = documented
    sent = {"headers": headers("maintainer"), "auth": None}
    files = apt.get(f"{url}/package_files", **sent).json()
    (number,) = [file["id"] for file in files if file["file_name"].endswith(".changes")]
    gone = {
        "file": f"{url}/package_files/{number}",
        "package": url,
        "distribution": f"{PROJECT}/debian_distributions/sid",
    }
    assert apt.delete(gone[what], **sent).status_code in {202, 204}
    assert apt.get(f"{APT}/pool/sid/h/hello/1.0-1/{documents[1].name}").status_code == 404
    session.call("db.cleanup", trash=False)
    digest = hashlib.sha256(documents[1].read_bytes()).hexdigest()
    assert digest not in session.pool
    if what == "file":
        assert len(apt.get(f"{url}/package_files", **sent).json()) == len(files) - 1


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"Source": ""}, "lacks the field Source"),
        ({"Checksums_Sha256": ""}, "lacks the field Checksums-Sha256"),
        ({"section": "non-free/net"}, "sid has no component non-free"),
    ],
)
def test_changes_that_cannot_be_followed_is_refused(apt, built, given, said):
    changes(built, **given)
    answer = send(apt, *everything(built))
    assert answer.status_code == 400
    assert said in answer.text


def test_changes_for_an_unknown_distribution_is_not_found(apt, built):
    changes(built, distribution="stable")
    assert send(apt, *everything(built)).json() == {"message": "404 Distribution Not Found"}


def test_changes_that_came_too_early_may_come_again(apt, built):
    last = changes(built)
    *files, _ = everything(built)
    answer = send(apt, last)
    assert (answer.status_code, "which was not uploaded" in answer.text) == (400, True)
    assert send(apt, *files, last).status_code == 201


def test_files_have_to_be_what_the_changes_says(apt, built):
    changes(built)
    deb = built / "hello_1.0-1_amd64.deb"
    deb.write_bytes(deb.read_bytes()[:-1] + b"x")
    answer = send(apt, *everything(built))
    assert (answer.status_code, "has the SHA256 checksum" in answer.text) == (400, True)


def test_upload_that_fails_in_part_leaves_nothing(apt, built, session, tmp_path):
    first = build_deb(tmp_path, "hello", "1.0-1", paths={"usr/first": b"x"})
    session.call(
        "distribution.upload",
        container="acme/web",
        paths=[first],
        distribution="sid",
        component="main",
    )
    changes(built)
    answer = send(apt, *everything(built))
    assert (answer.status_code, "give the build a new version" in answer.text) == (400, True)
    (found,) = session.call("distribution.packages", container="acme/web")
    assert [file.name for _, _, file in found.files()] == ["hello_1.0-1_amd64.deb"]


def test_upload_to_two_components_is_there_as_a_whole_or_not_at_all(apt, built, session, tmp_path):
    build_deb(built, "extra", "1.0-1")
    last = changes(built)
    text = re.sub(r" net( \S+ extra_)", r" contrib/net\1", last.read_text())
    last.write_text(text)
    taken = build_deb(tmp_path, "extra", "1.0-1", paths={"usr/first": b"x"})
    repo = "acme.web-sid-contrib"
    list(session.call("repo.add", name=repo, paths=[taken]))
    answer = send(apt, *everything(built))
    assert (answer.status_code, "give the build a new version" in answer.text) == (400, True)
    shown = session.call("repo.show", name="acme.web-sid-main", with_packages=True)
    assert shown.packages == ()
    session.call("repo.remove", name=repo, queries=["extra"])
    assert send(apt, last, query="?wait=published").status_code == 201
    for component, name in (("main", "hello"), ("contrib", "extra")):
        index = apt.get(f"{APT}/dists/sid/{component}/binary-amd64/Packages").text
        assert re.findall(r"(?m)^Package: (.*)$", index) == [name]


def test_what_nobody_lists_is_deleted_after_a_day(apt, hello, session):
    apt.put(f"{APT}/old_1.0_amd64.deb", content=hello)
    (old,) = (session.root / "gitlab").rglob("old_1.0_amd64.deb/*")
    yesterday = time.time() - 100_000
    os.utime(old, (yesterday, yesterday))
    apt.put(f"{APT}/new_1.0_amd64.deb", content=hello)
    assert [path.name for path in old.parent.parent.iterdir()] == ["new_1.0_amd64.deb"]


@pytest.fixture
def signed(tmp_path):
    """Sign a file in place with a new key, whose keyring is returned."""

    def sign(path, *how, lasting="0"):
        home = tmp_path / "gnupg"
        home.mkdir(mode=0o700)
        gpg = ["gpg", "--homedir", str(home), "--batch", "--quiet", "--passphrase", "", *how]
        make = [*gpg, "--pinentry-mode", "loopback", "--quick-gen-key", "Ann <ann@example.org>"]
        subprocess.run([*make, "rsa2048", "sign", lasting], check=True, capture_output=True)
        keyring = tmp_path / "uploaders.gpg"
        subprocess.run([*gpg, "--export", "--output", str(keyring)], check=True)
        subprocess.run([*gpg, "--clearsign", str(path)], check=True, capture_output=True)
        path.with_name(path.name + ".asc").rename(path)
        return keyring

    return sign


@pytest.mark.parametrize(
    ("how", "lasting", "why"),
    [
        (["--faked-system-time", "20200101T000000"], "2d", "is by a key that has expired"),
        (["--digest-algo", "SHA1"], "0", "uses SHA-1"),
    ],
)
def test_signature_that_include_refuses_is_refused(
    apt, built, signed, configure, how, lasting, why
):
    last = changes(built)
    configure("gitlab.uploaders", str(signed(last, *how, lasting=lasting)))
    answer = send(apt, *everything(built))
    assert answer.status_code == 400
    assert "is signed by nobody who may upload" in answer.text
    assert why in answer.text


def test_keyring_of_gnupg_tells_who_may_upload(apt, built, signed, configure, tmp_path):
    last = changes(built)
    exported = signed(last)
    keyring = tmp_path / "uploaders.kbx"
    gpg = ["gpg", "--homedir", str(exported.parent / "gnupg"), "--batch", "--quiet"]
    gpg += ["--no-default-keyring", "--keyring", str(keyring), "--import", str(exported)]
    subprocess.run(gpg, check=True, capture_output=True)
    configure("gitlab.uploaders", str(keyring))
    assert send(apt, *everything(built)).status_code == 201


@pytest.mark.parametrize("content", [None, b"", b"none"])
def test_keyring_without_keys_lets_nobody_upload(
    apt, session, built, signed, configure, tmp_path, content
):
    last = changes(built)
    exported = signed(last)
    session.call("key.trust", data=exported.read_bytes())
    keyring = tmp_path / "none.gpg"
    if content is not None:
        keyring.write_bytes(content)
    configure("gitlab.uploaders", str(keyring))
    answer = send(apt, *everything(built))
    assert answer.status_code == 500
    assert "gitlab.uploaders" in answer.text


def test_changes_that_is_too_long_is_refused_before_it_is_verified(apt, built, signed, configure):
    last = changes(built)
    configure("gitlab.uploaders", str(signed(last)))
    configure("ingest.limits.control_file", 100)
    answer = apt.put(f"{APT}/{last.name}", content=last.read_bytes().replace(b"hello", b"other"))
    assert answer.status_code == 400
    assert "100" in answer.text


def test_signature_is_verified_where_uploaders_are_configured(apt, built, signed, configure):
    last = changes(built)
    plain = last.read_bytes()
    configure("gitlab.uploaders", str(signed(last)))
    assert send(apt, *everything(built)).status_code == 201
    forged = last.read_bytes().replace(b"Source: hello", b"Source: other")
    for content in (plain, forged):
        answer = apt.put(f"{APT}/{last.name}", content=content)
        assert answer.status_code == 400
        assert "signed" in answer.text


def test_acceptance_rule_takes_signed_uploads_and_refuses_packages_alone(
    apt, built, hello, signed, configure
):
    configure("policy.house.repo", ("acme.web-*",))
    configure("policy.house.signed", True)
    last = changes(built)
    configure("gitlab.uploaders", str(signed(last)))
    query = "?distribution=sid&component=main"
    answer = apt.put(f"{APT}/hello_1.0_amd64.deb{query}", content=hello)
    assert answer.status_code == 400
    assert "breaks the rule house: expected a signed upload" in answer.text
    assert send(apt, *everything(built)).status_code == 201


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"Binary": "hello"}, 201),
        ({"Binary": "hello other"}, 201),
        ({"Binary": "other"}, 400),
        ({"Binary": "hello", "Architecture": "source arm64"}, 400),
    ],
)
def test_changes_has_to_name_its_packages_as_those_that_are_included(apt, built, given, status):
    changes(built, **given)
    answer = send(apt, *everything(built))
    assert answer.status_code == status
    assert ("doesn't match restriction" in answer.text) == (status == 400)


def test_changes_without_its_files_beside_it_is_refused_by_name(built, apt, session):
    last = changes(built)
    (built / "hello_1.0-1_amd64.deb").unlink()
    with pytest.raises(InvalidInput, match="which is not beside it"):
        session.call("distribution.upload", container="acme/web", paths=[last])

"""What verifiers make of our signatures."""

import re

import pytest
from end_to_end.clients import run


@pytest.fixture
def keyring(published, tmp_path):
    armored, binary = tmp_path / "key.asc", tmp_path / "key.gpg"
    armored.write_text(published("key", "export"))
    run("gpg", "--dearmor", "--output", binary, armored, GNUPGHOME=str(tmp_path))
    return binary


@pytest.fixture
def dists(published):
    return published.public / "dists/stable"


def test_gpgv_trusts_the_inline_signature(dists, keyring):
    assert "Good signature" in run("gpgv", "--keyring", keyring, dists / "InRelease")


def test_gpgv_trusts_the_detached_signature(dists, keyring):
    assert "Good signature" in run(
        "gpgv", "--keyring", keyring, dists / "Release.gpg", dists / "Release"
    )


def test_sqv_trusts_the_detached_signature(dists, keyring):
    said = run("sqv", "--keyring", keyring, dists / "Release.gpg", dists / "Release")
    assert re.search(r"^[0-9A-F]{40}$", said, re.MULTILINE)  # who signed it


def test_what_is_signed_inline_is_the_release_file(dists, keyring, tmp_path):
    run("gpgv", "--keyring", keyring, "--output", tmp_path / "out", dists / "InRelease")
    assert (tmp_path / "out").read_bytes() == (dists / "Release").read_bytes()


def test_changed_release_is_refused(dists, keyring, tmp_path):
    (tmp_path / "Release").write_bytes((dists / "Release").read_bytes() + b"X: y\n")
    words = ("--keyring", keyring, dists / "Release.gpg", tmp_path / "Release")
    assert "BAD signature" in run("gpgv", *words, exit_code=1)
    assert "manipulated" in run("sqv", *words, exit_code=1)


def test_publish_without_a_key_changes_nothing_and_names_the_command(archive, debs):
    archive.environment["DEBREPO_SIGNING_GPG_HOME"] = str(archive.root / "empty")
    archive("repo", "create", "tools")
    archive("repo", "add", "tools", debs)
    process = archive.start("publish", "repo", "tools", "--distribution", "stable")
    _, errors = process.communicate()
    assert process.returncode == 10
    assert "debrepo key create" in errors
    assert not (archive.public / "dists").exists()
    assert not (archive.public / "pool").exists()


def test_unsigned_archive_takes_an_option(archive, debs):
    archive("repo", "create", "tools")
    archive("repo", "add", "tools", debs)
    archive("publish", "repo", "tools", "--distribution", "stable", "--skip-signing")
    names = {path.name for path in (archive.public / "dists/stable").iterdir() if path.is_file()}
    assert names == {"Release"}

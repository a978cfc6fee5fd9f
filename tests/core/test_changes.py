"""Uploads, as a .changes describes them, and what does not fit that."""

import hashlib

import pytest

from debrepo import changes
from debrepo.archive import LIMITS
from debrepo.changes import SignedText
from debrepo.errors import InvalidInput, InvalidPackage, NotFound, VerificationFailed


@pytest.fixture
def upload(tmp_path):
    (tmp_path / "a.deb").write_bytes(b"a package")
    path = tmp_path / "a.changes"
    lines = [
        f"{title}:\n {hashlib.new(name, b'a package').hexdigest()} 9{more} a.deb"
        for title, name, more in (
            ("Checksums-Sha1", "sha1", ""),
            ("Checksums-Sha256", "sha256", ""),
            ("Files", "md5", " net optional"),
        )
    ]
    path.write_text("\n".join(["Source: a", "Binary: a", "Architecture: amd64", *lines, ""]))
    return path


def test_text_that_is_signed_is_what_counts(upload):
    text = upload.read_bytes()
    upload.write_bytes(text + b"X-Evil: yes\n")
    found = changes.read(upload, LIMITS, lambda _, __: SignedText(text, ("AB",)))
    assert "x-evil" not in found.listed.fields
    assert found.fingerprints == ("AB",)
    assert found.sha256 == hashlib.sha256(text + b"X-Evil: yes\n").hexdigest()


def test_what_is_too_long_or_malformed_is_never_verified(upload):
    def verify(_, __):
        raise AssertionError

    with pytest.raises(InvalidPackage, match="more than 10 bytes"):
        changes.read(upload, LIMITS._replace(control_file=10), verify)
    upload.write_bytes(b"\0")
    with pytest.raises(InvalidPackage):
        changes.read(upload, LIMITS, verify)


def test_files_are_what_the_changes_says(upload):
    found = changes.read(upload, LIMITS, lambda _, __: None)
    changes.check_files(found, ["a.deb"])
    upload.with_name("a.deb").write_bytes(b"a packagE")
    with pytest.raises(VerificationFailed, match=r"a\.deb has the SHA256 checksum"):
        changes.check_files(found, ["a.deb"])
    changes.check_files(found, [])
    upload.with_name("a.deb").unlink()
    with pytest.raises(NotFound, match=r"a\.deb, which it lists, cannot be read"):
        changes.check_files(found, ["a.deb"])


@pytest.mark.parametrize(
    ("name", "architecture", "fits"),
    [
        ("a", "amd64", True),
        ("a", "all", True),
        ("a-dbgsym", "amd64", True),
        ("a", "arm64", False),
        ("b", "amd64", False),
        ("a", "source", False),
    ],
)
def test_package_is_one_that_the_changes_names(upload, name, architecture, fits):
    listed = changes.read(upload, LIMITS, lambda _, __: None).listed
    if fits:
        changes.check_named(listed, name, architecture, "it")
        return
    with pytest.raises(InvalidInput, match="it has been ignored"):
        changes.check_named(listed, name, architecture, "it")

"""Release files: parsed, dated, and looked for under the names that they have."""

import pytest

from debrepo.errors import RemoteError, VerificationFailed
from debrepo_mirror.upstream import dates, release
from debrepo_mirror.upstream.reading import without_signature

A, B = "a" * 64, "b" * 64
TEXT = f"""Origin: Example
Suite: stable
Architectures: amd64 all source
Components: main contrib
Acquire-By-Hash: yes
MD5Sum:
 {"c" * 32} 12 main/binary-amd64/Packages
SHA256:
 {A} 12 main/binary-amd64/Packages
 {B} 5 ./main/binary-amd64/Packages.gz
 {B} 5 ../../etc/passwd
"""


def test_fields_and_checksums_are_read():
    found = release.read(TEXT.encode(), "URL")
    assert found.field("suite") == "stable"
    assert [name for name, _ in found.fields][-1] == "Acquire-By-Hash"
    assert found.components == ("main", "contrib")
    assert found.architectures == ("amd64",)
    assert found.by_hash
    file = found.files["main/binary-amd64/Packages"]
    assert (file.size, file.md5, file.sha256) == (12, "c" * 32, A)
    assert set(found.files) == {"main/binary-amd64/Packages", "main/binary-amd64/Packages.gz"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "is empty"),
        (b"<html>moved</html>\n", "is not a Release file"),
        (f"SHA256:\n {A} x main/Packages\n".encode(), "not a line of a list of checksums"),
        (f"SHA256:\n {A[:40]} 1 main/Packages\n".encode(), "not a line of a list of checksums"),
        (f"SHA256:\n {A} 1 p\n {B} 1 p\n".encode(), "lists p twice"),
        (f"SHA256:\n {A} 1 p\nMD5Sum:\n {A[:32]} 2 p\n".encode(), "lists p twice"),
    ],
)
def test_what_is_no_release_file_is_refused(text, said):
    with pytest.raises(RemoteError, match=said):
        release.read(text, "URL")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Thu, 01 Jan 1970 00:00:00 UTC", 0),
        ("Sat, 28 Nov 2026 11:36:16 +0000", 1795865776),
        ("Sat, 28 Nov 2026 11:36:16 GMT", 1795865776),
        ("Sat, 28 Nov 2026 13:36:16 +0200", 1795865776),
        ("Sat, 28 Nov 2026 06:06:16 -0530", 1795865776),
        ("28 November 2026 11:36:16 Z", 1795865776),
        ("Thu, 29 Feb 2024 9:05:00 UTC", 1709197500),
        ("yesterday", None),
        ("Sat, 28 Foo 2026 11:36:16 UTC", None),
    ],
)
def test_date_is_read(text, seconds):
    assert dates.seconds(text) == seconds


NOW = 1795865776
DAY = "Sat, 28 Nov 2026 11:36:16 UTC"


def test_date_of_today_is_accepted():
    dates.check(DAY, "", where="URL", seen=DAY, now=NOW)
    dates.check(DAY, "Sun, 29 Nov 2026 11:36:16 UTC", where="URL", now=NOW)
    dates.check("", "", where="URL", now=NOW)


@pytest.mark.parametrize(
    ("date", "until", "seen", "said"),
    [
        ("Sun, 29 Nov 2026 11:36:16 UTC", "", "", "in the future"),
        (DAY, "Fri, 27 Nov 2026 11:36:16 UTC", "", "has expired"),
        (DAY, "", "Sat, 28 Nov 2026 11:36:17 UTC", "older than the one of the last update"),
        ("never", "", "", "which is no date"),
    ],
)
def test_other_dates_are_refused_with_the_override(date, until, seen, said):
    with pytest.raises(VerificationFailed, match=said) as caught:
        dates.check(date, until, where="URL", seen=seen, now=NOW)
    assert "--ignore-dates" in caught.value.hint


def test_signature_is_taken_off():
    signed = (
        b"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nOrigin: a\n- - b\n"
        b"-----BEGIN PGP SIGNATURE-----\n\nxyz\n-----END PGP SIGNATURE-----\n"
    )
    assert without_signature(signed) == b"Origin: a\n- b\n"
    assert without_signature(b"Origin: a\n") == b"Origin: a\n"

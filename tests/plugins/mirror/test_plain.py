"""Plain stanzas: what is read at a glance is what a look at each field finds."""

import pytest

from debrepo.archive import LIMITS, sound
from debrepo.package import encode
from debrepo_mirror.upstream import plain, stanzas

A, B, M = "a" * 64, "b" * 128, "d" * 32
FILE = f"""Filename: pool/main/h/hello/hello_2.0-1_amd64.deb
Size: 1234
MD5sum: {M}
SHA256: {A}"""
STANZA = f"""Package: hello
Version: 1:2.0-1
Architecture: amd64
Maintainer: Somebody <somebody@example.org>
Depends: libc6
{FILE}
Description: greets
 and no more
Description-md5: {M}"""


@pytest.fixture(autouse=True)
def many(monkeypatch):
    monkeypatch.setattr(sound, "_asked", iter(range(500, 10_000)))


def read(text):
    return plain.read(text.encode())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("", ""),
        ("Version: 1:2.0-1", "Version: 2.0"),
        (FILE, FILE + f"\nSHA512: {B}"),
        (f"MD5sum: {M}\nSHA256: {A}", f"SHA256: {A}\nMD5Sum: {M}\nSHA1: {A[:40]}"),
        (f"MD5sum: {M}\n", ""),
        ("Description: greets", "Section: misc\nDescription: gr\u00fc\u00dft"),
        (STANZA, STANZA.replace(f"\n{FILE}", "") + f"\n{FILE}"),
    ],
)
def test_plain_package_is_the_one_that_a_look_at_each_field_finds(old, new):
    text = STANZA.replace(old, new)
    found = read(text)
    offered = stanzas.binary(text.encode(), "deb", LIMITS)
    assert found is not None
    assert found.short + found.mark == offered.package.key.entry
    assert found.record == encode(offered.package)
    assert (found.path.decode(),) == offered.paths
    assert found.size == offered.package.files[0].size


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Package: hello\n", ""),
        ("Package: hello", "Package: Hello"),
        ("Version: 1:2.0-1\n", ""),
        ("Version: 1:2.0-1", "Version: 1:2.0-1\nVersion: 2"),
        ("Architecture: amd64", "Architecture: source"),
        ("Depends: libc6", "Depends: (libc6"),
        ("Depends: libc6", "Depends: libc6\ndepends: libc6"),
        ("Depends: libc6", "X-Odd: 1"),
        ("Depends: libc6", "Homepage: x\n \n y"),
        ("Depends: libc6", "Section: misc\nPackage: other"),
        ("Maintainer: Somebody <somebody@example.org>\n", ""),
        ("Filename", "filename"),
        ("pool/main", "../pool"),
        ("pool/main", "pool/../main"),
        ("pool/main", "./pool/main"),
        ("pool/main", "/pool"),
        ("pool/main", "http://evil.example.org/pool"),
        ("amd64.deb", "amd64.udeb"),
        ("Size: 1234\n", ""),
        ("Size: 1234", "Size: -1"),
        ("Size: 1234", "Size: 1234\nSize: 1234"),
        ("Size: 1234\nMD5sum", "Size: 1234\n more\nMD5sum"),
        (f"SHA256: {A}", f"SHA256: {A[1:]}"),
        (f"SHA256: {A}", f"SHA256: {A.upper()}"),
        (f"SHA256: {A}", f"SHA256: {A}\nSHA256: {A}"),
        (f"SHA256: {A}\n", f"SHA256: {A}\n more\n"),
        (f"\nSHA256: {A}", f"\nSHA1: {A[:40]}"),
        ("Description: greets", "SHA256: x\nDescription: greets"),
        ("Description: greets", "Size: 2\nDescription: greets"),
        (f"Description-md5: {M}", f"Description-md5: {M}\nPackage-Type: udeb"),
        ("hello", "h" * 240),
    ],
)
def test_what_needs_a_second_look_is_not_plain(old, new):
    assert old in STANZA
    assert read(STANZA.replace(old, new)) is None


@pytest.mark.parametrize("odd", [b"\x01", b"\r", b"\x7f", b"\0", b"\xff"])
def test_stanzas_with_odd_characters_are_not_clean(odd):
    assert plain.are_clean([b"Package: a", "Description: \u00fc".encode()])
    assert not plain.are_clean([b"Package: a", b"Description: " + odd])

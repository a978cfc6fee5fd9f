"""Stanzas of an index: told apart in pieces of any size, and made packages of."""

import bz2
import gzip
import lzma
import subprocess

import pytest
import zstandard

from debrepo.archive import LIMITS
from debrepo.errors import InvalidPackage, RemoteError
from debrepo_mirror.upstream import stanzas, unpacking

A, M = "a" * 64, "d" * 32
STANZA = f"""Package: hello
Version: 1:2.0-1
Architecture: amd64
Maintainer: Somebody <somebody@example.org>
Depends: libc6
Filename: pool/main/h/hello/hello_2.0-1_amd64.deb
Size: 1234
MD5sum: {M}
SHA256: {A}
Description: greets
 and no more
Description-md5: {M}"""
SOURCE = f"""Package: hello
Binary: hello
Version: 2.0-1
Maintainer: Somebody <somebody@example.org>
Architecture: any
Format: 3.0 (quilt)
Files:
 {M} 10 hello_2.0.orig.tar.xz
 {M} 20 hello_2.0-1.dsc
Checksums-Sha256:
 {A} 10 hello_2.0.orig.tar.xz
 {A[1:]}b 20 hello_2.0-1.dsc
Directory: pool/main/h/hello
Section: misc"""


def told_apart(data, size):
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    return [stanza for batch in stanzas.split(pieces, "index") for stanza in batch]


@pytest.mark.parametrize("size", [1, 2, 5, 1000])
@pytest.mark.parametrize(
    "data",
    [b"a: 1\nb: 2\n\nc: 3\n", b"\n\na: 1\nb: 2\n\n\n\nc: 3", b"a: 1\r\nb: 2\r\n\r\nc: 3\r\n"],
)
def test_stanzas_are_told_apart(data, size):
    assert told_apart(data, size) == [b"a: 1\nb: 2", b"c: 3"]


def test_endless_stanza_is_refused():
    with pytest.raises(RemoteError, match="a stanza of more than"):
        list(stanzas.split((b"x" * (1 << 20) for _ in range(9)), "index"))


def binary(text, **more):
    return stanzas.binary(text.encode(), "deb", LIMITS, **more)


def test_binary_package_has_the_stanza_without_what_is_of_the_index():
    offered = binary(STANZA)
    package = offered.package
    assert package.key[:3] == ("hello", "amd64", "1:2.0-1")
    assert package.kind == "deb"
    file = package.files[0]
    assert file[:3] == ("hello_2.0-1_amd64.deb", 1234, M)
    assert (file.sha1, file.sha256) == ("", A)
    assert offered.paths == ("pool/main/h/hello/hello_2.0-1_amd64.deb",)
    fields = "Package Version Architecture Maintainer Depends Description Description-md5"
    assert list(package.fields()) == fields.split()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("Version: 1:2.0-1\n", "", "no version"),
        ("Package: hello", "Package: ../hello", "breaks Debian Policy"),
        ("Architecture: amd64", "Architecture: source", "no architecture of a binary package"),
        ("pool/main", "../pool", "which is no path in the archive"),
        ("pool/main", "/pool", "which is no path in the archive"),
        ("pool/main", "http://evil.example.org/pool", "which is no path in the archive"),
        ("Filename: pool/main/h/hello/hello_2.0-1_amd64.deb\n", "", "no path in the archive"),
        ("Size: 1234\n", "", "it has no Size"),
        ("Size: 1234", "Size: -1", "its Size is"),
        (f"SHA256: {A}", f"SHA256: {A[1:]}", "its SHA256 checksum is"),
        (f"SHA256: {A}", f"SHA256: {A}\nSHA256: {A}", "given twice"),
        (f"SHA256: {A}\n", "", "MD5 and SHA1 checksums only"),
        (f"MD5sum: {M}\nSHA256: {A}\n", "", "has no checksum"),
        ("Depends: libc6", "Depends: (libc6", "Depends"),
        ("Depends: libc6", "Depends: libc6\ndepends: libc6", "twice"),
    ],
)
def test_what_cannot_be_published_or_verified_is_refused(old, new, said):
    assert old in STANZA
    with pytest.raises(InvalidPackage, match=said):
        binary(STANZA.replace(old, new))


def test_weak_checksums_are_enough_where_that_is_asked_for():
    assert binary(STANZA.replace(f"SHA256: {A}\n", ""), weak=True).package.files[0].md5 == M


def test_odd_spelling_of_field_names_is_read():
    text = STANZA.replace("Filename", "filename").replace("SHA256", "Sha256")
    assert binary(text).package.files[0].sha256 == A


def test_package_type_makes_an_installer_package():
    package = binary(STANZA + "\nPackage-Type: udeb").package
    assert (package.kind, package.files[0].name) == ("udeb", "hello_2.0-1_amd64.udeb")


def test_source_package_has_its_control_file_first():
    offered = stanzas.source(SOURCE.encode(), LIMITS)
    assert offered.package.key[:3] == ("hello", "source", "2.0-1")
    assert offered.paths == (
        "pool/main/h/hello/hello_2.0-1.dsc", "pool/main/h/hello/hello_2.0.orig.tar.xz",
    )  # fmt: skip
    fields = offered.package.fields()
    assert fields["Source"] == "hello"
    assert not {"Package", "Files", "Checksums-Sha256", "Directory"} & fields.keys()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("pool/main/h", "../h"),
        ("hello_2.0-1.dsc", "../hello_2.0-1.dsc"),
        (f" {M} 20 hello_2.0-1.dsc\n", ""),
        ("2.0-1.dsc", "2.0-1.tar.gz"),
        (" 10 hello_2.0.orig.tar.xz\nDirectory", " 11 hello_2.0.orig.tar.xz\nDirectory"),
    ],
)
def test_source_package_that_is_inconsistent_is_refused(old, new):
    if "Directory" in old:
        old, new = f"{A} 10", f"{A} 11"
    assert old in SOURCE
    with pytest.raises(InvalidPackage):
        stanzas.source(SOURCE.replace(old, new).encode(), LIMITS)


def test_name_of_a_broken_stanza_is_told():
    assert stanzas.name_of(STANZA.encode()) == "hello_1:2.0-1_amd64"
    assert stanzas.name_of(b"rubbish") == "'rubbish'"


def checked_zstd(data):
    return zstandard.ZstdCompressor(write_checksum=True).compress(data)


PACKED = {
    "": (bytes, bytes),
    ".gz": (gzip.compress, gzip.compress),
    ".xz": (lzma.compress, lzma.compress),
    ".bz2": (bz2.compress, bz2.compress),
    ".zst": (checked_zstd, checked_zstd),
}


@pytest.mark.parametrize("suffix", PACKED)
def test_members_streams_and_frames_follow_one_another(suffix):
    one, other = PACKED[suffix]
    data = one(b"first\n" * 1000) + other(b"second\n" * 1000)
    pieces = [data[at : at + 100] for at in range(0, len(data), 100)]
    found = b"".join(unpacking.pieces(pieces, suffix, "index", limit=1 << 20))
    assert found == b"first\n" * 1000 + b"second\n" * 1000


def test_several_blocks_of_xz_are_one_stream():
    text = b"".join(b"line %d\n" % number for number in range(40000))
    packed = subprocess.run(
        ["xz", "--block-size=65536", "-c"], input=text, capture_output=True, check=True
    ).stdout
    assert b"".join(unpacking.pieces([packed], ".xz", "index", limit=1 << 20)) == text


@pytest.mark.parametrize("suffix", PACKED)
def test_bomb_is_refused(suffix):
    packed = PACKED[suffix][0](bytes(1 << 22))
    with pytest.raises(RemoteError, match="unpacks to more than 1048576 bytes") as caught:
        for _ in unpacking.pieces([packed], suffix, "index", limit=1 << 20):
            pass
    assert "mirror.limits.index" in caught.value.hint


@pytest.mark.parametrize("suffix", [".gz", ".xz", ".bz2", ".zst"])
def test_damaged_index_is_refused(suffix):
    packed = PACKED[suffix][0](bytes(range(256)) * 4000)
    damaged = packed[:40] + bytes(40) + packed[80:]
    with pytest.raises(RemoteError, match="damaged"):
        for _ in unpacking.pieces([damaged], suffix, "index", limit=1 << 30):
            pass

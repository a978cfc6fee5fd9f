"""Tar archives of every kind, and those that no kind allows."""

import io
import re
import struct
import tarfile

import pytest

from debrepo.archive import LIMITS, Budget, tar
from debrepo.errors import InvalidPackage
from debrepo.testing.packages import tar as build


def names(data, **options):
    return [
        path.decode() for _, path, _ in tar.members(iter([data]), "x.tar", budget=Budget(LIMITS))
    ]


def header(name, size=0, kind=b"0", **parts):
    block = bytearray(512)
    block[0 : len(name)] = name
    block[124:136] = size if isinstance(size, bytes) else b"%011o\0" % size
    block[156:157] = kind
    block[257:265] = b"ustar\x0000"
    for offset, value in parts.get("at", {}).items():
        block[offset : offset + len(value)] = value
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def padded(content):
    return content + bytes(-len(content) % 512)


END = bytes(1024)


@pytest.mark.parametrize("layout", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_every_layout_is_read(layout):
    long = "/".join(["directory"] * 15)
    assert names(build({"a": b"x", long: b"y" * 600, "l": "a"}, layout=layout))[-3:] == [
        "./a",
        f"./{long}",
        "./l",
    ]


def test_kinds_are_told_apart():
    data = header(b"a", 0, b"\0") + header(b"b", 0, b"7") + header(b"c/", 0, b"0")
    data += header(b"d", 0, b"1") + header(b"e", 0, b"2") + header(b"f", 0, b"3") + END
    kinds = [kind for kind, _, _ in tar.members(iter([data]), "x.tar", budget=Budget(LIMITS))]
    assert kinds == [b"0", b"0", b"5", b"1", b"2", b"3"]


def test_only_what_is_asked_for_is_kept():
    data = build({"a": b"first", "b": b"second"})
    members = tar.members(iter([data]), "x", [b"./b"], budget=Budget(LIMITS))
    kept = {path: content for _, path, content in members}
    assert kept[b"./b"] == b"second"
    assert kept[b"./a"] == b""


def test_size_in_base_256_is_read():
    size = b"\x80" + bytes(3) + struct.pack(">Q", 513)
    assert names(header(b"a", size) + bytes(1024) + header(b"b") + END) == ["a", "b"]


def test_size_of_a_pax_header_holds():
    record = b"12 size=600\n"
    data = header(b"p", len(record), b"x") + padded(record) + header(b"a") + padded(bytes(600))
    assert names(data + header(b"b") + END) == ["a", "b"]


def test_name_is_that_of_the_extension_for_one_member_only():
    data = header(b"././@LongLink", 5, b"L") + padded(b"long\0") + header(b"short")
    assert names(data + header(b"next") + END) == ["long", "next"]


def test_archive_may_end_without_a_mark():
    assert names(header(b"a")) == ["a"]


def test_what_follows_the_mark_is_not_looked_at():
    assert names(header(b"a") + END + header(b"b")) == ["a"]


def test_blocks_may_be_cut_anywhere():
    data = build({"a" * 200: b"x" * 1500, "b": b"c"})
    pieces = [data[start : start + 100] for start in range(0, len(data), 100)]
    members = list(tar.members(iter(pieces), "x.tar", budget=Budget(LIMITS)))
    assert members == list(tar.members(iter([data]), "x.tar", budget=Budget(LIMITS)))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"b" + header(b"a")[1:], "wrong checksum"),
        (b"x" * 512, "not a number"),
        (header(b"a")[:300], "truncated: 212 bytes are missing"),
        (header(b"a", 4000) + bytes(512), "truncated: 3584 bytes are missing"),
        (header(b"a", b"-0000000001\0"), "not a number"),
        (header(b"a", b"00000000009\0"), "not a number"),
        (header(b"a", b"0o000000017\0"), "not a number"),
        (header(b"a", b"\xff" * 12), "not a number"),
        (header(b"a", 512, b"5"), "type b'5' and 512 bytes"),
        (header(b"a", 0, b"S"), "type b'S'"),
        (header(b"a", 0, b"?"), "type b'?'"),
        (header(b"a", 2 << 20, b"L"), "are allowed"),
        (header(b"a", 4, b"x") + padded(b"9 a="), "not a pax header"),
        (header(b"a", 7, b"x") + padded(b"7 size="), "not a pax header"),
        (header(b"a", 11, b"x") + padded(b"11 size=-1\n"), "is not a size"),
        (header(b"a", 11, b"g") + padded(b"11 path=ab\n"), "path in a global header"),
        (header(b"a", 21, b"x") + padded(b"21 GNU.sparse.map=xy\n"), "sparse file"),
    ],
)
def test_what_no_tar_may_be_is_refused(data, message):
    with pytest.raises(InvalidPackage, match=re.escape(message)):
        names(data)


def test_tarfile_agrees_on_hard_links():
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        link = tarfile.TarInfo("./" + "b" * 120)
        link.type, link.linkname = tarfile.LNKTYPE, "./" + "a" * 120
        archive.addfile(link)
    members = list(tar.members(iter([buffer.getvalue()]), "x", budget=Budget(LIMITS)))
    assert members == [(tar.HARD_LINK, b"./" + b"b" * 120, b"")]

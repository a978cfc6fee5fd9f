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
        (header(b"a")[:148] + b"0\0" + header(b"a")[150:], "wrong checksum"),
        (header(b"a", 4000) + bytes(512), "truncated: 3584 bytes are missing"),
        (header(b"a", b"-0000000001\0"), "not a number"),
        (header(b"a", b"00000000009\0"), "not a number"),
        (header(b"a", b"0o000000017\0"), "not a number"),
        (header(b"a", b"\xff" * 12), "not a number"),
        (header(b"a", 0, b"S"), "type 'S'"),
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
    assert members == [(tar.HARD_LINK, b"./" + b"b" * 120, b"./" + b"a" * 120)]


@pytest.mark.parametrize("kind", [b"1", b"2", b"3", b"4", b"5", b"6"])
def test_size_of_what_has_none_is_remarked_on_and_ignored(kind):
    budget = Budget(LIMITS)
    data = header(b"a", 4096, kind) + header(b"b") + END
    assert [path for _, path, _ in tar.members(iter([data]), "x", budget=budget)] == [b"a", b"b"]
    assert budget.findings.found == [("odd", "x gives a size to what has none: 'a'")]


def judged(data):
    budget = Budget(LIMITS._replace(policy="lenient"))
    list(tar.members(iter([data]), "x", budget=budget, by_dpkg=True))
    return [found.text for found in budget.findings.found]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (
            header(b"x", 6, b"x") + padded(b"6 a=b\n"),
            "x has a pax header, which dpkg does not read",
        ),
        (
            header(b"x", 6, b"g") + padded(b"6 a=b\n"),
            "x has a pax header, which dpkg does not read",
        ),
        (header(b"a", 0, b"7"), "x has a contiguous file, which dpkg does not read"),
        (header(b"a", at={108: b"zzzzzz\0"}), "x has an owner or a time that dpkg cannot read"),
        (header(b"a", at={116: b"1 2    \0"}), "x has an owner or a time that dpkg cannot read"),
        (header(b"a", at={136: b"-1\0"}), "x has an owner or a time that dpkg cannot read"),
    ],
)
def test_what_dpkg_alone_does_not_read_is_noted(data, text):
    assert judged(data + header(b"b") + END) == [text]
    assert names(data + header(b"b") + END)[-1] == "b"


def test_tar_reads_numbers_up_to_a_nul_and_dpkg_all_of_them():
    data = header(b"a", at={100: b"\x000000\0", 108: b"0\x0011111\0"}) + END
    assert judged(data) == ["x has an owner or a time that dpkg cannot read"]
    budget = Budget(LIMITS)
    assert list(tar.members(iter([data]), "x", [b"b"], budget=budget)) == [(b"0", b"a", b"")]
    assert budget.findings.found == []


def test_block_cut_short_is_the_end_to_tar_and_not_to_dpkg():
    data = header(b"a") + header(b"b")[:300]
    budget = Budget(LIMITS)
    assert len(list(tar.members(iter([data]), "x", budget=budget))) == 1
    assert [found.text for found in budget.findings.found] == ["x ends within a block"]
    with pytest.raises(InvalidPackage, match="x is truncated: 212 bytes are missing"):
        list(tar.members(iter([data]), "x", budget=Budget(LIMITS), by_dpkg=True))


def test_dpkg_reads_no_further_than_a_damaged_header_without_a_name():
    data = header(b"a") + b"\0\1" + bytes(510)
    assert judged(data) == ["something that is no header follows the files in x"]
    with pytest.raises(InvalidPackage, match="x is damaged: wrong checksum"):
        list(tar.members(iter([data]), "x", budget=Budget(LIMITS)))


@pytest.mark.parametrize("at", [108, 116, 124, 136])
def test_numbers_are_no_blanks_alone(at):
    data = header(b"a", at={at: b" " * (8 if at < 124 else 12)}) + END
    assert len(judged(data)) == 1


def test_mode_matters_to_tar_alone():
    data = header(b"a", at={100: b"zzzzzzz\0"}) + END
    assert judged(data) == []
    with pytest.raises(InvalidPackage, match=r"x has a mode that tar cannot read"):
        list(tar.members(iter([data]), "x", [b"b"], budget=Budget(LIMITS)))


def test_owners_and_times_of_every_spelling_that_dpkg_reads_are_let_in():
    times = [b"\xff" * 12, b"7" * 12, b" " * 11 + b"1", bytes(12), b"14567012345 "]
    data = b"".join(header(b"a", at={136: time}) for time in times)
    data += header(b"a", at={108: b"     1 \0", 116: b"7" * 8})
    data += header(b"a", at={108: b"\x80\0\0\0\x17\x34\x56\x78"})
    assert judged(data + END) == []


def test_unknown_member_is_a_file_to_tar_and_nothing_to_dpkg():
    data = header(b"a", 3, b"?") + padded(b"abc") + header(b"b") + END
    assert names(data) == ["a", "b"]
    with pytest.raises(InvalidPackage, match=r"a member of type '\?' and 3 bytes"):
        judged(data)

"""Binary packages: what is read of them, and what is refused."""

import contextlib
import lzma
import tarfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from debrepo import archive
from debrepo.archive import Digests, Limits
from debrepo.errors import InvalidPackage
from debrepo.package import files_hash
from debrepo.testing.packages import SUFFIXES, ar, build_deb, compress, stanza, tar

CONTROL = stanza({"Package": "hello", "Version": "1.0", "Architecture": "amd64"})
FORMAT = ("debian-binary", b"2.0\n")
CONTROL_TAR = ("control.tar", tar({"control": CONTROL}))
DATA_TAR = ("data.tar", tar({"usr/bin/hello": b"#!/bin/sh\n"}))


def parse(*members, limits=archive.LIMITS):
    data = ar(members)
    return archive.parse((data,), len(data), limits=limits)


def with_control(text):
    return parse(FORMAT, ("control.tar", tar({"control": text})), DATA_TAR)


def with_paths(paths):
    return parse(FORMAT, CONTROL_TAR, ("data.tar", tar(paths))).paths


def test_control_file_alone_is_read_up_to_its_end(tmp_path):
    deb = build_deb(tmp_path, "hello", "1:1.0", "arm64")
    deb.write_bytes(deb.read_bytes()[:-20])  # the end of the data is missing
    fields = archive.read_control(deb)
    assert [fields[name].strip() for name in (b"package", b"architecture")] == [b"hello", b"arm64"]
    deb.write_bytes(deb.read_bytes()[:80])
    with pytest.raises(InvalidPackage):
        archive.read_control(deb)


@pytest.mark.parametrize("compression", SUFFIXES)
def test_package_of_any_compression_is_read(tmp_path, compression):
    path = build_deb(tmp_path, "hello", "2:1.0-3", "i386", compression=compression)
    package, paths = archive.read(path)
    assert str(package.key).startswith("Pi386 hello 2:1.0-3 ")
    assert package.kind == "deb"
    assert paths == b"usr/share/doc/hello/copyright"


def test_file_carries_all_digests_and_a_name_without_epoch(tmp_path):
    path = build_deb(tmp_path, version="2:1.0").rename(tmp_path / "hello_2%3a1.0_amd64.deb")
    file = archive.read(path).package.files[0]
    assert file == Digests(path.read_bytes()).file("hello_1.0_amd64.deb")
    assert len(file.sha512) == 128


def test_key_is_made_from_the_canonical_name(tmp_path):
    path = build_deb(tmp_path).rename(tmp_path / "upload.deb")
    package = archive.read(path).package
    assert package.key.hash == files_hash(package.files)
    assert package.files[0].name == "hello_1.0_amd64.deb"


def test_stanza_is_kept_to_the_byte():
    text = b"Package: a\nversion:1\nARCHITECTURE:  all \nX-Odd:\tb\n more\n .\n \xc3\xa4\n"
    content = with_control(text + b"\n\n")
    assert content.stanza == text.rstrip(b"\n")
    assert archive.describe(content, Digests(), ".deb").key.display == "a_1_all"


@pytest.mark.parametrize(
    ("extension", "fields", "kind", "name"),
    [
        ("udeb", {}, "udeb", "hello_1.0_amd64.udeb"),
        ("deb", {"Package-Type": "udeb"}, "udeb", "hello_1.0_amd64.udeb"),
        ("ddeb", {}, "deb", "hello_1.0_amd64.ddeb"),
    ],
)
def test_kind_is_told_by_extension_or_field(tmp_path, extension, fields, kind, name):
    package = archive.read(build_deb(tmp_path, fields=fields, extension=extension)).package
    assert (package.kind, package.files[0].name) == (kind, name)


def test_paths_are_files_and_links_in_the_order_of_their_bytes():
    paths = with_paths({"usr/b": b"", "usr/a": "b", "usr/a-b": b"x", "etc/\u00e4": b""})
    assert paths.decode() == "etc/\u00e4\nusr/a\nusr/a-b\nusr/b"


def test_package_may_be_empty():
    assert with_paths({}) == b""


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.text("ab/.-\u00e4", min_size=1, max_size=300), st.binary(max_size=700)))
def test_paths_of_any_length_are_what_tarfile_would_say(paths):
    wanted = {name: data for name, data in paths.items() if all(_proper(name))}
    limits = archive.LIMITS._replace(policy="lenient")  # dpkg reads no pax headers
    for layout in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        data = tar(wanted, layout=layout)
        listed = parse(FORMAT, CONTROL_TAR, ("data.tar", data), limits=limits).paths
        assert listed.split(b"\n") == sorted(name.encode() for name in wanted) or not wanted


def _proper(name):
    return [part not in ("", ".", "..") for part in name.split("/")]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 3000), min_size=1, max_size=8), st.sampled_from(list(SUFFIXES)))
def test_package_reads_the_same_in_blocks_of_any_size(cuts, compression):
    suffix = SUFFIXES[compression]
    data = ar(
        [
            FORMAT,
            ("control.tar.zst", compress(CONTROL_TAR[1], "zstd")),
            (f"data.tar{suffix}", compress(tar({"a" * 150: b"x" * 5000, "b": b""}), compression)),
        ]
    )
    pieces = []
    while data:
        pieces.append(data[: cuts[len(pieces) % len(cuts)]])
        data = data[len(pieces[-1]) :]
    size = sum(map(len, pieces))
    whole = archive.parse((b"".join(pieces),), size)
    assert archive.parse(pieces, size) == whole
    assert whole.paths == b"a" * 150 + b"\nb"


@pytest.mark.parametrize("compression", SUFFIXES)
def test_package_cut_short_anywhere_is_refused(tmp_path, compression):
    data = build_deb(tmp_path, compression=compression).read_bytes()
    for size in [*range(0, len(data) - 1, 97), len(data) - 2]:
        with pytest.raises(InvalidPackage):
            archive.parse((data[:size],), size)


@pytest.mark.parametrize("compression", ["gzip", "xz", "zstd", "bzip2"])
def test_member_cut_short_in_a_whole_package_is_refused(compression):
    name = f"data.tar{SUFFIXES[compression]}"
    packed = compress(DATA_TAR[1], compression)
    for size in (0, 1, 10, len(packed) // 2, len(packed) - 1):
        with pytest.raises(InvalidPackage, match=r"data.tar"):
            parse(FORMAT, CONTROL_TAR, (name, packed[:size]))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 255))
def test_damage_never_raises_anything_but_invalid_package(position, change):
    data = bytearray(ar([FORMAT, ("control.tar.xz", compress(CONTROL_TAR[1], "xz")), DATA_TAR]))
    data[position % len(data)] ^= change
    with contextlib.suppress(InvalidPackage):
        archive.describe(archive.parse((bytes(data),), len(data)), Digests(), ".deb")


def test_what_is_no_package_is_refused():
    with pytest.raises(InvalidPackage, match="not a Debian package: it starts with '<html>'"):
        archive.parse((b"<html>",), 6)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ([], "first ar member is ''"),
        ([CONTROL_TAR, FORMAT, DATA_TAR], "first ar member is 'control.tar'"),
        ([("debian-binary", b"3.0\n"), CONTROL_TAR, DATA_TAR], r"format '3.0\\n' of binary"),
        ([("debian-binary", b"\n"), CONTROL_TAR, DATA_TAR], "format"),
        ([("debian-binary", b"2" * 2000), CONTROL_TAR, DATA_TAR], "debian-binary has 2000 bytes"),
        ([FORMAT], "no control.tar in it"),
        ([FORMAT, CONTROL_TAR], "no data.tar in it"),
        ([FORMAT, DATA_TAR, CONTROL_TAR], "data.tar stands twice, or in the wrong place"),
        ([FORMAT, CONTROL_TAR, CONTROL_TAR, DATA_TAR], "control.tar stands twice"),
        ([FORMAT, CONTROL_TAR, DATA_TAR, DATA_TAR], "data.tar stands twice"),
        ([FORMAT, FORMAT, CONTROL_TAR, DATA_TAR], "debian-binary stands twice"),
        ([FORMAT, ("readme", b""), CONTROL_TAR, DATA_TAR], "unexpected ar member 'readme'"),
        ([FORMAT, ("control.tar.Z", b""), DATA_TAR], "unknown compression of control.tar.Z"),
        ([FORMAT, ("control.tar", tar({"x": b""})), DATA_TAR], "no control file in control.tar"),
        ([FORMAT, ("control.tar", tar({"control": "/etc/passwd"})), DATA_TAR], "is empty, a link"),
        ([FORMAT, ("control.tar", CONTROL_TAR[1][:1536] * 2), DATA_TAR], "there twice"),
        ([FORMAT, ("control.tar.xz", CONTROL_TAR[1]), DATA_TAR], "control.tar.xz is damaged"),
        ([FORMAT, CONTROL_TAR, ("data.tar", b"x" * 1024)], "data.tar is damaged: 'xxx"),
    ],
)
def test_wrong_members_are_refused(members, message):
    with pytest.raises(InvalidPackage, match=message):
        parse(*members)


def test_members_that_dpkg_ignores_are_ignored():
    later = ("_gpgorigin", b"odd")
    content = parse(("debian-binary", b"2.7\nmore\n"), ("_x", b"1"), CONTROL_TAR, DATA_TAR, later)
    assert content.paths == b"usr/bin/hello"


def test_what_follows_the_data_is_remarked_on_unless_it_makes_the_size_odd():
    data = ar([FORMAT, CONTROL_TAR, DATA_TAR]) + b"garbage!"
    content = archive.parse((data,), len(data))
    assert content.remarks[0] == "something that is no member of an ar archive follows the data"
    with pytest.raises(InvalidPackage, match="it has an odd number of bytes"):
        archive.parse((data[:-1],), len(data) - 1)


def test_padding_of_ar_members_may_be_anything():
    data = ar([FORMAT, ("_odd", b"x"), CONTROL_TAR, DATA_TAR]).replace(b"`\nx\n", b"`\nx\0")
    content = archive.parse((data,), len(data))
    assert content.remarks[0] == "ar member _odd is not padded with a newline"


def test_member_of_a_wrong_size_is_refused():
    data = ar([FORMAT, CONTROL_TAR, DATA_TAR])
    with pytest.raises(InvalidPackage, match="not an ar header"):
        archive.parse((data.replace(b"4         `", b"6         `", 1),), len(data))


@pytest.mark.parametrize(
    ("control", "message"),
    [
        (b"\n", "not one stanza"),
        (b"Version: 1\nArchitecture: all\n", "no package name"),
        (b"Package: a\nArchitecture: all\n", "no version"),
        (b"Package: a\nVersion: 1\n", "no architecture"),
        (b"Package: a\nVersion: 1\nArchitecture: source\n", "no architecture of a binary"),
        (b"Package: ../a\nVersion: 1\nArchitecture: all\n", "package name '../a' breaks"),
        (b"Package: a\nVersion: 1%2\nArchitecture: all\n", "Version: '1%2' is no version"),
        (b"Package: a\nVersion: \nArchitecture: all\n", "no version"),
        (b"Package: a\n\nPackage: b\n", "not one stanza"),
        (b"Package: a\n \t\nVersion: 1\n", "blank lines"),
        (b"Package: a\npackage: b\n", "the field 'package' twice"),
        (b"Package: a\nno colon\n", "a line that is no field: 'no colon'"),
        (b"Package: a\n-x: y\n", "no field: '-x: y'"),
        (b" Package: a\n", "no field"),
        (b"Package: a\0b\n", "control character, 00"),
    ],
)
def test_control_files_that_break_policy_are_refused(control, message):
    with pytest.raises(InvalidPackage, match=message):
        archive.describe(with_control(control), Digests(), ".deb")


def test_control_file_with_dos_line_ends_is_read():
    content = with_control(b"Package: a\r\nVersion: 1\r\nArchitecture: all\r\n")
    assert archive.describe(content, Digests(), ".deb").key.display == "a_1_all"


@pytest.mark.parametrize("path", ["../etc/passwd", "usr/../../x", "usr/.."])
def test_paths_outside_of_the_package_are_refused(path):
    with pytest.raises(InvalidPackage, match="outside of the package"):
        with_paths({"usr/ok": b"", path: b""})


def test_absolute_path_loses_its_slash():
    data = DATA_TAR[1].replace(b"./usr/bin/hello\0\0", b"//usr/bin/hello\0\0")
    content = parse(FORMAT, CONTROL_TAR, ("data.tar", _with_sums(data)))
    assert content.paths == b"usr/bin/hello"
    assert content.remarks[0] == "data.tar has absolute paths, of which dpkg drops the slash"


def _with_sums(data):
    blocks = [bytearray(data[at : at + 512]) for at in range(0, len(data), 512)]
    for block in blocks:
        if block[257:262] == b"ustar":
            block[148:156] = b" " * 8
            block[148:156] = b"%06o\0 " % sum(block)
    return b"".join(blocks)


def test_path_with_a_newline_is_refused():
    with pytest.raises(InvalidPackage, match="newline"):
        with_paths({"usr/a\nb": b""})


def test_odd_but_harmless_paths_are_cleaned():
    assert with_paths({"usr//bin/./a": b"", ".hidden": b"", "a..b": b""}) == (
        b".hidden\na..b\nusr/bin/a"
    )


def test_bomb_is_refused_before_it_is_unpacked():
    bomb = ("data.tar.xz", lzma.compress(bytes(16 << 20)))
    limits = Limits(data=1 << 20, ratio=10)
    with pytest.raises(InvalidPackage, match="unpacks to more than 1048576 bytes"):
        parse(FORMAT, CONTROL_TAR, bomb, limits=limits)


@pytest.mark.parametrize("compression", ["gzip", "xz", "zstd"])
def test_control_member_that_swells_is_refused(compression):
    bomb = compress(tar({"control": bytes(65 << 20)}), compression)
    with pytest.raises(InvalidPackage, match=r"control in control.tar.* has 68157440 bytes"):
        parse(FORMAT, (f"control.tar{SUFFIXES[compression]}", bomb), DATA_TAR)
    bomb = compress(tar({"md5sums": bytes(65 << 20)}), compression)
    with pytest.raises(InvalidPackage, match="unpacks to more than 67108864 bytes"):
        parse(FORMAT, (f"control.tar{SUFFIXES[compression]}", bomb), DATA_TAR)


def test_large_data_that_hardly_packs_is_let_through():
    data = tar({"image": bytes(3 << 20)})
    limits = Limits(data=1 << 20, ratio=10)
    assert parse(FORMAT, CONTROL_TAR, ("data.tar", data), limits=limits).paths == b"image"


def test_too_many_paths_are_refused():
    with pytest.raises(InvalidPackage, match="more paths than fit into 1000 bytes"):
        data = ("data.tar", tar({f"a{number}": b"" for number in range(20)}))
        parse(FORMAT, CONTROL_TAR, data, limits=Limits(paths=1000))


def test_dictionary_larger_than_allowed_is_refused():
    packed = lzma.compress(DATA_TAR[1], preset=9)
    with pytest.raises(InvalidPackage, match=r"data.tar.xz takes more than 1048576 bytes"):
        parse(FORMAT, CONTROL_TAR, ("data.tar.xz", packed), limits=Limits(memory=1 << 20))

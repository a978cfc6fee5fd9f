"""Small packages that ask for a lot of work: each is refused at a limit that its error names."""

import bz2
import gzip
import lzma

import pytest

from debrepo.archive import LIMITS, Limits, SourceTree, parse, parse_list, tree
from debrepo.config import CORE_SETTINGS
from debrepo.errors import InvalidPackage
from debrepo.testing.packages import ar, compress, stanza, tar

CONTROL = stanza({"Package": "hello", "Version": "1.0", "Architecture": "amd64"})
FILES = "".join(f"\n {'0' * 32} 1 misc optional f{number}_1_all.deb" for number in range(100_000))


def header(name, size=0, kind=b"0"):
    block = bytearray(512)
    block[: len(name)] = name
    block[124:136] = b"%011o\0" % size
    block[156:157] = kind
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def extension(kind, content):
    return header(b"e", len(content), kind) + content + bytes(-len(content) % 512)


def deb(data, suffix="", *, control=None):
    control = tar({"control": CONTROL}) if control is None else control
    members = [("debian-binary", b"2.0\n"), ("control.tar", control), (f"data.tar{suffix}", data)]
    return ar(members)


def refusal(data, limits=LIMITS):
    with pytest.raises(InvalidPackage) as caught:
        parse((data,), len(data), limits=limits._replace(policy="lenient"))
    return str(caught.value), caught.value.hint


def named(limit):
    return f"raise the setting ingest.limits.{limit} if you trust this package"


def test_hundred_large_pax_headers_are_refused_at_the_limit_of_records():
    large = extension(b"x", b"7 abc=\n" * ((1 << 20) // 7))
    data = lzma.compress(large * 100 + header(b"./a"))
    assert len(data) < 20_000
    message = "data.tar.xz has more than 500000 records in pax headers"
    assert refusal(deb(data, ".xz")) == (message, named("records"))


@pytest.mark.parametrize("kind", [b"L", b"K", b"x", b"g"])
def test_bytes_of_extended_headers_are_limited(kind):
    content = b"1020 abc=" + b"d" * 1010 + b"\n"
    data = extension(kind, content) * 10 + header(b"./a")
    message = "data.tar has more than 5000 bytes of extended headers"
    assert refusal(deb(data), Limits(extensions=5000)) == (message, named("extensions"))


@pytest.mark.parametrize("kind", [b"0", b"1", b"2", b"5", b"L"])
def test_headers_are_limited_whatever_they_are(kind):
    data = (header(b"./a", 0, kind) if kind != b"L" else extension(b"L", b"a")) * 2000
    for package in (deb(data + header(b"./b")), deb(header(b"./b"), control=data)):
        message, hint = refusal(package, Limits(headers=1500))
        assert message.endswith(".tar has more than 1500 headers")
        assert hint == named("headers")


@pytest.mark.parametrize("size", [1 << 14, 1 << 22])
def test_streams_of_gzip_are_limited(size):
    data = gzip.compress(b"") * 200 + gzip.compress(header(b"./a"))
    message = "it has more than 150 compressed streams"
    assert refusal(deb(data, ".gz"), Limits(streams=150)) == (message, named("streams"))


@pytest.mark.parametrize(("pack", "suffix"), [(lzma.compress, "xz"), (bz2.compress, "bz2")])
def test_streams_in_a_part_of_a_source_are_limited(pack, suffix):
    part = pack(b"") * 30 + pack(tar({"h/a": b""}))
    found = SourceTree(Limits(streams=20))
    found.read(f"hello_1.0.orig.tar.{suffix}", len(part), [part])
    assert "more than 20 compressed streams" in found.remark


@pytest.mark.parametrize("compression", ["none", "gzip", "xz", "zstd", "bzip2", "lzma"])
def test_cpu_time_is_limited_in_every_compression(compression):
    suffix = {"none": "", "gzip": ".gz", "zstd": ".zst", "bzip2": ".bz2"}.get(compression)
    suffix = f".{compression}" if suffix is None else suffix
    package = deb(compress(tar({"a": bytes(1 << 18)}), compression), suffix)
    message, hint = refusal(package, Limits(cpu=-1))
    assert message == f"data.tar{suffix} takes more than -1 s of CPU time to read"
    assert hint == named("cpu")


def test_cpu_time_is_that_of_the_whole_package_and_grows_with_its_size():
    data = tar({"a": bytes(1 << 18)})
    assert parse((deb(data),), 100 << 20, limits=Limits(cpu=-50)).paths == b"a"


def test_cpu_time_of_a_source_is_that_of_all_its_parts():
    part = lzma.compress(tar({"h/a": b""}))
    found = SourceTree(Limits(cpu=-1))
    found.read("hello_1.0.orig.tar.xz", len(part), [part])
    assert "takes more than -1 s of CPU time to read" in found.remark


def test_member_that_claims_to_be_larger_than_the_package_is_refused_at_once():
    """Its size would set the limit of what it may unpack to."""
    data = deb(lzma.compress(bytes(1 << 20)), ".xz")
    size = b"%-10d`\n" % (len(data) - 8 - 60 - 4 - 60 - len(tar({"control": CONTROL})) - 60)
    start = data.index(b"data.tar.xz") + 48
    forged = data[:start] + b"%-10d`\n" % (1 << 32) + data[start + len(size) :]
    message, _ = refusal(forged)
    assert message.startswith("data.tar.xz is truncated")


def test_control_member_has_room_for_the_largest_packages_of_debian():
    sums = "".join(f"{number:032x}  usr/share/{number:090}\n" for number in range(135_000))
    control = tar({"md5sums": sums.encode(), "control": CONTROL})
    assert len(control) > 16 << 20
    assert parse((deb(tar({"a": b""}), control=control),), 1 << 30).paths == b"a"


def test_hundred_thousand_fields_and_lines_are_read():
    fields = CONTROL + b"".join(b"F%d: x\n y\n" % number for number in range(100_000))
    package = deb(tar({"a": b""}), control=tar({"control": fields}))
    assert parse((package,), len(package)).stanza == fields.strip()


@pytest.mark.parametrize("field", ["Files", "Checksums-Sha1", "Checksums-Sha256"])
def test_list_of_too_many_files_is_refused_before_it_is_read(field):
    with pytest.raises(InvalidPackage, match="lists 100000 files; 5000 are allowed") as caught:
        parse_list(stanza({"Source": "hello", field: FILES}), limits=Limits(control_file=1 << 30))
    assert caught.value.hint == named("files")


def test_number_of_any_length_in_a_diff_is_harmless():
    diff = b"--- a/f\n+++ b/f\n@@ -1,%b +1 @@\n x\n" % (b"9" * 5000)
    part = gzip.compress(diff)
    found = SourceTree(LIMITS)
    found.read("hello_1.0-1.diff.gz", len(part), [part])
    assert (found.paths(), found.remark) == (b"f", "")


def test_line_of_a_diff_that_comes_in_many_pieces_is_joined_once():
    line = [b"x"] * 300_000
    assert list(tree._lines(iter([*line, b"\n", b"y\nz\n"]), "x")) == [b"x" * 300_000, b"y", b"z"]
    with pytest.raises(InvalidPackage, match="line of more than 1048576 bytes"):
        list(tree._lines(iter([b"x" * 1000] * 1100), "x"))


def test_settings_are_the_limits():
    settings = {s.name: s.default for s in CORE_SETTINGS if s.name.startswith("ingest.limits.")}
    limits = LIMITS._asdict()
    assert limits.pop("policy") == next(
        s.default for s in CORE_SETTINGS if s.name == "archive.policy"
    )
    assert settings == {f"ingest.limits.{name}": value for name, value in limits.items()}

"""The files of a source package are those that dpkg-source unpacks."""

import bz2
import gzip
import lzma
import os
import shutil
import subprocess

import pytest

from debrepo.archive import LIMITS, SourceTree, read_list
from debrepo.errors import InvalidPackage
from debrepo.testing.packages import compress, tar

needs_dpkg_source = pytest.mark.skipif(not shutil.which("dpkg-source"), reason="needs dpkg-dev")
DEBIAN = {
    "debian/control": b"Source: hello\nMaintainer: A <a@example.org>\n\n"
    b"Package: hello\nArchitecture: all\nDescription: x\n",
    "debian/changelog": b"hello (1.0-1) unstable; urgency=low\n\n  * It.\n\n"
    b" -- A <a@example.org>  Mon, 01 Jan 2024 00:00:00 +0000\n",
    "debian/rules": b"#!/usr/bin/make -f\n",
}
UPSTREAM = {"hello-1.0/README": b"r\n", "hello-1.0/src/a b.c": b"c\n", "hello-1.0/debian/old": b""}


def paths_of(dsc):
    tree = SourceTree(LIMITS)
    for file in read_list(dsc).files:
        data = dsc.with_name(file.name).read_bytes()
        tree.read(file.name, file.size, [data[:100], data[100:]])
    assert not tree.remark
    return tree.paths().decode().split("\n")


def unpacked(dsc):
    """Return what dpkg-source makes of a package, without its notes on patches."""
    target = dsc.with_name("unpacked")
    subprocess.run(["dpkg-source", "--quiet", "-x", dsc, target], check=True, capture_output=True)
    found = (path for path in target.rglob("*") if path.is_file())
    return sorted(str(p.relative_to(target)) for p in found if ".pc" not in p.parts)


@pytest.fixture
def build(tmp_path):
    """Build a source package with dpkg-source: ``build("1.0", {"src/new.c": b""})``."""

    def make(source_format, changes, **components):
        orig = tmp_path / "hello_1.0.orig.tar.gz"
        orig.write_bytes(gzip.compress(tar(UPSTREAM)))
        work = tmp_path / "hello-1.0"
        for name, content in components.items():
            part = tmp_path / f"hello_1.0.orig-{name}.tar.gz"
            part.write_bytes(gzip.compress(tar({f"{name}-7/{p}": b"" for p in content})))
            for path in content:
                write(work / name / path, b"")
        for path, data in UPSTREAM.items():
            if "debian" not in path or source_format == "1.0":
                write(tmp_path / path, data)
        for path, data in (DEBIAN | changes).items():
            write(work / path, data)
        write(work / "debian/source/format", source_format.encode() + b"\n")
        subprocess.run(["dpkg-source", "-b", work], cwd=tmp_path, check=True, capture_output=True)
        return tmp_path / "hello_1.0-1.dsc"

    return make


def write(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


@needs_dpkg_source
def test_debian_part_replaces_the_one_of_upstream(build):
    dsc = build("3.0 (quilt)", {"debian/docs": b"README\n"}, extra=["lib.js", "doc/it"])
    assert paths_of(dsc) == unpacked(dsc)
    assert {"extra/lib.js", "debian/docs", "src/a b.c"} <= set(paths_of(dsc))
    assert "debian/old" not in paths_of(dsc)


@needs_dpkg_source
def test_diff_brings_files_too(build):
    more = {"src/new.c": b"+++ hello-1.0/not/a/file\n--- nor/this\n@@ -1 +1 @@\n"}
    dsc = build("1.0", more)
    assert paths_of(dsc) == unpacked(dsc)
    assert {"debian/control", "debian/old", "src/new.c"} <= set(paths_of(dsc))


@needs_dpkg_source
def test_native_package_is_listed(build, tmp_path):
    work = tmp_path / "hello"
    native = DEBIAN["debian/changelog"].replace(b"1.0-1", b"1.0")
    for path, data in (DEBIAN | {"debian/changelog": native, "hello.c": b""}).items():
        write(work / path, data)
    write(work / "debian/source/format", b"3.0 (native)\n")
    subprocess.run(["dpkg-source", "-b", work], cwd=tmp_path, check=True, capture_output=True)
    dsc = tmp_path / "hello_1.0.dsc"
    assert paths_of(dsc) == unpacked(dsc)


def listed(data, name="hello_1.0.orig.tar.xz", limits=LIMITS):
    tree = SourceTree(limits)
    tree.read(name, len(data), iter([data]))
    return tree.paths().decode().split("\n"), tree.remark


@pytest.mark.parametrize("compression", ["gzip", "xz", "bzip2", "zstd", "lzma"])
def test_every_compression_is_read(compression):
    suffix = {"gzip": "gz", "bzip2": "bz2", "zstd": "zst"}.get(compression, compression)
    data = compress(tar({"h/a": b"1", "h/b/c": b"2"}), compression)
    assert listed(data, f"hello_1.0.orig.tar.{suffix}") == (["a", "b/c"], "")


@pytest.mark.parametrize(("pack", "suffix"), [(lzma.compress, "xz"), (bz2.compress, "bz2")])
def test_several_streams_are_read_as_xz_and_bzip2_do(pack, suffix):
    data = tar({"h/a": b"1" * 5000, "h/b": b"2"})
    streams = pack(data[:3000]) + pack(data[3000:])
    assert listed(streams, f"hello_1.0.orig.tar.{suffix}") == (["a", "b"], "")


def test_only_directory_at_the_top_is_left_out():
    assert listed(lzma.compress(tar({"h/a": b"", "h/b": b""})))[0] == ["a", "b"]
    assert listed(lzma.compress(tar({"h/a": b"", "c": b""})))[0] == ["c", "h/a"]
    assert listed(lzma.compress(tar({"a": b""})))[0] == ["a"]


def test_paths_that_lead_out_or_break_lines_are_left_out():
    archive = tar({"h/a": b"", "h/../../etc/x": b"", "h/b\nc": b"", "h/./d": b""})
    assert listed(lzma.compress(archive)) == (["a", "d"], "")


@pytest.mark.parametrize(
    ("data", "remark"),
    [
        (b"no xz at all", "damaged"),
        (lzma.compress(tar({"h/a": b"1"}))[:-20], "damaged"),
        (lzma.compress(b"not a tar archive" * 100), "damaged"),
        (lzma.compress(bytes(1 << 20)), "unpacks to more than 65536 bytes"),
        (lzma.compress(tar({f"h/{i}": b"" for i in range(9)})), "more paths than fit"),
    ],
)
def test_what_cannot_be_listed_is_remarked_on_and_read_to_its_end(data, remark):
    tree = SourceTree(LIMITS._replace(data=1 << 16, ratio=1, paths=200))
    blocks = iter([data[:10], data[10:], b"more"])
    tree.read("hello_1.0.orig.tar.xz", len(data), blocks)
    assert remark in tree.remark
    assert list(blocks) == []


def test_limits_are_those_of_all_parts_together():
    tree = SourceTree(LIMITS._replace(data=20_000, ratio=1))
    part = lzma.compress(tar({"h/a": os.urandom(10)}))
    tree.read("hello_1.0.orig.tar.xz", len(part), [part])
    assert not tree.remark
    tree.read("hello_1.0.orig-b.tar.xz", len(part), [part])
    assert "unpacks to more than" in tree.remark


def test_parts_that_are_no_tarballs_are_passed_over():
    for name in ("hello_1.0.orig.tar.xz.asc", "hello_1.0.tar", "hello.git"):
        assert listed(b"whatever", name) == ([""], "")


def test_what_may_fit_into_all_that_is_allowed_is_an_error_within_less(tmp_path):
    packed = gzip.compress(tar({f"a/{number}": b"" for number in range(9)}))
    less = LIMITS._replace(paths=99)
    with pytest.raises(InvalidPackage, match="more paths than fit into 99 bytes"):
        SourceTree(less, LIMITS).read("a_1.orig.tar.gz", len(packed), [packed])
    tree = SourceTree(less)
    tree.read("a_1.orig.tar.gz", len(packed), [packed])
    assert "more paths than fit into 99 bytes" in tree.remark

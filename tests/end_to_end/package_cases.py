"""Packages built byte by byte, each with one thing that somebody's tool got wrong, or nearly."""

from __future__ import annotations

import lzma
import tarfile
from typing import NamedTuple

import zstandard

from debrepo.testing.packages import ar, compress, tar


class Case(NamedTuple):
    """A package, what it is an example of, and what is odd about it."""

    group: str
    title: str
    deb: bytes


CASES: list[Case] = []

FORMAT = ("debian-binary", b"2.0\n")
DATA = tar({"usr/bin/pkg": b"x" * 3000})


def control(extra="", *, end="Description: x\n", **fields):
    """Return the text of a control file; a field that is ``None`` is left out."""
    usual = {
        "Package": "pkg",
        "Version": "1.0",
        "Architecture": "all",
        "Maintainer": "A <a@example.org>",
    } | fields
    lines = [f"{name}: {value}\n" for name, value in usual.items() if value is not None]
    return ("".join(lines) + extra + end).encode()


def deb(text=None, *, data=None, members=None, control_tar=None, kinds=("gzip", "gzip")):
    """Return a package; the members stand for themselves, or are packed here."""
    if members is None:
        info = tar({"control": control() if text is None else text})
        members = [
            ("control.tar.gz", compress(info if control_tar is None else control_tar, kinds[0])),
            ("data.tar.gz", compress(DATA if data is None else data, kinds[1])),
        ]
    return ar([FORMAT, *members])


CONTROL_MEMBER = ("control.tar.gz", compress(tar({"control": control()}), "gzip"))
DATA_MEMBER = ("data.tar.gz", compress(DATA, "gzip"))


def header(name, size=0, kind=b"0", *, link=b"", at=()):
    """Return the header of a member of a tar archive, with the checksum that it needs."""
    block = bytearray(512)
    block[: len(name)] = name
    block[100:148] = b"0000644\0" + b"0000000\0" * 2 + b"%011o\0" % size + b"00000000000\0"
    block[156:157] = kind
    block[157 : 157 + len(link)] = link
    block[257:265] = b"ustar  \0"
    for offset, value in at:
        block[offset : offset + len(value)] = value
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def file(name, content=b"x", **options):
    return header(name, len(content), **options) + content + bytes(-len(content) % 512)


END = bytes(1024)


def _add(group, title, data):
    CASES.append(Case(group, title, data))


def _control_file(title, text):
    _add("control file", title, deb(text))


def _field(group, name, *values, **fields):
    for value in values:
        shown = value.replace("\n", "⏎") or "nothing"
        _add(group, f"`{name}: {shown}`", deb(control(f"{name}: {value}\n", **fields)))


def _data(title, data):
    _add("data.tar", title, deb(data=data))


def _control_tar(title, data):
    _add("control.tar", title, deb(control_tar=data))


TEXT = control()
_control_file("an ordinary package", TEXT)
_control_file("no newline at the end", TEXT[:-1])
_control_file("Latin-1", TEXT.replace(b"A <", b"J\xfcrgen <"))
_control_file("control character 0b", TEXT.replace(b"A <", b"A\x0b<"))
_control_file("control character 0c", TEXT.replace(b"A <", b"A\x0c<"))
_control_file("control character 1b", TEXT.replace(b"A <", b"A\x1b<"))
_control_file("control character 0d", TEXT.replace(b"A <", b"A\r<"))
_control_file("control character 00", TEXT.replace(b"A <", b"A\0<"))
_control_file("control character 1a, in a value", TEXT.replace(b"A <", b"A\x1a<"))
_control_file("control character 1a, after the end", TEXT + b"\x1a")
_control_file("control character 1a, as the end of a line", TEXT.replace(b"\nDesc", b"\x1aDesc"))
_control_file("line ends of MS-DOS", TEXT.replace(b"\n", b"\r\n"))
_control_file("a byte order mark", b"\xef\xbb\xbf" + TEXT)
_control_file("a field twice", control("Section: a\nSection: b\n"))
_control_file("two stanzas", TEXT + b"\nPackage: b\n")
_control_file("blank lines after it", TEXT + b"\n\n")
_control_file("one character after its last line", TEXT + b"c")
_control_file("two characters after its last line", TEXT + b"cc")
_control_file("one character after a field without a value", control(end="Description:\n") + b"c")
_control_file("a line of blanks in it", TEXT.replace(b"Desc", b" \nDesc"))
_control_file("a line without a colon", control("nocolon\n"))
_control_file("a blank before a colon", control("Section : x\n"))
_control_file("a field that looks like a comment", control("#x: y\n"))
_control_file("a field that starts with a hyphen", control("-x: y\n"))
_control_file("a field of one letter", control("X: y\n"))
_control_file("a field name that is not ASCII", control("Xä: y\n"))
_control_file("field names in lower case", TEXT.replace(b"Package", b"package"))
_control_file("`Package` at the end", b"".join(TEXT.splitlines(True)[1:]) + b"Package: pkg\n")
_control_file("a field without a value at the end", control(end="Description:\n"))
_control_file("no Description", control(end=""))
_control_file("no Version", control(Version=None))
_control_file("no Architecture", control(Architecture=None))
_control_file("Version on the next line", control(Version="\n 1.0"))

for _name in ("my_exporter", "Capital", "a", "-a", "a/b", "a b", "a~b", "ä"):
    _add("name", f"`{_name}`", deb(control(Package=_name)))
for _version in (
    "0", "1:2:3-4", "1.0-1-1", "1.0~", "2147483647:1", "v1.1", "1.0-", "1:", "-1", "1.0_1",
    "1.0-1:1", "2147483648:1", "x:1", "+1:1",
):  # fmt: skip
    _add("version", f"`{_version}`", deb(control(Version=_version)))
for _architecture in (
    "i386",
    "noarch",
    "musl-linux-amd64",
    "Amd64",
    "a_b",
    "any",
    "source",
    "sometime",
):
    _add("architecture", f"`{_architecture}`", deb(control(Architecture=_architecture)))

_field(
    "relation", "Depends",
    "", "foo (>= 1)", "foo(>=1)", "foo:any", "foo (<< 1) | bar", "foo,\n bar", "A_b",
    "foo (< 1)", "foo (1.0)", "foo (1)", "foo (=1)", "foo (=1), bar",
    "foo >= 1", "foo (= )", "foo ()", "a,, b", "a,", ",a", "foo [amd64]", "foo <!nocheck>",
    "x()(64bit)", "foo (== 1)", "foo (>= v1)", "foo (>= 1-)", "foo (>= 2147483648:1)",
    "${misc:Depends}", "a/b", "foo:bo_gus", "foo bar", "\n foo",
)  # fmt: skip
for _relation in ("Pre-Depends", "Recommends", "Suggests", "Enhances", "Breaks", "Conflicts",
                  "Replaces"):  # fmt: skip
    _field("relation", _relation, "foo >= 1")
_field("relation", "Conflicts", "a | b")
_field("relation", "Provides", "foo (= 1)", "foo (>= 1)", "a | b", "", "foo >= 1")
_field("relation", "Recommended", "foo >= 1")

_field("value", "Essential", "YES", "maybe")
_field("value", "Protected", "maybe")
_field("value", "Important", "maybe")
_field("value", "Multi-Arch", "foreign", "Foreign", "bogus", "same")
_field("value", "Description-md5", "0" * 32, "z" * 32, "xx")
_field("value", "Status", "install ok installed")
_field("value", "Conffiles", "\n /etc/x 0123", "x", "\n /etc/x", "\n etc/x y 0123")
_field("value", "Priority", "whatever", "optional x")
_field("value", "Class", "optional x")
_field("value", "Size", "", "x")
_field("value", "Section", "two words", "a,b", "a\n b")
_field("value", "Installed-Size", "5 kB")
_field("value", "Source", "../../x")
_field("value", "Filename", "../../etc/passwd")

_data("an absolute path", header(b"/usr/", kind=b"5") + file(b"/usr/a") + END)
_data("a path with `..`", file(b"./../a") + END)
_data("a path with a newline", file(b"./a\nb") + END)
_data("a pax header", tar({"usr/ä" * 30: b"x"}, layout=tarfile.PAX_FORMAT))
_data("a GNU long name", tar({"usr/" + "a" * 150: b"x"}))
_data("a name of 247 bytes", tar({"a" * 247: b""}))
_data("a size on a directory", header(b"./usr/", 4096, b"5") + file(b"./usr/a") + END)
_data("a size on a symbolic link", header(b"./l", 7, b"2", link=b"x") + file(b"./a") + END)
_data("a symbolic link to nothing at all", header(b"./l", kind=b"2") + END)
_data("a hard link", file(b"./a") + header(b"./b", kind=b"1", link=b"./a") + END)
_data("a hard link to a later file", header(b"./b", kind=b"1", link=b"./a") + file(b"./a") + END)
_data("a device", header(b"./d", kind=b"3") + END)
_data("a contiguous file", file(b"./a", kind=b"7") + END)
_data("a sparse file of GNU tar", header(b"./a", kind=b"S") + END)
_data("an unknown type", header(b"./a", kind=b"?") + END)
_data("an owner that is no number", header(b"./a", at=[(108, b"zzzzzz\0")]) + END)
_data("a wrong checksum", b"./b" + header(b"./a")[3:] + END)
_data("no mark at its end", file(b"./a"))
_data("its last file cut short", header(b"./a", 5000) + bytes(512))
_data("no member", END)
_data("a file below a file", file(b"./a") + file(b"./a/b") + END)
_data("a file without its directory", file(b"./q/a") + END)
_data("a directory without the one above it", header(b"./q/a/", kind=b"5") + END)
_data("a file twice", file(b"./a") * 2 + END)
_data("a file, then a directory of its name", file(b"./a") + header(b"./a/", kind=b"5") + END)
_data(
    "a file, then a symbolic link of its name",
    file(b"./a") + header(b"./a", kind=b"2", link=b"b") + END,
)
_data("a file whose path ends with a slash", file(b"./a/") + END)
_data("a device whose path ends with a slash", header(b"./d/", kind=b"3") + END)
_data("a symbolic link for the directory at the top", header(b"./", kind=b"2", link=b"x") + END)
_data("a symbolic link to nothing for the directory at the top", header(b".", kind=b"2") + END)
_data("a device for the directory at the top", header(b"./", kind=b"3") + END)
_data("an owner of blanks alone", header(b"./a", at=[(108, b" " * 8)]) + END)
_data("something that is no header after the files", file(b"./a") + b"\0\1" + bytes(1022))

_control_tar("a pax header", tar({"control": TEXT, "ä" * 20: b""}, layout=tarfile.PAX_FORMAT))
_control_tar(
    "the control file twice", file(b"./control", b"Package: q\n") + file(b"./control", TEXT) + END
)
_control_tar(
    "the control file as a link",
    file(b"./c", TEXT) + header(b"./control", kind=b"1", link=b"./c") + END,
)
_control_tar("the control file with an absolute path", file(b"/control", TEXT) + END)
_control_tar("no control file", file(b"./c", TEXT) + END)
_control_tar("its last block cut short", file(b"./control", TEXT) + bytes(100))
_control_tar("its last file cut short", file(b"./control", TEXT)[: 512 + len(TEXT)])
_control_tar(
    "a time below zero",
    header(b"./control", len(TEXT), at=[(136, b"-1".ljust(12, b"\0"))])
    + file(b"./control", TEXT)[512:]
    + END,
)
_control_tar(
    "an empty long name", file(b"./control", TEXT) + header(b"././@LongLink", kind=b"L") + END
)
_control_tar("a sparse file of GNU tar", file(b"./control", TEXT) + header(b"./a", kind=b"S") + END)
_control_tar(
    "a pax header with a path for all members",
    file(b"./control", TEXT) + file(b"./x", b"10 path=y\n", kind=b"g") + END,
)
_control_tar(
    "a pax header without a record", file(b"./control", TEXT) + file(b"./x", kind=b"x") + END
)
_control_tar(
    "a symbolic link to a file in it",
    file(b"./control", TEXT) + header(b"./a", kind=b"2", link=b"control") + END,
)
_control_tar(
    "a symbolic link to no file in it",
    file(b"./control", TEXT) + header(b"./a", kind=b"2", link=b"nothing") + END,
)
_control_tar(
    "a symbolic link to elsewhere",
    file(b"./control", TEXT) + header(b"./a", kind=b"2", link=b"/nothing") + END,
)
_control_tar(
    "a hard link to no file in it",
    file(b"./control", TEXT) + header(b"./a", kind=b"1", link=b"nothing") + END,
)
_control_tar("a directory", file(b"./control", TEXT) + file(b"./d/x") + END)
_control_tar("a name of 101 bytes", tar({"control": TEXT, "a" * 101: b""}))
_control_tar("a relative path in conffiles", tar({"control": TEXT, "conffiles": b"etc/x\n"}))
_control_tar("conffiles without a newline at its end", tar({"control": TEXT, "conffiles": b"/x"}))
_control_tar(
    "a file in data.tar that conffiles wants removed",
    tar({"control": TEXT, "conffiles": b"remove-on-upgrade /usr/bin/pkg\n"}),
)
_control_tar(
    "a line of 997 bytes in conffiles", tar({"control": TEXT, "conffiles": b"/x" * 498 + b"y\n"})
)
_control_tar(
    "a line of 255 bytes in triggers",
    tar({"control": TEXT, "triggers": b"activate " + b"x" * 246 + b"\n"}),
)
_control_tar("an unknown directive in triggers", tar({"control": TEXT, "triggers": b"bogus x\n"}))


def _wide(data):
    parameters = zstandard.ZstdCompressionParameters(window_log=28)
    packer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    return packer.compress(data) + packer.flush()


for _suffix, _kind in ((".bz2", "bzip2"), (".lzma", "lzma"), (".zst", "zstd"), ("", "none")):
    _member = (f"control.tar{_suffix}", compress(tar({"control": TEXT}), _kind))
    _add("compression", f"control.tar{_suffix}", deb(members=[_member, DATA_MEMBER]))
    _member = (f"data.tar{_suffix}", compress(DATA, _kind))
    _add("compression", f"data.tar{_suffix}", deb(members=[CONTROL_MEMBER, _member]))
for _title, _member in (
    ("an xz dictionary of 192 MiB", ("data.tar.xz", lzma.compress(
        DATA, filters=[{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 192 << 20}]))),
    ("two xz streams", ("data.tar.xz", lzma.compress(DATA) * 2)),
    ("something after the gzip stream", ("data.tar.gz", compress(DATA, "gzip") + b"garbage!")),
    ("a gzip stream cut short", ("data.tar.gz", compress(DATA, "gzip")[:-3])),
    ("a zstd window of 256 MiB", ("data.tar.zst", _wide(DATA))),
    ("an empty member", ("data.tar.gz", b"")),
    ("a stream with nothing in it", ("data.tar.gz", compress(b"", "gzip"))),
):  # fmt: skip
    _add("compression", _title, deb(members=[CONTROL_MEMBER, _member]))

_ODD = ("_odd", b"x")
_add("ar archive", "padding that is no newline",
     ar([FORMAT, _ODD, CONTROL_MEMBER, DATA_MEMBER]).replace(b"`\nx\n", b"`\nx\0"))  # fmt: skip
_add("ar archive", "a missing last padding", deb(members=[CONTROL_MEMBER, DATA_MEMBER, _ODD])[:-1])
_add("ar archive", "something after the data", deb() + bytes(100))
_add(
    "ar archive",
    "another member after the data",
    deb(members=[CONTROL_MEMBER, DATA_MEMBER, ("x", b"yy")]),
)
_add("ar archive", "a second data.tar", deb(members=[CONTROL_MEMBER, DATA_MEMBER, DATA_MEMBER]))
_add(
    "ar archive", "a second control.tar", deb(members=[CONTROL_MEMBER, DATA_MEMBER, CONTROL_MEMBER])
)
_add(
    "ar archive",
    "something after the blank behind a size",
    deb().replace(b"4         `", b"4 x       `", 1),
)
_add("ar archive", "the data first", deb(members=[DATA_MEMBER, CONTROL_MEMBER]))
_add(
    "ar archive",
    "a member before the data",
    deb(members=[CONTROL_MEMBER, ("x", b"yy"), DATA_MEMBER]),
)
_add("ar archive", "format 2.1", deb().replace(b"`\n2.0\n", b"`\n2.1\n", 1))
_add("ar archive", "format 3.0", deb().replace(b"`\n2.0\n", b"`\n3.0\n", 1))

"""Packages damaged at random: control files of real ones, with a thing or two wrong around them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from end_to_end.package_cases import END, header

from debrepo.testing.packages import compress

if TYPE_CHECKING:
    import random

WORDS = (
    b"(", b")", b",", b"|", b":", b"<", b">=", b"[amd64]", b"${x}", b"~", b"-", b"_", b"/", b" ",
    b"\n", b"\n ", b"\r\n", b"\x0b", b"\xe4", b"1:", b"Depends: ", b"Package: ", b"yes", b"(1)",
    b"\t", b"\0", b"\x1a", b"#", b"+", b"\xc3\xa4", b"\x7f", b"9999999999",
)  # fmt: skip
NAMES = (
    b"foo", b"lib-x2", b"A_b", b"a", b"-a", b"a/b", b"", b"foo:any", b"x()", b"a b", b"foo:",
    b"foo:all", b"foo:amd64", b"foo:a_b", b"g++", b"1", b".a", b"a\xe4", b"${x}", b"foo:any:x",
)  # fmt: skip
OPERATORS = (b"=", b">=", b"<=", b"<<", b">>", b"<", b">", b"", b"==", b"=>", b"!=", b"= =")
RELATIONS = (
    "Depends", "Pre-Depends", "Recommends", "Suggests", "Enhances", "Breaks", "Conflicts",
    "Replaces", "Provides", "Recommended", "Optional",
)  # fmt: skip
VALUES = {
    "Architecture": "amd64|all|i386|noarch|any|source|Amd64|a_b|linux-any|musl-linux-amd64|"
    "|amd64 all",
    "Essential": "yes|no|YES|maybe||true|yes no|yes,",
    "Protected": "yes|no|Yes|maybe||1",
    "Important": "yes|no|YES|maybe||true|off|yes x",
    "Multi-Arch": "foreign|same|allowed|no|Same|bogus||foreign x",
    "Priority": "optional|extra|optionalx|optional x|Required|whatever||required,|x optional",
    "Class": "optional|optionalx|whatever|",
    "Section": "utils|a b|a,b|a\n b||../x|\xe4",
    "Description-md5": "0123456789abcdef0123456789abcdef|0123|zz|||0123456789ABCDEF0123456789abcdef"
    "|g123456789abcdef0123456789abcdef|0123456789abcdef0123456789abcdef x",
    "Description": "|x|x\n y|x\n .\n y|\n y|x\n\ty",
    "Conffiles": "|\n /etc/x 0123|x|\n /etc/x|\n etc/x 0123|\n /etc/x 0123 obsolete|\n /etc/x 1 2"
    "|\n /etc/x newconffile|\n /etc/x 01 remove-on-upgrade\n /etc/y 02",
    "Status": "install ok installed||x",
    "Config-Version": "1.0||x",
    "Triggers-Pending": "x||",
    "Triggers-Awaited": "x||",
    "Installed-Size": "5|-1|x||5 kB|99999999999999999999999",
    "Source": "x|x (1.0)|../../x||x (y)|\n x",
    "Origin": "x||\n y",
    "Bugs": "x|debbugs://x|",
    "Maintainer": "A <a@example.org>||x|\n x",
    "Package-Type": "deb|udeb|x||deb udeb|Udeb",
    "MSDOS-Filename": "x||a\n b",
    "Filename": "x||../x|/etc/passwd\n y",
    "Size": "5|x||",
    "MD5sum": "x||0123",
    "SHA256": "x||",
    "Revision": "1|1_2||-|a b",
    "Package-Revision": "1|_||",
    "Package_Revision": "1||",
    "Tag": "a::b|\n x",
    "Task": "x||",
    "Homepage": "x||\n",
    "Built-Using": "x (= 1)|x (>=|",
    "X-Y": "z||\n z",
    "X": "y|",
    "-x": "y",
    "#x": "y",
    "x y": "z",
    "x:": "z",
    "\xe4": "z",
    "A" * 300: "z",
}
PATHS = (
    b"./file", b"file", b"/file", b".//file", b"./", b".", b"", b"./a/b", b"./a//b", b"./a/./b",
    b"./a b", b"./\xe4", b"./a\tb", b"./dir/", b"./" + b"n" * 94, b"./" + b"n" * 97, b"./.file",
    b"./f\\n", b"./control", b"./dir/file", b"./a/b/c", b"./..file", b"./file/", b"./\x01",
)  # fmt: skip
INFO = {
    b"conffiles": (
        b"/file\n", b"/file", b"file\n", b"\n", b"/file\n/file\n", b" /file\n", b"/file \n",
        b"remove-on-upgrade /other\n", b"remove-on-upgrade  /other\n", b"remove-on-upgrade other\n",
        b"bogus /file\n", b"/a\0b\n", b"/" + b"x" * 1021 + b"\n", b"/\n", b"//file\n",
        b"/" + b"x" * 1022 + b"\n", b"/" + b"x" * 1023 + b"\n", b"\r\n", b"/file\r\n", b"/\xe4\n",
        b"remove-on-upgrade\n", b"remove-on-upgrade /file\n", b"/dir\n", b"\t/file\n", b"\x0b\n",
    ),
    b"triggers": (
        b"interest x\n", b"interest x", b"activate /x\n", b"bogus x\n", b"# x\n", b"interest\n",
        b"interest-noawait /x/y\n", b"interest-await x y\n", b"interest /x/\n", b"interest //x\n",
        b"activate-noawait x\n", b"interest /x # y\n", b"interest X_y\n", b"\n", b" interest x\n",
        b"interest a\xe4\n", b"activate x_y\n", b"interest\tx\n", b"activate -x\n",
        b"interest /x\ninterest /x\n", b"interest x\ninterest-noawait x\n", b"activate /x/\n",
        b"#", b"interest a" + b"b" * 1020 + b"\n", b"interest x\r\n", b"\r\n", b"interest /\n",
    ),
    b"md5sums": (b"", b"x\n", b"x"),
    b"shlibs": (b"libx 1 x\n", b"bogus"),
    b"symbols": (b"", b"bogus"),
    b"templates": (b"bogus", b""),
}  # fmt: skip
KINDS = {"": "", ".gz": "gzip", ".xz": "xz", ".zst": "zstd", ".bz2": "bzip2", ".lzma": "lzma"}
TYPES = b"0\x00125346LKxg7SDMVNZ9a "


def damaged(text: bytes, rng: random.Random) -> bytes:
    """Return a package that is wrong in one or two places, or perhaps not."""
    number = rng.choice((1, 1, 1, 2))
    where = rng.choices(("text", "field", "info", "data", "packing", "ar", "flip"),
                        (3, 5, 3, 4, 2, 3, 1), k=number)  # fmt: skip
    for _ in range(where.count("text")):
        text = mutated_text(text, rng)
    for _ in range(where.count("field")):
        text = with_field(text, rng)
    info = [member(b"./control", text)]
    if "info" in where:
        info = mutated_info(info, rng)
    data = [member(b"./", kind=b"5"), member(b"./file", b"x" * rng.randrange(700))]
    if "data" in where:
        data = mutated_data(data, rng)
    tars = [b"".join(info) + END, b"".join(data) + END]
    for at, place in enumerate(("info", "data")):
        if place in where and rng.random() < 0.15:
            tars[at] = cut(tars[at], rng)
    suffixes = rng.choices(tuple(KINDS), (4, 3, 1, 1, 0, 0), k=2)
    if "packing" in where:
        suffixes = rng.choices(tuple(KINDS), k=2)
    packed = [compress(one, KINDS[suffix]) for one, suffix in zip(tars, suffixes, strict=True)]
    if "packing" in where and rng.random() < 0.7:
        at = rng.randrange(2)
        packed[at] = repacked(packed[at], tars[at], suffixes[at], rng)
        if rng.random() < 0.1:
            suffixes[at] = rng.choice((".Z", ".gzip", ".", ".GZ", ".tar"))
    members = [
        ar_member(b"debian-binary", b"2.0\n"),
        ar_member(b"control.tar" + suffixes[0].encode(), packed[0]),
        ar_member(b"data.tar" + suffixes[1].encode(), packed[1]),
    ]
    if "ar" in where:
        members = mutated_ar(members, rng)
    deb = b"!<arch>\n" + b"".join(members)
    if "ar" in where and rng.random() < 0.2:
        deb = cut(deb, rng)
    return flipped(deb, rng) if "flip" in where and deb else deb


def cut(data: bytes, rng: random.Random) -> bytes:
    """Cut off an end, or add one."""
    match rng.randrange(4):
        case 0:
            return data[: rng.randrange(len(data) + 1)]
        case 1:
            return data[: -rng.randrange(1, 20)]
        case 2:
            return data + rng.choice((b"\n", b"x", bytes(512), b"garbage" * 20, b"\0\0", bytes(60)))
    return data[: max(len(data) - 512 * rng.randrange(1, 4), 0)]


def flipped(data: bytes, rng: random.Random) -> bytes:
    """Change one bit."""
    at = rng.randrange(len(data))
    return data[:at] + bytes((data[at] ^ (1 << rng.randrange(8)),)) + data[at + 1 :]


def mutated_text(text: bytes, rng: random.Random) -> bytes:
    """Change a few bytes, or whole lines, of a control file."""
    at = rng.randrange(len(text))
    lines = text.splitlines(keepends=True)
    match rng.randrange(7):
        case 0:
            return text[:at] + rng.choice(WORDS) + text[at:]
        case 1:
            return text[:at] + text[at + rng.randrange(1, 8) :]
        case 2:
            return text[:at] + bytes((rng.randrange(256),)) + text[at + 1 :]
        case 3:
            del lines[rng.randrange(len(lines))]
        case 4:
            lines.insert(rng.randrange(len(lines)), rng.choice(lines))
        case 5:
            end = text.rstrip(b"\n")
            return end + rng.choice(
                (b"", b"\n\n", b"\r\n", b"\n \n", b"\nX-Y:\n", b"\nX-Y:", b"\n\x1a")
            )
        case _:
            relations = [n for n, line in enumerate(lines) if re.match(rb"[A-Z-]+s:", line, re.I)]
            number = rng.choice(relations or [0])
            place = rng.randrange(len(lines[number]))
            lines[number] = lines[number][:place] + rng.choice(WORDS) + lines[number][place:]
    return b"".join(lines)


def with_field(text: bytes, rng: random.Random) -> bytes:
    """Give a control file one more field, or another value of one that it has."""
    kind = rng.random()
    if kind < 0.35:
        name, value = rng.choice(RELATIONS), relations(rng)
    elif kind < 0.5:
        name, value = "Version", version(rng)
    elif kind < 0.55:
        name, value = "Package", rng.choice(NAMES)
    else:
        name = rng.choice(tuple(VALUES))
        value = rng.choice(VALUES[name].split("|")).encode("latin-1")
    field = name.encode("latin-1")
    text = re.sub(rb"(?im)^%b:.*\n(?:[ \t].*\n)*" % re.escape(field), b"", text)
    if rng.random() < 0.1:
        field = rng.choice((field.lower(), field.upper(), field + b" ", b" " + field))
    line = field + b":" + rng.choice((b" ", b" ", b" ", b"", b"\t", b"  ")) + value + b"\n"
    lines = re.split(rb"(?m)^(?=[^ \t])", text)
    at = rng.randrange(len(lines) + 1)
    return b"".join((*lines[:at], line, *lines[at:]))


def relations(rng: random.Random) -> bytes:
    """Return the value of a relation field, mostly a right one."""
    parts = []
    for _ in range(rng.choice((1, 1, 2, 3))):
        part = rng.choice(NAMES[:3] if rng.random() < 0.7 else NAMES)
        if rng.random() < 0.5:
            operator = rng.choice(OPERATORS[:5] if rng.random() < 0.7 else OPERATORS)
            blank = rng.choice((b"", b" ", b"  ", b"\n ", b"\t"))
            part += b" " * rng.randrange(2) + b"(" + rng.choice((b"", b"", b" ")) + operator
            part += blank + version(rng) + rng.choice((b"", b"", b" ", b"\n ")) + b")"
        if rng.random() < 0.05:
            part += rng.choice((b" [amd64]", b" <!nocheck>", b" x", b")", b"(", b":any", b" ()"))
        parts.append(part)
    text = b""
    for part in parts:
        text += (
            rng.choice((b", ", b",", b" | ", b",\n ", b"|", b",,", b" ")) if text else b""
        ) + part
    return text + rng.choice((b"",) * 12 + (b",", b" ", b",\n ", b"|"))


def version(rng: random.Random) -> bytes:
    """Return a version, more often than not a right one."""
    if rng.random() < 0.5:
        return rng.choice((b"1.0", b"1", b"1:2-3", b"0~rc1", b"2.0+x-1"))
    return bytes(rng.choice(b"0123:~+-.aZ_ 9/") for _ in range(rng.randrange(8)))


def member(name: bytes, content: bytes = b"", **options: object) -> bytes:
    """Return a member of a tar archive, with its header."""
    return header(name[:100], len(content), **options) + content + bytes(-len(content) % 512)


def mutated_info(info: list[bytes], rng: random.Random) -> list[bytes]:
    """Put other things into control.tar, or change the header of one."""
    match rng.randrange(5):
        case 0 | 1:
            name = rng.choice(tuple(INFO) if rng.random() < 0.3 else (b"conffiles", b"triggers"))
            start = rng.choice((b"./", b"./", b"", b"/", b".//", b"./x/"))
            made = member(start + name, rng.choice(INFO[name]))
        case 2:
            made = odd_member(rng, b"./md5sums")
        case 3:
            return [mutated_header(info[0], rng)]
        case _:
            start = rng.choice((b"", b"/", b".//", b"././", b"./x/", b"./."))
            control = info[0][512:]
            size = len(control.rstrip(b"\0"))
            return [header(start + b"control", size) + control]
    at = rng.randrange(2)
    return [*info[:at], made, *info[at:]]


def mutated_data(data: list[bytes], rng: random.Random) -> list[bytes]:
    """Put other things into data.tar, or change the header of one."""
    match rng.randrange(4):
        case 0:
            at = rng.randrange(len(data))
            data[at] = mutated_header(data[at], rng)
            return data
        case 1:
            return data[: rng.randrange(len(data))]
        case _:
            at = rng.randrange(len(data) + 1)
            return [*data[:at], odd_member(rng, rng.choice(PATHS)), *data[at:]]


def odd_member(rng: random.Random, path: bytes) -> bytes:
    """Return a member of some type, perhaps with a long name, a link or a size that is odd."""
    kind = bytes((rng.choice(TYPES[:9] if rng.random() < 0.7 else TYPES),))
    target = rng.choice((b"./file", b"file", b"", b"nothing", b"/file", b"n" * 100, b"./other"))
    link = target if kind in (b"1", b"2") or rng.random() < 0.1 else b""
    content = rng.choice((b"", b"", b"x", b"y" * 600))
    if rng.random() < 0.15:  # GNU's way of long names
        name = rng.choice((b"n" * 120, b"d/" * 100 + b"x", b"m" * 246, b"m" * 247, b"", b"p" * 300))
        end = rng.choice((b"\0", b""))
        return member(b"././@LongLink", name + end, kind=rng.choice((b"L", b"K"))) + member(
            path, b"" if kind in (b"1", b"2") else content, kind=kind, link=link
        )
    if rng.random() < 0.1:
        content = rng.choice((b"12 path=./x\n", b"20 size=5\n", b"9 x=yyyy\n", b"bogus"))
        return member(b"./pax", content, kind=rng.choice((b"x", b"g"))) + member(path, b"z")
    return member(path, content, kind=kind, link=link)


def mutated_header(made: bytes, rng: random.Random) -> bytes:
    """Change a field or a byte of a header, which then has the checksum that it needs."""
    block = bytearray(made[:512])
    if rng.random() < 0.5:
        at, size = rng.choice(
            ((100, 8), (108, 8), (116, 8), (124, 12), (136, 12), (148, 8), (257, 8), (329, 8),
             (265, 32), (345, 155), (500, 12))
        )  # fmt: skip
        digits = bytes(rng.choice(b"01234567") for _ in range(rng.randrange(size)))
        value = rng.choice(
            (b"", digits, b" " * rng.randrange(size) + b"7", digits + b" ", b"-1", b"x", b"8",
             b"\x80" + bytes(size - 1), b"\xff" * size, b"\x80" + bytes(size - 2) + b"\1",
             b" " * size, b"0" * size, b"+1", b"0x1", b"ustar\x0000", b"ustar", b"1 1", b"1\x001")
        )[:size]  # fmt: skip
        block[at : at + size] = value.ljust(size, rng.choice((b"\0", b"\0", b" ")))
    else:
        at = rng.randrange(512)
        block[at] = rng.choice([0, 32, 47, 48, 49, 53, 55, 57, 120, rng.randrange(256)])
    if not 141 < at < 156 or rng.random() < 0.2:
        block[148:156] = b" " * 8
        spelling = rng.choice((b"%06o\0 ", b"%06o\0 ", b"%06o\0 ", b"%07o\0", b"%6o\0 ", b"%06o  "))
        block[148:156] = (spelling % sum(block))[:8]
    return bytes(block) + made[512:]


def repacked(packed: bytes, plain: bytes, suffix: str, rng: random.Random) -> bytes:
    """Return what is compressed in another way, or with something wrong."""
    kind = KINDS[suffix]
    match rng.randrange(7):
        case 0:
            return packed[: rng.randrange(len(packed))]
        case 1:
            return packed + rng.choice((b"x", b"\0", bytes(4), bytes(512), b"garbage" * 10))
        case 2:
            half = rng.randrange(len(plain))
            return compress(plain[:half], kind) + compress(plain[half:], kind)
        case 3:
            return flipped(packed, rng)
        case 4:
            return rng.choice((b"", compress(b"", kind)))
        case 5:
            return packed[: -rng.randrange(1, 12)]
    return compress(plain, rng.choice(tuple(KINDS.values())))


def ar_member(name: bytes, content: bytes) -> bytes:
    """Return a member of an ar archive, with its header."""
    size = len(content)
    return (
        b"%-16b%-12d%-6d%-6d%-8b%-10d`\n" % (name, 0, 0, 0, b"100644", size)
        + content
        + b"\n" * (size % 2)
    )


def mutated_ar(members: list[bytes], rng: random.Random) -> list[bytes]:
    """Change a header, the order or the number of the members."""
    at = rng.randrange(len(members))
    match rng.randrange(6):
        case 0:
            members.insert(at, members.pop())
        case 1:
            members.insert(at, rng.choice(members))
        case 2:
            del members[at]
        case 3:
            name = rng.choice(
                (b"_gpgorigin", b"_", b"other", b"data.tar.x", b"control.tar", b"data.tar",
                 b"data.tar.gz", b"debian-binary", b"_gpg/", b"", b"control.tar.gz/", b"_\xe4")
            )  # fmt: skip
            content = rng.choice((b"", b"x", b"xx", b"2.0\n", bytes(512)))
            members.insert(rng.randrange(len(members) + 1), ar_member(name, content))
        case 4:
            text = rng.choice(
                (b"2.0\n", b"2.1\n", b"3.0\n", b"2.0", b"2.0\n\n", b"2.0\nx", b"2\n", b"2.\n", b"",
                 b" 2.0\n", b"02.0\n", b"2.0x\n", b"2.0 \n", b"2.0\r\n", b"2.-1\n", b"+2.0\n",
                 b"2.10\n", b"0.939000\n", b"2.0\0\n", b"2. 0\n", b"2.0\n" + b"x" * 300)
            )  # fmt: skip
            members[0] = ar_member(b"debian-binary", text)
        case _:
            place, size = rng.choice(
                ((0, 16), (16, 12), (28, 6), (34, 6), (40, 8), (48, 10), (58, 2))
            )
            there = members[at][place : place + size]
            number = int(members[at][48:58])
            value = rng.choice(
                (b"", b"x", b"-1", b"0", b" 0", there.rstrip() + b"/", there.rstrip() + b"x",
                 b"%d" % (number + rng.choice((-1, 1, 2))), b"9" * size, b"+%d" % number,
                 b"%d" % number, b"0%d" % number, b" %d" % number, b"0x%x" % number, b"\0" * size,
                 there.upper(), there.rstrip() + b"\0", b"%d.0" % number, b"`", b"`\r")
            )[:size]  # fmt: skip
            members[at] = members[at][:place] + value.ljust(size) + members[at][place + size :]
    return members

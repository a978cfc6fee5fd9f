"""Control files: what dpkg installs and apt reads is let in, and nothing else."""

from contextlib import suppress

import pytest

from debrepo import archive
from debrepo.archive import Digests, Limits
from debrepo.archive.control import check_binary
from debrepo.archive.findings import Findings
from debrepo.archive.info_files import info_findings
from debrepo.archive.relation_rules import RELATIONS
from debrepo.archive.rules import known_architecture
from debrepo.archive.version_rules import complaint
from debrepo.errors import InvalidInput, InvalidPackage
from debrepo.testing.packages import ar, tar

START = b"Package: aa\nVersion: 1\nArchitecture: all\nMaintainer: A <a@example.org>\n"
END = b"Description: x\n"


def found(text, policy=None):
    findings = Findings(policy)
    check_binary(text, "control", findings)
    return findings.found


def levels(field, value):
    return [level for level, _ in found(START + f"{field}: {value}\n".encode() + END)]


def test_ordinary_control_file_has_nothing_odd():
    text = START + b"Depends: libc6 (>= 2.36), a | b:any (<< 1:2~), c(>=1-2)\n" + END
    assert found(text, "strict") == []


@pytest.mark.parametrize("field", [name.decode() for name in RELATIONS])
@pytest.mark.parametrize(
    "value",
    [
        "foo >= 1", "foo (= )", "foo ()", "a,, b", ",a", ",", "foo [amd64]", "foo <!nocheck>",
        "x()(64bit)", "foo (1)", "foo bar", "foo (>= 1", "foo (>= 1) (<< 2)", "foo (= 1)x",
        "foo (=1)",
    ],
)  # fmt: skip
def test_relation_that_apt_cannot_read_is_refused_whatever_the_policy(field, value):
    assert "unreadable" in levels(field, value)
    with pytest.raises(InvalidPackage, match=field.title()):
        found(START + f"{field}: {value}\n".encode() + END, "lenient")


@pytest.mark.parametrize("field", [name.decode() for name in RELATIONS])
@pytest.mark.parametrize(
    "value",
    [
        "a,", "a/b", "${misc:Depends}", "foo (= v1)", "foo (= 1.0-)", "foo (= 1:)", "foo (= 1_2)",
        "foo (= 2147483648:1)", "foo:bo_gus", "_a",
    ],
)  # fmt: skip
def test_relation_that_dpkg_does_not_install_is_refused(field, value):
    assert "refused" in levels(field, value)


@pytest.mark.parametrize(
    "value",
    [
        "", "foo", "foo (>= 1)", "foo(>=1.0)", "foo (>=\n 1)", "a,\n b", "a\n , b", "foo:any",
        "A_b",
        "foo:amd64 (= 1:2.0-1) | b", "foo (= 1:2:3)", "foo ( = 1 ) ", "foo (>= 0~)", "foo (=1), b",
        "1a", "a\t,b", "foo (<<1)",
    ],
)  # fmt: skip
def test_relation_that_all_read_is_let_in_without_a_remark(value):
    assert levels("Depends", value) == []


@pytest.mark.parametrize("value", ["foo (< 1)", "foo (> 1.0)", "foo (1.0)", "foo (1), b"])
def test_obsolete_operators_are_remarked_on(value):
    assert levels("Depends", value) == ["odd"]


@pytest.mark.parametrize("field", ["Conflicts", "Breaks", "Replaces", "Provides"])
def test_alternatives_have_their_fields(field):
    assert levels(field, "a | b") == ["refused"]


def test_only_exact_versions_are_provided():
    assert levels("Provides", "a (= 1), b") == []
    assert levels("Provides", "a (>= 1)") == ["refused"]
    assert levels("Provides", "") == ["unreadable"]


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("Essential", "maybe", ["refused"]), ("Protected", "maybe", ["refused"]),
        ("Essential", "YES", []), ("Important", "maybe", ["refused"]),
        ("Multi-Arch", "bogus", ["refused"]), ("Multi-Arch", "same", ["refused"]),
        ("Multi-Arch", "Foreign", ["refused"]), ("Multi-Arch", "foreign", []),
        ("Description-md5", "xx", ["unreadable"]), ("Description-md5", "z" * 32, ["odd"]),
        ("Description-md5", "0" * 32, []), ("Status", "install ok installed", ["refused"]),
        ("Config-Version", "", ["refused"]), ("Conffiles", "x", ["refused"]),
        ("Conffiles", "\n /etc/x 0123", ["odd"]), ("MSDOS-Filename", "", ["refused"]),
        ("X", "y", ["refused"]), ("#x", "y", ["odd"]), ("Recommended", "a >= 1", ["unreadable"]),
        ("Priority", "optional", []), ("Priority", "odd word", []),
        ("Priority", "optional x", ["refused"]), ("Priority", "extra\n x", ["refused"]),
        ("Section", "two words", []), ("Source", "s (1)", []), ("Installed-Size", "x", []),
    ],
)  # fmt: skip
def test_values_out_of_their_set_are_found(field, value, expected):
    assert levels(field, value) == expected


@pytest.mark.parametrize(
    "version",
    ["1.0", "0", "1:1", "2147483647:1", "1:2:3-4", "1.0-1-1", "1~~", "1.0-a", "01:1", "0:0", "1.."],
)
def test_versions_that_dpkg_takes(version):
    assert complaint(version.encode()) == ""


@pytest.mark.parametrize(
    ("version", "reason"),
    [
        ("v1.1", "it does not start with a digit"),
        ("1.0-", "nothing follows its last hyphen"),
        ("1:", "nothing follows its epoch"),
        ("-1", "it starts with a hyphen"),
        ("2147483648:1", "its epoch is above 2147483647"),
        ("99999999999999999999:1", "its epoch is above 2147483647"),
        ("x:1", "its epoch is not a number"),
        ("1.0_1", "there is a character in it that cannot stand there"),
        ("1.0-1:1", "its epoch is not a number"),
        ("", "it is empty"),
    ],
)
def test_versions_that_dpkg_does_not_take(version, reason):
    assert complaint(version.encode()) == reason


def test_version_on_the_second_line_is_refused():
    text = START.replace(b"Version: 1", b"Version:\n 1") + END
    assert [level for level, _ in found(text)] == ["refused"]


def test_missing_newline_at_the_end_is_refused():
    assert [text for _, text in found((START + END)[:-1])] == ["control does not end in a newline"]


def test_last_field_without_a_value_is_refused():
    assert [level for level, _ in found(START + b"Description:\n")] == ["refused"]
    assert found(START + b"Description:\n x\n") == []


@pytest.mark.parametrize(
    ("text", "stanza", "remark"),
    [
        (
            b"J\xfcrgen",
            "J\u00fcrgen".encode(),
            "is not UTF-8; it is published as if it were Latin-1",
        ),
        (b"a\x0bb", b"a b", "has a control character, 0b; it is published without"),
        (b"a\x0cb", b"a b", "has a control character, 0c; it is published without"),
        (b"a\x1b[2J", b"a?[2J", "has a control character, 1b; it is published without"),
        (
            b"a\rFilename: b",
            b"a Filename: b",
            "has a control character, 0d; it is published without",
        ),
        (b"a\r", b"a", "has the line ends of MS-DOS"),
    ],
)
def test_odd_text_is_made_into_what_every_client_reads(text, stanza, remark):
    findings = Findings()
    said, _ = check_binary(START + b"Xx: " + text + b"\nXy: \xc3\xa4\n" + END, "control", findings)
    assert said == (START + b"Xx: " + stanza + b"\nXy: \xc3\xa4\n" + END).rstrip(b"\n")
    assert findings.found == [("odd", f"control {remark}")]


def test_end_of_file_of_ms_dos_may_follow_the_end_alone():
    assert [level for level, _ in found(START + END + b"\x1a\n")] == ["odd"]
    assert [level for level, _ in found(START + END + b"\x1a")] == ["odd"]
    assert [level for level, _ in found(START + END + b"c")] == ["odd"]
    assert [level for level, _ in found(START + END + b"\n\0")] == ["odd"]
    assert "refused" in [level for level, _ in found(START + b"Xx: a\x1ab\n" + END)]


def test_blanks_before_a_colon_are_taken_away():
    findings = Findings()
    stanza, fields = check_binary(START + b"Section \t: x : y\n" + END, "control", findings)
    assert b"\nSection: x : y\n" in stanza
    assert fields[b"section"] == b" x : y"
    assert [level for level, _ in findings.found] == ["odd"]


@pytest.mark.parametrize("name", ["my_exporter", "Capital", "a", "1", "a-", "a.."])
def test_names_that_dpkg_takes_are_taken(name):
    text = START.replace(b"Package: aa", f"Package: {name}".encode()) + END
    data = ar(
        [
            ("debian-binary", b"2.0\n"),
            ("control.tar", tar({"control": text})),
            ("data.tar", tar({"usr/a": b""})),
        ]
    )
    content = archive.parse((data,), len(data))
    assert archive.describe(content, Digests(data), ".deb").key.name == name
    odd = f"Package is {name!r}, which Debian Policy 5.6.1 does not allow"
    assert (odd in content.remarks) is (name not in ("a-", "a.."))


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("all", True), ("amd64", True), ("arm64", True), ("armhf", True), ("mips64r6el", True),
        ("kfreebsd-amd64", True), ("musl-linux-armhf", True), ("loong64", True), ("riscv64", True),
        ("noarch", False), ("x86-64", False), ("linux-any", False), ("amd", False),
    ],
)  # fmt: skip
def test_architectures_are_those_of_dpkg(name, known):
    assert known_architecture(name) is known


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("conffiles", b"/etc/x\n\n/etc/y z\nremove-on-upgrade /etc/y\n"),
        ("triggers", b"# x\n\n  interest-noawait /usr/share/x\nactivate a.b\ninterest x \n"),
        ("md5sums", b"anything"),
    ],
)
def test_files_beside_the_control_file_are_read_as_dpkg_does(file, content):
    assert list(info_findings(file.encode(), content)) == []


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("conffiles", b"etc/x\n"), ("conffiles", b"/etc/x"), ("conffiles", b" /etc/x\n"),
        ("conffiles", b"bogus /etc/x\n"), ("conffiles", b"/" + b"x" * 1100 + b"\n"),
        ("triggers", b"interest x"), ("triggers", b"bogus x\n"), ("triggers", b"interest x y\n"),
        ("triggers", b"interest \xc3\xa4\n"), ("triggers", b"interest x/y\n"),
        ("triggers", b"interest\n"), ("triggers", b"interest /a//b\n"),
    ],
)  # fmt: skip
def test_files_beside_the_control_file_that_stop_dpkg_are_refused(file, content):
    assert [level for level, _ in info_findings(file.encode(), content)] == ["refused"]


def deb(text=START + END, *, control="control.tar", data="data.tar", paths=None):
    members = [(control, tar({"control": text})), (data, tar(paths or {"usr/a": b""}))]
    return ar([("debian-binary", b"2.0\n"), *members])


def let_in(data, policy):
    return archive.parse((data,), len(data), limits=Limits(policy=policy))


def test_policy_says_how_far_to_go():
    museum = deb(START.replace(b"Version: 1", b"Version: v1") + END)
    odd = deb(START + b"#x: y\n" + END)
    assert let_in(museum, "lenient").remarks == (
        "Version: 'v1' is no version: it does not start with a digit",
    )
    assert let_in(odd, "dpkg").remarks
    with pytest.raises(InvalidPackage) as caught:
        let_in(museum, "dpkg")
    assert caught.value.hint == (
        "the setting archive.policy = lenient lets in what dpkg does not install"
    )
    with pytest.raises(InvalidPackage, match="the field '#x' looks like a comment"):
        let_in(odd, "strict")
    with pytest.raises(InvalidInput, match=r"archive.policy cannot be 'odd'"):
        let_in(odd, "odd")


@pytest.mark.parametrize("suffix", ["bz2", "lzma"])
def test_control_member_is_compressed_as_dpkg_reads_it(suffix):
    with pytest.raises(InvalidPackage, match="compressed as dpkg does not read it"):
        let_in(deb(control=f"control.tar.{suffix}"), "dpkg")


@pytest.mark.parametrize("path", ["a" * 247, "a" * 247 + "/b", "/".join(["a" * 200] * 25)])
def test_paths_too_long_for_dpkg_are_refused(path):
    with pytest.raises(InvalidPackage, match="a longer path than dpkg can make"):
        let_in(deb(paths={path: b""}), "dpkg")
    assert let_in(deb(paths={"a" * 246: b""}), "strict").paths == b"a" * 246


@pytest.mark.parametrize(
    "line",
    [
        b"Depends: a (" + b" " * (1 << 20) + b"x",
        b"Depends: a" + b" " * (1 << 20) + b"(>=" + b" " * (1 << 20) + b"x",
        b"Provides: a (" + b" " * (1 << 20) + b")",
        b"X-y: " + b"\r" * (1 << 20) + b"x",
        b"X-y: x" + b"\n\x1a" * (1 << 20),
    ],
)
def test_a_million_blanks_take_no_longer_than_other_text(line):
    """Where each were tried with each, this would take hours: longer than a test may take."""
    with suppress(InvalidPackage):
        check_binary(START + line + b"\n" + END, "control", Findings(None))


def test_of_many_findings_a_hundred_are_kept_and_the_worst_are_not_lost():
    relations = ", ".join(f"a{number} (< 1)" for number in range(200_000))
    text = START + f"Depends: {relations}\nBreaks: foo >= 1\n".encode() + END
    assert [level for level, _ in found(text)] == ["odd"] * 100 + ["unreadable"]

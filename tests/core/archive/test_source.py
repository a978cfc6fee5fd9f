"""Source packages and lists of files: what they promise, and whether it holds."""

import pytest

from debrepo import archive
from debrepo.archive import Digests, Limits
from debrepo.errors import InvalidPackage, VerificationFailed
from debrepo.package import files_hash
from debrepo.testing.packages import build_source, listing, stanza

SIGNED = b"""-----BEGIN PGP SIGNED MESSAGE-----
Hash: SHA512

%s
-----BEGIN PGP SIGNATURE-----

iQIzBAEBCgAdFiEE
-----END PGP SIGNATURE-----
"""
CHANGES = stanza(
    {"Source": "hello", "Version": "1", "Files": "\n " + "0" * 32 + " 5 devel optional a_1.dsc"}
)


def dsc(**fields):
    files = {"a_1.tar.xz": b"data"}
    usual = {"Source": "a", "Version": "1", "Files": listing("md5", files)}
    return stanza(usual | {name.replace("_", "-"): value for name, value in fields.items()})


def test_source_package_is_read_with_its_files(tmp_path):
    package = archive.read_source(build_source(tmp_path, "hello", "1:2.0-1"))
    assert package.key.display == "hello_1:2.0-1_source"
    assert package.kind == "source"
    assert [file.name for file in package.files] == [
        "hello_2.0-1.dsc",
        "hello_2.0.orig.tar.xz",
        "hello_2.0-1.debian.tar.xz",
    ]
    for file in package.files:
        assert file == Digests((tmp_path / file.name).read_bytes()).file(file.name)


def test_stanza_of_a_signed_source_is_what_was_signed(tmp_path):
    path = build_source(tmp_path, version="1.0")
    text = path.read_bytes()
    path.write_bytes(SIGNED % text)
    assert archive.read_source(path).stanza == text.rstrip(b"\n")


def test_signed_lines_lose_their_escape():
    listed = archive.parse_list(SIGNED % b"- Source: hello\nX: y\n -----BEGIN\n")
    assert listed.stanza == b"Source: hello\nX: y\n -----BEGIN"


def test_list_signed_in_parts_is_refused():
    with pytest.raises(InvalidPackage, match="in more than one part"):
        archive.parse_list(SIGNED % b"-----BEGIN PGP MESSAGE-----")


def test_unsigned_list_is_told_from_a_signed_one():
    assert not archive.parse_list(CHANGES).signed
    assert archive.parse_list(SIGNED % CHANGES).signed


def test_changes_file_lists_its_files():
    listed = archive.parse_list(CHANGES)
    assert listed.fields["source"] == "hello"
    assert [(file.name, file.size, file.md5) for file in listed.files] == [("a_1.dsc", 5, "0" * 32)]


def test_digests_of_all_lists_are_joined():
    files = {"a.deb": b"one", "b.deb": b"two"}
    text = stanza(
        {
            "Files": listing("md5", files),
            "Checksums-Sha1": listing("sha1", files),
            "Checksums-Sha256": listing("sha256", files),
            "Checksums-Sha512": listing("sha512", files),
        }
    )
    listed = archive.parse_list(text)
    assert listed.files == tuple(Digests(data).file(name) for name, data in files.items())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"Filename: x\n" + SIGNED % CHANGES, "text before the part that is signed"),
        (SIGNED % CHANGES + b"Filename: x\n", "text after the signature"),
        (SIGNED % CHANGES + SIGNED % CHANGES, "text after the signature"),
        ((SIGNED % CHANGES)[:-20], "signature is cut short"),
        ((SIGNED % CHANGES).replace(b"Hash: SHA512\n\n", b""), "not properly clear-signed"),
        (b"-----BEGIN PGP SIGNED MESSAGE-----", "not properly clear-signed"),
    ],
)
def test_nothing_but_what_is_signed_is_accepted(text, message):
    with pytest.raises(InvalidPackage, match=message):
        archive.parse_list(text)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ("\n {md5} 4 ../a", "lists '../a', which is no name"),
        ("\n {md5} 4 /etc/a", "no name of a file beside it"),
        ("\n {md5} 4 ..", "no name of a file"),
        ("\n {md5} 4 .hidden", "no name of a file"),
        ("\n {md5} 4 a%3ab", "no name of a file"),
        ("\n {md5} 4 " + "a" * 256, "no name of a file"),
        ("\n {md5} -4 a", "not a line of it"),
        ("\n {md5} a", "not a line of it"),
        ("\n a", "not a line of it"),
        ("\n xyz 4 a", "not a line of it"),
        ("\n 00 4 a", "'00' is not MD5 in hex"),
        ("\n {md5} 4 a\n {md5} 4 a", "lists a twice"),
    ],
)
def test_odd_lines_of_a_list_are_refused(files, message):
    with pytest.raises(InvalidPackage, match=message):
        archive.parse_list(dsc(Files=files.replace("{md5}", "0" * 32)))


def test_lists_have_to_agree():
    one, two = listing("sha1", {"a_1.tar.xz": b"longer"}), listing("sha1", {"b": b""})
    with pytest.raises(InvalidPackage, match=r"two sizes of a_1.tar.xz: 4 and 6"):
        archive.parse_list(dsc(Checksums_Sha1=one))
    with pytest.raises(InvalidPackage, match=r"lists a_1.tar.xz in some of its checksum fields"):
        archive.parse_list(dsc(Checksums_Sha1=two))


def test_list_of_too_many_files_is_refused():
    files = {f"a{number}": b"" for number in range(5001)}
    with pytest.raises(InvalidPackage, match="lists 5001 files; 5000 are allowed"):
        archive.parse_list(dsc(Files=listing("md5", files)))


def test_list_that_is_too_long_is_refused():
    with pytest.raises(InvalidPackage, match="more than 100 bytes"):
        archive.parse_list(CHANGES * 9, limits=Limits(control_file=100))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"Source": ""}, "no package name"),
        ({"Source": "../a"}, "package name '../a' breaks"),
        ({"Version": ""}, "no version"),
        ({"Files": ""}, "lists no files"),
        ({"Files": listing("md5", {"a_1.dsc": b""})}, "lists itself"),
    ],
)
def test_source_that_breaks_policy_is_refused(fields, message):
    listed = archive.parse_list(dsc(**fields))
    with pytest.raises(InvalidPackage, match=message):
        archive.describe_source(listed, Digests(), listed.files)


def test_part_of_another_size_is_refused(tmp_path):
    path = build_source(tmp_path, "hello", "1.0")
    (tmp_path / "hello_1.0.tar.xz").write_bytes(b"x")
    with pytest.raises(VerificationFailed, match=r"hello_1.0.tar.xz has 1 bytes, expected \d+$"):
        archive.read_source(path)


@pytest.mark.parametrize("field", ["Files", "Checksums-Sha1", "Checksums-Sha256"])
def test_every_digest_that_is_given_has_to_match(tmp_path, field):
    path = build_source(tmp_path, "hello", "1.0")
    before, mark, after = path.read_bytes().partition(f"{field}: \n ".encode())
    path.write_bytes(before + mark + (b"1" if after[:1] == b"0" else b"0") + after[1:])
    with pytest.raises(VerificationFailed, match=r"hello_1.0.tar.xz has the .* checksum "):
        archive.read_source(path)


def test_key_has_the_name_of_the_dsc_as_aptlys_has(tmp_path):
    path = build_source(tmp_path, "hello", "2.10-3")
    usual = archive.read_source(path)
    own = archive.read_source(path.rename(tmp_path / "some+other_name.dsc"))
    assert own.files[0].name == "some+other_name.dsc"
    assert own.key.hash == files_hash(own.files) != usual.key.hash
    odd = archive.read_source((tmp_path / "some+other_name.dsc").rename(tmp_path / "a%2fb.dsc"))
    assert odd.key == usual.key

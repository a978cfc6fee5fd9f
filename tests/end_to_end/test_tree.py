"""What stands in the published tree, byte for byte."""

import hashlib
import shutil

import pytest
from end_to_end.archive import listed, read_index, release_fields, tree

from debrepo.testing.packages import build_deb


@pytest.fixture
def dists(published):
    return published.public / "dists/stable"


@pytest.fixture
def release(dists):
    return release_fields((dists / "Release").read_text())


def plain(path: str) -> str:
    return path.removesuffix(".gz").removesuffix(".xz").removesuffix(".zst").removesuffix(".bz2")


def test_release_names_what_there_is(release):
    assert release["Suite"] == release["Codename"] == "stable"
    assert release["Components"] == "main"
    assert set(release["Architectures"].split()) >= {"amd64", "arm64"}
    assert release["Acquire-By-Hash"] == "yes"


def test_every_listed_index_has_the_size_and_the_digest_that_release_says(dists, release):
    present = [path for path in listed(release) if (dists / path).exists()]
    assert {path for path in present if path.endswith((".gz", ".xz"))}
    for path in present:
        data = (dists / path).read_bytes()
        assert (hashlib.sha256(data).hexdigest(), len(data)) == listed(release)[path]


def test_every_index_decompresses_to_what_release_says_of_the_plain_one(dists, release):
    for path in listed(release):
        if (dists / path).exists():
            data = read_index(dists / path)
            assert (hashlib.sha256(data).hexdigest(), len(data)) == listed(release)[plain(path)]


def test_every_stored_index_has_its_by_hash_name(dists, release):
    for path, (digest, _) in listed(release).items():
        if (dists / path).exists():
            by_hash = (dists / path).parent / "by-hash/SHA256" / digest
            assert by_hash.read_bytes() == (dists / path).read_bytes()


def test_every_strong_checksum_has_its_by_hash_directory(published, dists):
    """apt 2.6.2 and 3.3.5 ask in the directory of the strongest listed checksum only.

    apt-mirror 16 of PyPI tries each file ten times, 5 seconds apart, before it falls back.
    """
    published("publish", "update", "stable", "--sums", "md5,sha1,sha256,sha512")
    release = release_fields((dists / "Release").read_text())
    for algorithm in ("SHA256", "SHA512"):
        for path, (digest, _) in listed(release, algorithm).items():
            if (dists / path).exists():
                by_hash = (dists / path).parent / "by-hash" / algorithm / digest
                assert by_hash.read_bytes() == (dists / path).read_bytes()


@pytest.mark.parametrize(
    ("sums", "fields"),
    [
        ("sha256", {"Checksums-Sha256"}),
        ("sha512", {"Checksums-Sha512"}),
        ("md5,sha1,sha256,sha512", {"Checksums-Sha1", "Checksums-Sha256", "Checksums-Sha512"}),
    ],
)
def test_sources_list_the_sums_that_packages_do(published, dists, sums, fields):
    """apt-mirror 0.5.4 and 16 of PyPI silently leave out files without the sum they know."""
    published("publish", "update", "stable", "--sums", sums)
    sources = release_fields(read_index(dists / "main/source/Sources.gz").decode())
    assert {name for name in sources if name.startswith("Checksums-")} == fields
    assert "Files" in sources  # where clients take names and sizes
    packages = release_fields(read_index(dists / "main/binary-amd64/Packages.gz").decode())
    known = {"SHA1": "Checksums-Sha1", "SHA256": "Checksums-Sha256", "SHA512": "Checksums-Sha512"}
    assert {known[name] for name in packages if name in known} == fields


def test_every_index_of_the_tree_is_listed(dists, release):
    indexes = {
        str(path.relative_to(dists))
        for path in dists.rglob("*")
        if path.is_file() and "by-hash" not in path.parts
    }
    assert indexes - set(listed(release)) <= {"InRelease", "Release", "Release.gpg"}


def test_every_package_of_an_index_is_in_the_pool_as_described(published, dists):
    stanzas = read_index(dists / "main/binary-amd64/Packages.gz").decode().split("\n\n")
    found = [release_fields(stanza) for stanza in stanzas if stanza.strip()]
    assert [fields["Package"] for fields in found] == ["greeter", "hello", "libgreet"]
    for fields in found:
        data = (published.public / fields["Filename"]).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (
            int(fields["Size"]),
            fields["SHA256"],
        )


def test_pool_names_have_no_epoch(published):
    names = [path.name for path in (published.public / "pool").rglob("*") if path.is_file()]
    assert "hello_2.10-3+b1_amd64.deb" in names
    assert [name for name in names if ":" in name or "%" in name] == []


def test_udebs_have_an_index_of_their_own(dists):
    index = read_index(dists / "main/debian-installer/binary-amd64/Packages.gz").decode()
    assert "Package: hello-udeb\n" in index
    assert "udeb" not in read_index(dists / "main/binary-amd64/Packages.gz").decode()


def test_sources_list_every_file_of_a_source_package(published, dists):
    fields = release_fields(read_index(dists / "main/source/Sources.gz").decode())
    assert fields["Package"] == "hello"
    for line in fields["Checksums-Sha256"].splitlines()[1:]:
        digest, _, name = line.split()
        data = (published.public / fields["Directory"] / name).read_bytes()
        assert hashlib.sha256(data).hexdigest() == digest


def test_same_input_and_epoch_give_identical_trees(new_archive, debs, tmp_path):
    trees = []
    for name in ("first", "second"):
        archive = new_archive(name, SOURCE_DATE_EPOCH="1700000000")
        archive("repo", "create", "tools", "--distribution", "stable")
        archive("repo", "add", "tools", debs)
        archive("publish", "repo", "tools")
        trees.append(tree(archive.public))
    assert trees[0].keys() == trees[1].keys()
    assert trees[0] == trees[1]


def test_tree_does_not_depend_on_the_way_to_it(new_archive, debs, tmp_path):
    straight = new_archive("straight", SOURCE_DATE_EPOCH="1700000000")
    straight("repo", "create", "tools", "--distribution", "stable")
    straight("repo", "add", "tools", debs)
    straight("publish", "repo", "tools")
    crooked = new_archive("crooked", SOURCE_DATE_EPOCH="1700000000")
    crooked("repo", "create", "tools", "--distribution", "stable")
    crooked("repo", "add", "tools", build_deb(tmp_path, "visitor"))
    crooked("publish", "repo", "tools")
    crooked("repo", "remove", "tools", "visitor")
    crooked("repo", "add", "tools", debs)
    crooked("publish", "update", "stable")
    for name in ("InRelease", "Release", "Release.gpg"):
        assert (straight.public / "dists/stable" / name).read_bytes() == (
            crooked.public / "dists/stable" / name
        ).read_bytes()


def test_publish_of_nothing_new_touches_nothing(published):
    def times():
        return {p: p.stat().st_mtime_ns for p in published.public.rglob("*") if p.is_file()}

    before = times()
    published("publish", "update", "stable")
    assert times() == before


def test_lost_tree_is_written_again_by_force(published):
    before = tree(published.public)
    shutil.rmtree(published.public)
    published("publish", "update", "stable", "--force")
    assert {p for p in tree(published.public) if "by-hash" not in p} == {
        p for p in before if "by-hash" not in p
    }

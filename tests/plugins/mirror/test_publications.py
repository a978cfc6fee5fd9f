"""What is mirrored is published again: packages, installer images and AppStream metadata."""

import bz2
import gzip
import hashlib
import lzma

import pytest

IMAGES = "main/installer-amd64/current/images"


@pytest.fixture
def everything(archive):
    """Let the archive have images and metadata besides packages."""
    image = archive.dists / IMAGES / "netboot" / "mini.iso"
    image.parent.mkdir(parents=True)
    image.write_bytes(b"an image")
    checksum = hashlib.sha256(b"an image").hexdigest()
    archive.extra = {
        f"{IMAGES}/SHA256SUMS": f"{checksum}  ./netboot/mini.iso\n".encode(),
        "main/dep11/Components-amd64.yml": b"File: DEP-11\n",
        "main/dep11/Components-amd64.yml.gz": gzip.compress(b"File: DEP-11\n"),
    }
    archive.write()
    return archive


def test_snapshot_of_a_mirror_is_published_with_all_that_the_archive_has(
    debrepo, debrepo_root, trusting, server, everything
):
    options = ["--with-installer", "--with-appstream", "--filter", "alpha"]
    trusting("create", "debian", server.url, "stable", "main", *options)
    trusting("update", "debian")
    debrepo("snapshot", "create", "monday", "from", "mirror", "debian")
    debrepo("publish", "snapshot", "monday", "--skip-signing")
    published = debrepo_root / "public" / "dists" / "stable"
    for path in (f"{IMAGES}/netboot/mini.iso", f"{IMAGES}/SHA256SUMS"):
        assert (published / path).read_bytes() == (everything.dists / path).read_bytes()
    metadata = "main/dep11/Components-amd64.yml.gz"
    assert (published / metadata).read_bytes() == everything.extra[metadata]
    release = (published / "Release").read_text()
    for path in (metadata, metadata.removesuffix(".gz"), f"{IMAGES}/SHA256SUMS"):
        assert f" {path}\n" in release
    packages = (published / "main/binary-amd64/Packages.gz").read_bytes()
    assert gzip.decompress(packages).count(b"Package: ") == 1
    debrepo("publish", "verify", "stable", "--files")
    debrepo("db", "check")


def test_images_and_metadata_are_no_packages_to_install(debrepo, trusting, server, everything):
    everything.deb("needy", Depends="appstream, installer")
    everything.write()
    trusting(
        "create", "debian", server.url, "stable", "main", "--with-installer", "--with-appstream"
    )
    trusting("update", "debian")
    found = trusting("search", "debian", "$PackageType (deb)").stdout.split()
    assert found == [f"{name}_1.0_amd64" for name in ("alpha", "beta", "gamma", "needy")]
    assert trusting("search", "debian", "$PackageType (installer)").stdout == (
        "installer_main_amd64\n"
    )
    words = ("snapshot", "verify", "mirror:debian", "--architectures", "amd64")
    missing = debrepo(*words, "--dep-follow-source").stdout.splitlines()
    assert [line for line in missing if line.startswith(("appstream", "installer"))] == []
    assert len([line for line in missing if line.startswith("needy_1.0_amd64 lacks")]) == 3


def test_publication_of_a_mirror_follows_its_updates(
    debrepo, debrepo_root, trusting, server, everything
):
    trusting("create", "debian", server.url, "stable", "main", "--with-appstream")
    trusting("update", "debian")
    debrepo("publish", "mirror", "debian", "--skip-signing")
    metadata = "main/dep11/Components-amd64.yml.gz"
    everything.extra = {metadata: gzip.compress(b"File: DEP-11, newer\n")}
    everything.deb("delta")
    everything.write()
    trusting("update", "debian")
    debrepo("publish", "update", "stable")
    published = debrepo_root / "public" / "dists" / "stable"
    assert (published / metadata).read_bytes() == everything.extra[metadata]
    assert len(list((debrepo_root / "public" / "pool").rglob("*.deb"))) == 4
    debrepo("publish", "verify", "stable", "--files")


def test_mirror_that_was_renamed_is_still_published(debrepo, mirror):
    mirror("update", "debian")
    debrepo("publish", "mirror", "debian", "--skip-signing")
    mirror("rename", "debian", "other")
    mirror("update", "other")
    debrepo("publish", "update", "stable")
    mirror("drop", "other", "--force", exit_code=5)


def test_images_are_published_where_the_archive_has_them(
    debrepo, debrepo_root, trusting, server, archive
):
    legacy = "main/installer-amd64/current/legacy-images"
    image = archive.dists / legacy / "netboot" / "mini.iso"
    image.parent.mkdir(parents=True)
    image.write_bytes(b"an image")
    checksum = hashlib.sha256(b"an image").hexdigest()
    archive.extra = {f"{legacy}/SHA256SUMS": f"{checksum}  ./netboot/mini.iso\n".encode()}
    archive.write()
    trusting("create", "debian", server.url, "stable", "main", "--with-installer")
    trusting("update", "debian")
    debrepo("publish", "mirror", "debian", "--skip-signing")
    published = debrepo_root / "public" / "dists" / "stable"
    assert (published / legacy / "netboot/mini.iso").read_bytes() == b"an image"
    assert not (published / IMAGES).exists()


def test_merged_mirrors_of_two_architectures_keep_the_metadata_of_both(
    debrepo, debrepo_root, trusting, server, archive
):
    metadata = {name: f"main/dep11/Components-{name}.yml.gz" for name in ("amd64", "i386")}
    archive.extra = {path: gzip.compress(name.encode()) for name, path in metadata.items()}
    archive.deb("alpha", architecture="i386", index="main/binary-i386/Packages")
    archive.write()
    for name in metadata:
        words = ("stable", "main", "--with-appstream", "--architectures", name)
        trusting("create", name, server.url, *words)
        trusting("update", name)
        debrepo("snapshot", "create", f"of-{name}", "from", "mirror", name)
    debrepo("snapshot", "merge", "both", "of-amd64", "of-i386")
    debrepo("publish", "snapshot", "both", "--skip-signing", "--distribution", "stable")
    published = debrepo_root / "public" / "dists" / "stable"
    for path in metadata.values():
        assert (published / path).read_bytes() == archive.extra[path]


TRANSLATION = b"""Package: alpha
Description-md5: 0123456789abcdef0123456789abcdef
Description-en: first line
 The rest of it.

"""


@pytest.fixture
def described(archive):
    """Let the archive have its long descriptions in a file of their own."""
    archive.extra = {
        "main/i18n/Translation-en": TRANSLATION,
        "main/i18n/Translation-en.bz2": bz2.compress(TRANSLATION),
        "main/i18n/Translation-en.xz": lzma.compress(TRANSLATION),
        "main/i18n/Translation-de.xz": lzma.compress(b"other"),
    }
    archive.write()
    return archive


def test_long_descriptions_are_published_as_the_archive_has_them(
    debrepo, debrepo_root, trusting, server, described
):
    trusting("create", "debian", server.url, "stable", "main", "--with-translations")
    trusting("update", "debian")
    assert [seen.path.rpartition("/")[2] for seen in server.asked("*/i18n/*")] == [
        "Translation-en.xz"
    ]
    debrepo("snapshot", "create", "monday", "from", "mirror", "debian")
    debrepo("publish", "snapshot", "monday", "--skip-signing")
    published = debrepo_root / "public/dists/stable"
    path = "main/i18n/Translation-en.xz"
    assert (published / path).read_bytes() == described.extra[path]
    release = (published / "Release").read_text()
    assert f" {len(TRANSLATION)} main/i18n/Translation-en\n" in release
    server.clear()
    described.deb("delta")
    described.write()
    trusting("update", "debian")
    assert not server.asked("*/i18n/*")
    debrepo("publish", "verify", "stable", "--files")


def test_long_descriptions_of_a_mirror_are_not_made_anew(
    debrepo, debrepo_root, trusting, server, described
):
    trusting("create", "debian", server.url, "stable", "main", "--with-translations")
    trusting("update", "debian")
    words = ("publish", "mirror", "debian", "--skip-signing")
    said = debrepo(*words, "--translations", exit_code=2).output
    assert "main/i18n/Translation-en comes with a mirror, and --translations writes one" in said
    assert not (debrepo_root / "public/dists").exists()
    debrepo(*words)


def test_mirror_goes_on_without_long_descriptions(debrepo, trusting, server, described):
    trusting("create", "debian", server.url, "stable", "main", "--with-translations")
    trusting("update", "debian")
    debrepo("mirror", "edit", "debian", "--without-translations")
    trusting("update", "debian")
    assert "translation" not in debrepo("mirror", "show", "debian", "--with-packages").output


def test_archive_with_descriptions_in_packages_has_no_others(debrepo, trusting, server):
    trusting("create", "debian", server.url, "stable", "main", "--with-translations")
    trusting("update", "debian")
    assert "Number of packages: 3" in debrepo("mirror", "show", "debian").output

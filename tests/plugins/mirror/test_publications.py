"""What is mirrored is published again: packages, installer images and AppStream metadata."""

import gzip
import hashlib

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

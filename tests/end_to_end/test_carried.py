"""What an archive has besides packages reaches the clients of what is made from its mirror."""

import bz2
import gzip
import hashlib

import pytest
from end_to_end.clients import Apt
from plugins.mirror.archives import Key, SmallArchive
from upstream import serving

#: As in the file 50appstream of Debian's package appstream.
TARGETS = """
Acquire::IndexTargets::deb {
  DEP-11 {
    MetaKey "$(COMPONENT)/dep11/Components-$(NATIVE_ARCHITECTURE).yml";
    ShortDescription "Components-$(NATIVE_ARCHITECTURE)";
    Description "$(RELEASE)/$(COMPONENT) $(NATIVE_ARCHITECTURE) DEP-11 Metadata";
    KeepCompressed "true";
  };
  DEP-11-icons {
    MetaKey "$(COMPONENT)/dep11/icons-64x64.tar";
    ShortDescription "icons-64x64";
    Description "$(RELEASE)/$(COMPONENT) DEP-11 64x64 Icons";
    KeepCompressed "true";
  };
};
"""
YAML, ICONS = b"---\nFile: DEP-11\nVersion: '1.0'\n", b"icons" * 100
TEXT = b"a greeting\n It says hello to everybody."
CHECKSUM = hashlib.md5(TEXT + b"\n").hexdigest()
TRANSLATION = (
    f"Package: hello\nDescription-md5: {CHECKSUM}\nDescription-en: {TEXT.decode()}\n\n".encode()
)
IMAGES = "main/installer-amd64/current/images"


@pytest.fixture(scope="module")
def key():
    key = Key()
    yield key
    key.close()


@pytest.fixture
def mirrored(archive, key, tmp_path):
    """Publish a snapshot of a mirror of an archive that has everything."""
    upstream = SmallArchive(tmp_path / "upstream", key)
    upstream.deb("hello", Description="a greeting", **{"Description-md5": CHECKSUM})
    image = upstream.dists / IMAGES / "netboot" / "mini.iso"
    image.parent.mkdir(parents=True)
    image.write_bytes(b"an image")
    checksum = hashlib.sha256(b"an image").hexdigest()
    upstream.extra = {
        f"{IMAGES}/SHA256SUMS": f"{checksum}  ./netboot/mini.iso\n".encode(),
        "main/dep11/Components-amd64.yml": YAML,
        "main/dep11/Components-amd64.yml.gz": gzip.compress(YAML),
        "main/dep11/icons-64x64.tar": ICONS,
        "main/dep11/icons-64x64.tar.gz": gzip.compress(ICONS),
        "main/i18n/Translation-en.bz2": bz2.compress(TRANSLATION),
    }
    upstream.write()
    (tmp_path / "key.asc").write_text(key.public)
    with serving(upstream.root) as server:
        words = ("--keyring", tmp_path / "key.asc", "--with-appstream", "--with-installer")
        words += ("--with-translations",)
        archive("mirror", "create", "debian", server.url, "stable", *words)
        archive("mirror", "update", "debian")
    archive("snapshot", "create", "monday", "from", "mirror", "debian")
    archive("publish", "snapshot", "monday")
    return archive


def test_apt_fetches_metadata_for_software_centres(mirrored, web, tmp_path):
    apt = Apt(tmp_path / "client", mirrored.source(web.url, types="deb"))
    with (apt.home / "apt.conf").open("a") as config:
        config.write(TARGETS)
    apt.update()
    lists = apt.home / "var/lib/apt/lists"
    for name, content in (("Components-amd64.yml", YAML), ("icons-64x64.tar", ICONS)):
        (kept,) = lists.glob(f"*dep11_{name}*")  # apt compresses it in a way of its own
        assert apt("/usr/lib/apt/apt-helper", "cat-file", str(kept)).encode() == content
    assert any("dep11/by-hash/SHA256/" in path for path in web.asked)
    assert apt.candidate("hello") == "1.0"
    assert "Hit:" in apt.update()


def test_images_fit_the_checksums_that_are_published_with_them(mirrored, web):
    images = mirrored.public / "dists/stable" / IMAGES
    for line in (images / "SHA256SUMS").read_text().splitlines():
        checksum, name = line.split()
        assert hashlib.sha256((images / name).read_bytes()).hexdigest() == checksum


def test_apt_shows_the_long_descriptions_that_the_mirror_has(mirrored, web, tmp_path):
    apt = Apt(tmp_path / "client", mirrored.source(web.url, types="deb"))
    with (apt.home / "apt.conf").open("a") as config:
        config.write('#clear Acquire::Languages;\nAcquire::Languages { "en"; };\n')
    apt.update()
    assert "It says hello to everybody." in apt("apt-cache", "show", "hello")

"""Indexes beside Packages, as the real clients read them."""

import gzip

import pytest
from end_to_end.clients import Apt, run, which

from debrepo.testing.packages import build_deb

LANGUAGE = ("-o", "Acquire::Languages=en")


def test_apt_shows_the_long_description_of_a_translation(published, tmp_path):
    published("publish", "update", "stable", "--translations")
    apt = Apt(tmp_path / "client", published.source())
    apt.update()
    assert "It does nothing." not in apt("apt-cache", "show", "hello")
    apt("apt-get", *LANGUAGE, "update")
    said = apt("apt-cache", *LANGUAGE, "show", "hello")
    assert "Description-en: package hello, for a test\n It does nothing.\n" in said
    assert "Description-md5: " in said


def test_apt_shows_the_changelog_of_a_package(archive, web, tmp_path):
    text = gzip.compress(b"hello (1:2.10-3) stable; urgency=low\n", mtime=0)
    paths = {"usr/share/doc/libhello/changelog.Debian.gz": text}
    fields = {"Source": "hello (1:2.10-3)"}
    deb = build_deb(tmp_path, "libhello", "1:2.10-3+b1", fields=fields, paths=paths)
    archive("repo", "create", "tools", "--distribution", "stable")
    archive("repo", "add", "tools", deb)
    archive("publish", "repo", "tools", "--changelogs", web.url)
    apt = Apt(tmp_path / "client", archive.source(web.url, types="deb"))
    apt.update()
    said = apt("apt-get", "changelog", "--print-uris", "libhello")
    assert said.split()[0] == f"'{web.url}/changelogs/main/h/hello/hello_2.10-3_changelog'"
    apt("apt-get", "changelog", "--download-only", "libhello")
    (found,) = (tmp_path / "client/downloads").glob("*.changelog")
    assert found.read_text() == "hello (1:2.10-3) stable; urgency=low\n"


@pytest.fixture
def many(archive, tmp_path):
    """Publish 150 packages with patches."""
    archive("repo", "create", "tools", "--distribution", "stable")
    place = tmp_path / "many"
    place.mkdir()
    for number in range(150):
        build_deb(place, f"p{number:03}")
    archive("repo", "add", "tools", place)
    archive("publish", "repo", "tools", "--pdiffs", "30", "--skip-contents")


@pytest.fixture
def patched(many, archive, web, tmp_path):
    """An archive with patches, and a client that has the index before the last three changes."""
    apt = Apt(tmp_path / "client", archive.source(web.url, types="deb"))
    apt.update()
    for name in ("p007", "aaa", "zzz"):
        archive("repo", "add", "tools", build_deb(tmp_path, name, "2.0"))
        archive("publish", "update", "stable")
    del web.asked[:]
    return apt


def _packages(archive):
    path = archive.public / "dists/stable/main/binary-amd64/Packages.gz"
    return gzip.decompress(path.read_bytes())


def test_apt_takes_one_patch_and_has_the_same_bytes(patched, archive, web):
    patched.update()
    (lists,) = (patched.home / "var/lib/apt/lists").glob("*_Packages")
    assert lists.read_bytes() == _packages(archive)
    fetched = [path for path in web.asked if "Packages.diff/T-" in path]
    assert len(fetched) == 1
    assert not [path for path in web.asked if "/binary-amd64/by-hash/" in path]


def test_mirror_takes_a_patch(many, archive, web, tmp_path, new_archive):
    other = new_archive("other")
    (tmp_path / "key.asc").write_text(archive("key", "export"))
    words = ("m", web.url, "stable", "main", "--architectures", "amd64", "--download", "lazy")
    other("mirror", "create", *words, "--keyring", tmp_path / "key.asc")
    other("mirror", "update", "m")
    archive("repo", "add", "tools", build_deb(tmp_path, "zzz", "2.0"))
    archive("publish", "update", "stable")
    other("mirror", "update", "m")
    assert [path for path in web.asked if "Packages.diff/T-" in path]
    assert "zzz_2.0_amd64" in other("mirror", "show", "m", "--with-packages")


@pytest.mark.skipif(which("debmirror") is None, reason="debmirror is not installed")
def test_debmirror_takes_patches(patched, archive, web, tmp_path):
    words = (
        "--method=http", f"--host={web.url.removeprefix('http://')}", "--root=/", "--dist=stable",
        "--section=main", "--arch=amd64", "--nosource", "--no-check-gpg", "--diff=use",
        "--rsync-extra=none", "--i18n",
    )  # fmt: skip
    run("debmirror", *words, tmp_path / "copy", HOME=str(tmp_path))
    archive("repo", "add", "tools", build_deb(tmp_path, "last", "2.0"))
    archive("publish", "update", "stable")
    del web.asked[:]
    run("debmirror", *words, tmp_path / "copy", HOME=str(tmp_path))
    there = tmp_path / "copy/dists/stable/main/binary-amd64/Packages.gz"
    assert gzip.decompress(there.read_bytes()) == _packages(archive)
    assert [path for path in web.asked if "Packages.diff/T-" in path]

"""Indexes beside Packages, as the real clients read them."""

import gzip

from end_to_end.clients import Apt

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

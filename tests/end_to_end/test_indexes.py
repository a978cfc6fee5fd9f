"""Indexes beside Packages, as the real clients read them."""

from end_to_end.clients import Apt

LANGUAGE = ("-o", "Acquire::Languages=en")


def test_apt_shows_the_long_description_of_a_translation(published, tmp_path):
    published("publish", "update", "stable", "--translations")
    packages = (published.public / "dists/stable/main/binary-amd64/Packages.gz").read_bytes()
    assert packages
    apt = Apt(tmp_path / "client", published.source())
    apt.update()
    assert "It does nothing." not in apt("apt-cache", "show", "hello")
    apt("apt-get", *LANGUAGE, "update")
    said = apt("apt-cache", *LANGUAGE, "show", "hello")
    assert "Description-en: package hello, for a test\n It does nothing.\n" in said
    assert "Description-md5: " in said

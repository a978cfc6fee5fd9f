"""Long descriptions: out of Packages, and once in Translation-en, under their checksums."""

import gzip
import hashlib
import re

import pytest
from debian.deb822 import Deb822

from debrepo.testing.packages import build_deb
from debrepo_publish.indexes.translation import shortened

LONG = "a tool, or two\n It does nothing,\n .\n and that well."


@pytest.fixture
def publish(debrepo, debrepo_root, tmp_path):
    """Add packages, given as the arguments of `build_deb`, and publish; return a file's stanzas."""
    debrepo("repo", "create", "r", "--distribution", "stable")
    root = debrepo_root / "public/dists/stable"

    def run(*packages, options=()):
        for name, version, architecture, description in packages:
            fields = {"Description": description}
            deb = build_deb(tmp_path, name, version, architecture, fields=fields)
            debrepo("repo", "add", "r", deb)
        words = ("update", "stable") if root.exists() else ("repo", "r", "--skip-signing")
        debrepo("publish", *words, "--skip-contents", *options)

    return run


@pytest.fixture
def stanzas(debrepo_root):
    def read(name):
        data = (debrepo_root / "public/dists/stable/main" / f"{name}.gz").read_bytes()
        return [dict(s) for s in Deb822.iter_paragraphs(gzip.decompress(data), use_apt_pkg=False)]

    return read


def _checksum(text):
    return hashlib.md5(f"{text}\n".encode(), usedforsecurity=False).hexdigest()


def test_long_descriptions_are_moved_to_one_file(publish, stanzas, debrepo_root):
    both = [("hello", "1.0", name, LONG) for name in ("amd64", "arm64")]
    publish(*both, ("tiny", "1.0", "all", "a single line"), options=["--translations"])
    (hello, tiny) = stanzas("binary-amd64/Packages")
    assert hello["Description"] == "a tool, or two"
    assert hello["Description-md5"] == _checksum(LONG)
    assert tiny["Description-md5"] == _checksum("a single line")
    assert stanzas("i18n/Translation-en") == [
        {"Package": "hello", "Description-md5": _checksum(LONG), "Description-en": LONG},
        {
            "Package": "tiny",
            "Description-md5": _checksum("a single line"),
            "Description-en": "a single line",
        },
    ]
    release = (debrepo_root / "public/dists/stable/Release").read_text()
    assert re.search(r" main/i18n/Translation-en$", release, re.M)
    (name,) = re.findall(r"^ (\w+) +\d+ main/i18n/Translation-en\.gz$", release, re.M)
    by_hash = debrepo_root / "public/dists/stable/main/i18n/by-hash/SHA256" / name
    assert by_hash.is_file()


def test_descriptions_come_and_go_with_packages_and_with_the_option(
    publish, stanzas, debrepo, debrepo_root
):
    publish(("hello", "1.0", "amd64", LONG), ("world", "1.0", "arm64", "world"))
    assert "Translation" not in (debrepo_root / "public/dists/stable/Release").read_text()
    publish(options=["--translations"])
    publish(("hello", "2.0", "amd64", "another\n one"), ("hello", "2.0", "arm64", LONG))
    said = {(s["Package"], s["Description-en"]) for s in stanzas("i18n/Translation-en")}
    assert said == {("hello", LONG), ("hello", "another\n one"), ("world", "world")}
    debrepo("repo", "remove", "r", "hello_2.0_arm64", "hello_1.0_amd64", "world_1.0_arm64")
    publish()
    said = [(s["Package"], s["Description-en"]) for s in stanzas("i18n/Translation-en")]
    assert said == [("hello", "another\n one")]
    publish(options=["--no-translations"])
    assert stanzas("binary-amd64/Packages")[0]["Description"] == "another\n one"


def test_updated_file_has_the_bytes_of_one_that_is_made_anew(publish, debrepo, debrepo_root):
    publish(("a", "1", "amd64", LONG), ("b", "1", "all", LONG), options=["--translations"])
    publish(("a", "2", "arm64", "x\n y"), ("c", "1", "amd64", LONG))
    path = debrepo_root / "public/dists/stable/main/i18n/Translation-en.gz"
    updated = gzip.decompress(path.read_bytes())
    debrepo("publish", "repo", "r", "other", "--skip-signing", "--translations", "--skip-contents")
    other = debrepo_root / "public/other/dists/stable/main/i18n/Translation-en.gz"
    assert gzip.decompress(other.read_bytes()) == updated


def test_package_whose_long_description_is_elsewhere_keeps_its_checksum():
    stanza = b"Package: a\nDescription: short\nDescription-md5: " + b"0" * 32
    assert shortened(stanza) == stanza


@pytest.mark.parametrize(
    ("stanza", "short"),
    [
        (b"Description: a\n b\nSection: x", b"Description: a\nDescription-md5: %s\nSection: x"),
        (
            b"Package: p\nDescription-md5: old\ndescription:a\n b",
            b"Package: p\nDescription: a\nDescription-md5: %s",
        ),
        (b"Package: p\nSection: x", b"Package: p\nSection: x"),
    ],
)
def test_other_fields_stay_where_they_are(stanza, short):
    said = _checksum("a\n b").encode()
    assert shortened(stanza) == (short % said if b"%s" in short else short)

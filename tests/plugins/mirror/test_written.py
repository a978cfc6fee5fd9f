"""Sources are taken as apt has them, PPAs as they are configured, keys from files."""

import base64
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from debrepo.config import Config
from debrepo.errors import InvalidInput
from debrepo_mirror import choices
from debrepo_mirror.plugin import debrepo_settings
from debrepo_mirror.written import keys, ppa, sources

ARMORED = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmDMEZQ==\n-----END PGP PUBLIC KEY BLOCK-----"
FINGERPRINT = "0123456789ABCDEF0123456789ABCDEF01234567"


def test_one_line_is_a_source():
    found = sources.parse("deb http://mirror.example.org/debian bookworm main contrib")
    assert found == ("http://mirror.example.org/debian", "bookworm", ("main", "contrib"), {})


def test_options_of_a_line_are_properties_of_the_mirror(tmp_path):
    (tmp_path / "key.asc").write_text(ARMORED)
    line = (
        f"deb [ arch=amd64,arm64 signed-by={tmp_path}/key.asc by-hash=force lang=de ] http://a s m"
    )
    assert sources.parse(line).options == {
        "architectures": ["amd64", "arm64"],
        "by_hash": "force",
        "keys": ARMORED,
    }
    assert sources.parse("deb [check-valid-until=no] http://a s m").options == {
        "ignore_dates": True
    }


def test_source_packages_are_asked_for_by_deb_src():
    text = "# our archive\ndeb http://a s m\n\ndeb-src http://a s m # too\n"
    assert sources.parse(text) == ("http://a", "s", ("m",), {"sources": True})
    assert sources.parse("deb-src http://a s m").options == {"sources": True}


def test_stanza_is_a_source():
    text = (
        "# Debian\nTypes: deb deb-src\nURIs: http://a/debian\nSuites: bookworm\n"
        f"Components: main\nArchitectures: amd64\nSigned-By: {FINGERPRINT}!\nEnabled: no\n"
    )
    assert sources.parse(text) == (
        "http://a/debian",
        "bookworm",
        ("main",),
        {"architectures": ["amd64"], "fingerprints": [FINGERPRINT], "sources": True},
    )


def test_key_in_a_stanza_is_kept():
    block = "\n".join(f" {line or '.'}" for line in ARMORED.split("\n"))
    text = f"Types: deb\nURIs: http://a\nSuites: ./\nSigned-By:\n{block}\n"
    assert sources.parse(text) == ("http://a", "./", (), {"keys": ARMORED})


def test_file_needs_no_authority():
    assert sources.parse("deb file:/srv/debian s m").url == "file:///srv/debian"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("deb http://a", "not a source"),
        ("deb [arch=amd64 http://a s m", "not a source"),
        ("# nothing\n\n", "no source in it"),
        ("deb [trusted=yes] http://a s m", "trusted"),
        ("deb [allow-weak=yes] http://a s m", "allow-weak"),
        ("deb [arch+=i386] http://a s m", "no value"),
        ("deb [colour=red] http://a s m", "unknown option of a source: 'colour'"),
        ("deb [by-hash=perhaps] http://a s m", "by-hash"),
        ("deb [signed-by=key.gpg] http://a s m", "neither a file nor a fingerprint"),
        ("deb [signed-by=/none/there] http://a s m", "cannot read the keys in /none/there"),
        ("deb http://a s m\ndeb http://b s m", "several sources"),
        ("Types: deb\nURIs: http://a http://b\nSuites: s\nComponents: m\n", "several sources"),
        ("Types: deb\nURIs: http://a\nComponents: m\n", "no field Suites"),
        ("Types: rpm\nURIs: http://a\nSuites: s\n", "not a type of a source"),
        ("Types: deb\nURIs http://a\n", "line 2"),
    ],
)
def test_what_is_no_source_is_refused(text, complaint):
    with pytest.raises(InvalidInput, match=complaint):
        sources.parse(text)


WORDS = st.sampled_from([
    "deb ", "deb-src ", "[", "]", "arch=", "signed-by=", "http://", "a@b", "./", "\n", " .", ":",
    "Types: deb\n", "URIs: ", "Suites: ", "Signed-By:", "#", "\0", "\udc80", "[::1", "?",
])  # fmt: skip


@settings(deadline=None)
@given(st.lists(WORDS | st.text(max_size=5), max_size=12).map("".join))
def test_whatever_is_written_is_understood_or_refused(text):
    for read in (
        sources.parse,
        choices.check_url,
        choices.check_distribution,
        lambda said: keys.in_text(said, "a file"),
        lambda said: ppa.read(Config(debrepo_settings()), said),
    ):
        with suppress(InvalidInput):
            read(text)


def test_passwords_of_sources_are_not_repeated():
    for text in ("deb http://ann:secret@a", "deb http://ann:secret@a s\ndeb http://x s"):
        with pytest.raises(InvalidInput) as refused:
            sources.parse(text)
        assert "secret" not in f"{refused.value} {refused.value.hint}"


def test_url_is_no_source():
    assert not sources.is_source("http://mirror.example.org/debian")
    assert not sources.is_source("ppa:ann/tools")
    assert sources.is_source("deb-src http://a s m")
    assert sources.is_source("Types: deb\nURIs: http://a\n")


def test_ppa_is_where_the_configuration_says():
    config = Config(debrepo_settings(), environ={"DEBREPO_MIRROR_PPA_CODENAME": "noble"})
    found = ppa.read(config, "ppa:ann/tools")
    assert found == ("https://ppa.launchpadcontent.net/ann/tools/ubuntu", "noble", ("main",))
    environ = {
        "DEBREPO_MIRROR_PPA_BASE_URL": "https://ppa.example.org/",
        "DEBREPO_MIRROR_PPA_DISTRIBUTOR": "debian",
        "DEBREPO_MIRROR_PPA_CODENAME": "bookworm",
    }
    found = ppa.read(Config(debrepo_settings(), environ=environ), "ppa:ann/tools")
    assert found[:2] == ("https://ppa.example.org/ann/tools/debian", "bookworm")


@pytest.mark.parametrize("text", ["ppa:", "ppa:ann", "ppa:ann/", "ppa:/x", "ppa:../x", "ppa:a/b/c"])
def test_what_is_no_ppa_is_refused(text):
    with pytest.raises(InvalidInput, match="not a PPA"):
        ppa.read(Config(debrepo_settings()), text)


def test_binary_keys_are_kept_as_text():
    data = b"\x98\x33\x04" + bytes(range(100))
    lines = keys.armored(data, "a file").split("\n")
    assert lines[0] == "-----BEGIN PGP PUBLIC KEY BLOCK-----"
    assert base64.b64decode("".join(lines[2:-1])) == data


def test_only_the_blocks_of_keys_are_kept():
    assert keys.armored(f"pub ed25519\r\n{ARMORED}\r\nbye".encode(), "a file") == ARMORED


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "no public keys"),
        (b"\0\0\0\x20\x01\x01\0\x02KBXf", "no public keys"),
        (b"\x95\x01\0secret key", "no public keys"),
        (b"-----BEGIN PGP PRIVATE KEY BLOCK-----\n", "secret key"),
        (b"\xff\xfe", "no public keys"),
    ],
)
def test_what_are_no_public_keys_is_refused(data, complaint):
    with pytest.raises(InvalidInput, match=complaint):
        keys.armored(data, "a file")

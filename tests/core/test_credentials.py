"""Credentials by URL."""

import pytest

from debrepo.credentials import Login, Logins, bare, without_password
from debrepo.errors import InvalidInput


@pytest.fixture
def read(tmp_path):
    def read(text, **options):
        path = tmp_path / "auth.conf"
        path.write_text(text)
        return Logins.read(path, **options)

    return read


def test_a_machine_is_found_by_its_host(read):
    logins = read("machine example.org login apt password debian\n")
    assert logins.find("https://example.org/debian/x") == Login("apt", "debian")
    assert logins.find("https://www.example.org/debian/x") is None


def test_a_machine_without_a_scheme_is_for_encrypted_connections(read):
    text = "machine example.org login apt password debian"
    assert read(text).find("http://example.org/") is None
    assert read(text, clear=True).find("http://example.org/") == Login("apt", "debian")


def test_a_scheme_port_and_path_narrow_a_machine_down(read):
    logins = read(
        "machine http://example.org:8080/deb login one password 1\n"
        "machine http://example.org login two password 2\n"
    )
    assert logins.find("http://example.org:8080/deb/x") == Login("one", "1")
    assert logins.find("http://example.org:8080/other") == Login("two", "2")
    assert logins.find("http://example.org/deb/x") == Login("two", "2")
    assert logins.find("https://example.org/deb/x") is None


def test_the_first_that_fits_counts(read):
    logins = read("machine a.org/x login one\nmachine a.org login two\ndefault login three\n")
    assert logins.find("https://a.org/x/y") == Login("one")
    assert logins.find("https://a.org/y") == Login("two")
    assert logins.find("https://b.org/y") == Login("three")


def test_words_may_stand_on_several_lines(read):
    logins = read("# mine\nmachine a.org\n  login me\n  # not that\n  password secret\n")
    assert logins.find("https://a.org/") == Login("me", "secret")


def test_macros_of_a_netrc_are_skipped(read):
    logins = read("macdef init\nmachine b.org login x\n\nmachine a.org login me password p\n")
    assert logins.find("https://b.org/") is None
    assert logins.find("https://a.org/") == Login("me", "p")


def test_what_is_in_the_url_comes_first(read):
    logins = read("machine a.org login me password p")
    assert logins.find("https://you:p%40q@a.org/") == Login("you", "p@q")


@pytest.mark.parametrize("text", ["machine a.org secret", "login x", "machine a.org login"])
def test_what_makes_no_sense_is_refused_and_not_shown(read, text, tmp_path):
    with pytest.raises(InvalidInput, match=r"auth\.conf: ") as caught:
        read(text)
    assert "secret" not in str(caught.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(InvalidInput, match=r"cannot read .*none: No such file"):
        Logins.read(tmp_path / "none")
    (tmp_path / "binary").write_bytes(b"\xff")
    with pytest.raises(InvalidInput, match="not text in UTF-8"):
        Logins.read(tmp_path / "binary")


def test_a_login_hides_its_secrets():
    assert "secret" not in repr(Login("me", "secret", "secret"))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://me:p@a.org/b@c", "https://a.org/b@c"),
        ("https://a.org/b@c", "https://a.org/b@c"),
        ("https://me:p@x@a.org", "https://a.org"),
        ("./debian", "./debian"),
    ],
)
def test_a_bare_url_has_no_credentials(url, expected):
    assert bare(url) == expected


def test_an_odd_port_is_no_crash():
    assert Logins.at("https://a.org/", Login("me")).find("https://a.org:x/") == Login("me")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me:secret@host/db", "postgresql://me@host/db"),
        ("postgresql://me:se/cret@host:5/db?a=b", "postgresql://me@host:5/db?a=b"),
        ("postgresql://me@host/db", "postgresql://me@host/db"),
        ("postgresql:///db?host=/run&password=secret", "postgresql:///db?host=/run"),
        ("postgresql://one,two/db?sslPassword=secret&a=b", "postgresql://one,two/db?a=b"),
        ("text", "text"),
    ],
)
def test_url_is_shown_without_its_passwords(url, shown):
    assert without_password(url) == shown

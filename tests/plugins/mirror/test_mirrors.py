"""Mirrors in the database: named, found, renamed and dropped like any package list."""

import pytest

from debrepo.errors import InvalidInput
from debrepo_mirror import choices
from debrepo_mirror.mirror import Mirror


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("bookworm", "bookworm"),
        ("bookworm/updates", "bookworm/updates"),
        ("./", "./"),
        (".", "./"),
        ("/", "./"),
        ("sub/", "./sub/"),
        ("./sub", "./sub/"),
        ("./a/b/", "./a/b/"),
    ],
)
def test_distribution_with_a_slash_at_its_end_is_a_directory(written, stored):
    assert choices.check_distribution(written) == stored


@pytest.mark.parametrize("written", ["", "../x", "./../x", "a//b", "a b", "a\nb", "a/../b/"])
def test_distribution_that_leads_elsewhere_is_refused(written):
    with pytest.raises(InvalidInput, match="not a distribution"):
        choices.check_distribution(written)


def test_release_is_where_archives_have_it():
    assert Mirror("m", "", "http://a/debian/", "sid").root == "http://a/debian/dists/sid/"
    assert Mirror("m", "", "http://a/", "./").root == "http://a/"
    assert Mirror("m", "", "http://a/", "./sub/").root == "http://a/sub/"


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("nowhere", "not the URL of an archive"),
        ("http:///debian", "not the URL of an archive"),
        ("http://a/b?c", r"has no \? and no #"),
        ("http://a/b c", "not a URL"),
        ("http://[a/b", "not a URL"),
        ("http://a:port/b", "not a URL"),
        ("http://a/\udc80", "not a URL"),
    ],
)
def test_url_that_is_none_of_an_archive_is_refused(url, complaint):
    with pytest.raises(InvalidInput, match=complaint):
        choices.check_url(url)


def test_password_in_a_url_is_refused_and_not_repeated():
    with pytest.raises(InvalidInput, match="a password in it") as refused:
        choices.check_url("https://ann:secret@example.org/debian")
    assert "secret" not in str(refused.value)
    assert "mirror.credentials" in refused.value.hint


def test_slash_is_added_to_a_url():
    assert choices.check_url("http://a/debian") == "http://a/debian/"
    assert choices.check_url("file:///srv/debian//") == "file:///srv/debian/"

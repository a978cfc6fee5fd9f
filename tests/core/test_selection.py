"""Selections are made with the queries, options and settings that there are."""

import pytest

from debrepo import selection
from debrepo.cli.options import FOLLOWED
from debrepo.dependencies import Dependencies
from debrepo.errors import AlreadyExists, InvalidInput, NotFound
from debrepo.package import PackageKey
from debrepo.packageset import EMPTY
from debrepo.testing.packages import build_deb


def entry(name, version="1", architecture="amd64", digest="0123456789abcdef"):
    return PackageKey(name, architecture, version, digest).entry


def test_there_is_an_option_for_everything_that_can_be_followed():
    assert sorted(FOLLOWED) == list(selection.FOLLOW)


def test_newest_is_by_name_and_architecture():
    entries = [entry("a", "9"), entry("a", "10"), entry("a", "9", "i386"), entry("b", "1~")]
    assert selection.newest(entries) == sorted(entries[1:])


def test_what_cannot_be_followed_is_an_error(session):
    with session.db.read() as txn, pytest.raises(InvalidInput, match=r"cannot follow 'enhances'"):
        selection.following(session.config, txn, [EMPTY], Dependencies(follow=("enhances",)))


def test_architectures_have_to_be_names(session):
    with session.db.read() as txn, pytest.raises(InvalidInput, match=r"'am d64' cannot be"):
        selection.following(session.config, txn, [EMPTY], Dependencies(("am d64",)))


def test_architectures_are_those_of_the_first_set_that_has_any(session):
    from debrepo import packageset
    from debrepo.catalog import CHUNKS

    with session.db.write() as txn:
        sources = packageset.build(txn[CHUNKS], [entry("a", architecture="source")])
        binaries = packageset.build(txn[CHUNKS], [entry("a"), entry("b", architecture="all")])
        rules = selection.following(session.config, txn, [EMPTY, sources, binaries], Dependencies())
    assert rules.architectures == ("amd64",)


def test_packages_that_join_together_must_not_be_two_builds_of_one(session):
    with (
        session.db.read() as txn,
        pytest.raises(AlreadyExists, match=r"a_1_amd64 is in x already, with other bytes"),
    ):
        joining = [entry("a"), entry("a", digest="fedcba9876543210")]
        selection.check_joinable(txn, EMPTY, joining, "x")


def test_a_record_that_is_gone_is_told_and_not_passed_over(session, debrepo, tmp_path):
    from debrepo.catalog import PACKAGES

    debrepo("repo", "create", "x")
    debrepo("repo", "add", "x", build_deb(tmp_path))
    with session.db.write() as txn:
        txn[PACKAGES].clear()
    with pytest.raises(NotFound, match=r"no package Pamd64 hello 1\.0 .* in the database"):
        session.call("repo.search", name="x", queries=["Section"])
    with pytest.raises(NotFound, match=r"no package Pamd64 hello"):
        session.call("repo.search", name="x", dependencies=Dependencies())

"""Publications of a part of a package list, as a query says."""

import gzip
import re

import pytest

from debrepo.testing.packages import build_deb


@pytest.fixture
def add(debrepo, tmp_path):
    debrepo("repo", "create", "r")

    def run(*names, version="1.0"):
        for name in names:
            fields = {"Section": "debug" if name.endswith("-dbgsym") else "net"}
            debrepo("repo", "add", "r", build_deb(tmp_path, name, version, fields=fields))

    return run


@pytest.fixture
def names(debrepo_root):
    """Return the packages of a distribution."""

    def read(distribution):
        path = debrepo_root / "public/dists" / distribution / "main/binary-amd64/Packages.gz"
        return re.findall(r"^Package: (.*)$", gzip.decompress(path.read_bytes()).decode(), re.M)

    return read


@pytest.fixture
def both(debrepo, add):
    """A repository in two suites: one of debug symbols, and one of all else."""
    add("hello", "hello-dbgsym", "world")
    words = ("publish", "repo", "r", "--skip-signing", "--distribution")
    debrepo(*words, "stable", "--only", "!Section (= debug)")
    debrepo(*words, "stable-debug", "--only", "Section (= debug)")


def test_debug_symbols_have_a_suite_of_their_own(both, names, debrepo_root):
    assert names("stable") == ["hello", "world"]
    assert names("stable-debug") == ["hello-dbgsym"]
    pool = debrepo_root / "public/pool/main"
    assert len(list(pool.rglob("*.deb"))) == 3


def test_update_follows_what_comes_and_goes(both, add, names, debrepo):
    add("later", "later-dbgsym")
    debrepo("repo", "remove", "r", "hello", "hello-dbgsym")
    for name in ("stable", "stable-debug"):
        debrepo("publish", "update", name)
    assert names("stable") == ["later", "world"]
    assert names("stable-debug") == ["later-dbgsym"]


def test_update_looks_at_new_packages_only(both, add, debrepo, monkeypatch):
    from debrepo_publish.engine import narrowing

    asked = []

    class Query:
        @staticmethod
        def select(parsed, entries, get):
            asked.extend(entries)
            return select(parsed, entries, get)

    select = narrowing.query.select
    monkeypatch.setattr(narrowing, "query", Query)
    add("later")
    debrepo("publish", "update", "stable")
    assert [entry.partition(b"\0")[0] for entry in asked] == [b"later"]
    debrepo("publish", "update", "stable")
    assert len(asked) == 1


def test_unchanged_part_publishes_nothing(both, add, debrepo):
    add("later")
    said = debrepo("publish", "update", "stable-debug").output
    assert "Published" not in said


def test_diff_shows_the_part(both, add, debrepo):
    add("later-dbgsym")
    said = debrepo("publish", "update", "stable", "--dry-run").output
    assert "later-dbgsym" not in said
    assert "later-dbgsym" in debrepo("publish", "update", "stable-debug", "--dry-run").output


def test_everything_is_published_again_without_the_query(both, names, debrepo):
    debrepo("publish", "update", "stable", "--only", "")
    assert names("stable") == ["hello", "hello-dbgsym", "world"]
    debrepo("publish", "rollback", "stable")
    assert names("stable") == ["hello", "world"]


def test_cleanup_and_a_lost_cache_change_nothing(both, names, debrepo, debrepo_root, add):
    from debrepo_publish.indexes.cache import opened

    debrepo("db", "cleanup")
    with opened(debrepo_root) as cache:
        cache.keep_texts([])
    add("later")
    debrepo("publish", "update", "stable")
    assert names("stable") == ["hello", "later", "world"]


def test_what_is_no_query_is_refused_before_anything_is_written(both, names, debrepo):
    debrepo("publish", "update", "stable", "--only", "Section (= (", exit_code=2)
    assert names("stable") == ["hello", "world"]

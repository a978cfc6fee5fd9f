"""Changelogs: which file is published where, and when it goes."""

import gzip
from contextlib import closing

import pytest

from debrepo.plugins import load_plugins
from debrepo.session import Session
from debrepo.testing.packages import build_deb
from debrepo_publish.engine import changelogs
from debrepo_publish.model.tables import CHANGELOGS

URL = ("--changelogs", "https://deb.example.org/tools")


@pytest.fixture
def add(debrepo, tmp_path):
    """Add a package to the repository, with these files below ``usr/share/doc``."""
    debrepo("repo", "create", "r", "--distribution", "stable")

    def run(name, files, version="1.0", architecture="amd64", source="", packed=True):
        fields = {"Source": source} if source else {}
        paths = {
            f"usr/share/doc/{path}": gzip.compress(text, mtime=0)
            if packed and isinstance(text, bytes)
            else text
            for path, text in files.items()
        }
        deb = build_deb(tmp_path, name, version, architecture, fields=fields, paths=paths)
        debrepo("repo", "add", "r", deb)

    return run


@pytest.fixture
def publish(debrepo, debrepo_root):
    def run(*options):
        there = (debrepo_root / "public/dists/stable").exists()
        words = ("update", "stable") if there else ("repo", "r", "--skip-signing")
        return debrepo("publish", *words, "--skip-contents", *options)

    return run


@pytest.fixture
def tree(debrepo_root):
    """Return the published changelogs by path."""

    def read():
        root = debrepo_root / "public/changelogs"
        return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*_changelog")}

    return read


def _release(root):
    return (root / "public/dists/stable/Release").read_text()


def test_release_says_where_and_files_are_there(add, publish, tree, debrepo_root):
    add("hello", {"hello/changelog.Debian.gz": b"debian", "hello/changelog.gz": b"upstream"})
    publish()
    assert "Changelogs" not in _release(debrepo_root)
    assert tree() == {}
    publish(*URL)
    said = "Changelogs: https://deb.example.org/tools/changelogs/@CHANGEPATH@_changelog\n"
    assert said in _release(debrepo_root)
    assert tree() == {"main/h/hello/hello_1.0_changelog": b"debian"}


def test_native_packages_and_packages_of_one_source_have_one(add, publish, tree):
    add("native", {"native/changelog.gz": b"native"}, "1:2.0")
    add("libfoo1", {"libfoo1/changelog.Debian.gz": b"foo"}, "3-1+b1", source="libfoo (3-1)")
    add("libfoo-dev", {"libfoo-dev": "libfoo1"}, "3-1+b1", source="libfoo (3-1)")
    add("plain", {"plain/changelog": b"plain"}, packed=False)
    add("none", {"none/copyright": b""})
    publish(*URL)
    assert tree() == {
        "main/n/native/native_2.0_changelog": b"native",
        "main/libf/libfoo/libfoo_3-1_changelog": b"foo",
        "main/p/plain/plain_1.0_changelog": b"plain",
    }


def test_file_goes_with_the_last_package_of_its_source(add, publish, tree, debrepo):
    add("a", {"a/changelog.gz": b"s"}, source="s")
    add("b", {"b": "a"}, source="s")
    publish(*URL)
    debrepo("repo", "remove", "r", "a_1.0_amd64")
    publish("--grace", "0s", "--keep-generations", "0")
    assert list(tree()) == ["main/s/s/s_1.0_changelog"]
    debrepo("repo", "remove", "r", "b_1.0_amd64")
    add("c", {})
    publish()
    publish("--label", "x")
    assert tree() == {}


def test_option_that_is_taken_back_takes_the_files_away(add, publish, tree, debrepo_root):
    add("a", {"a/changelog.gz": b"s"})
    publish(*URL)
    publish("--changelogs", "", "--grace", "0s", "--keep-generations", "0")
    assert "Changelogs" not in _release(debrepo_root)
    publish("--label", "x")
    assert tree() == {}
    publish(*URL)
    assert len(tree()) == 1


def test_verify_and_repair_know_the_files_and_a_cleanup_spares_them(
    add, publish, tree, debrepo, debrepo_root
):
    add("a", {"a/changelog.gz": b"s"})
    publish(*URL)
    debrepo("db", "cleanup")
    path = debrepo_root / "public/changelogs/main/a/a/a_1.0_changelog"
    path.unlink()
    debrepo("publish", "repair", "stable")
    assert path.read_bytes() == b"s"


def test_package_that_comes_back_after_a_cleanup_has_its_changelog_again(
    add, publish, tree, debrepo
):
    add("a", {"a/changelog.gz": b"s"})
    add("b", {})
    publish(*URL)
    debrepo("repo", "remove", "r", "a_1.0_amd64")
    publish("--grace", "0s", "--keep-generations", "0")
    publish("--label", "x")
    debrepo("db", "cleanup")
    assert tree() == {}
    add("a", {"a/changelog.gz": b"s"})
    publish()
    assert tree() == {"main/a/a/a_1.0_changelog": b"s"}


def test_damaged_or_odd_changelogs_are_none(add, publish, tree):
    add("a", {"a/changelog.gz": gzip.compress(b"a")[:-9]}, packed=False)
    add("b", {"b/changelog.Debian.gz": "../b/elsewhere"})
    add("c", {"c/changelog.gz": b"c"}, source="c (1~rc)")
    publish(*URL)
    assert tree() == {"main/c/c/c_1~rc_changelog": b"c"}


def test_known_packages_are_not_read_again(add, publish, tree, monkeypatch):
    add("a", {"a/changelog.gz": b"a"})
    add("none", {})
    publish(*URL)
    add("b", {"b/changelog.gz": b"b"})
    read = []
    from debrepo_publish.engine import changelog_reading

    text = changelog_reading._text

    def noted(session, limits, step, source):
        read.append(source.name)
        return text(session, limits, step, source)

    monkeypatch.setattr(changelog_reading, "_text", noted)
    publish()
    assert read == ["b"]
    assert len(tree()) == 2


@pytest.mark.parametrize("url", ["auto", "ftp://x/", "https://a b/", "x"])
def test_url_that_is_none_is_refused_before_anything_is_written(
    add, publish, debrepo, debrepo_root, url
):
    add("a", {"a/changelog.gz": b"a"})
    words = ("--skip-signing", "--changelogs", url)
    said = debrepo("publish", "repo", "r", *words, exit_code=2).output
    assert "--changelogs https://deb.example.org/debian" in said
    assert not (debrepo_root / "public").exists()


def known(debrepo_root):
    with closing(Session(debrepo_root, load_plugins())) as session, session.db.read() as txn:
        return sorted(key[:1] for key in txn[CHANGELOGS])


def test_rows_go_with_the_packages(add, publish, debrepo, debrepo_root, tree):
    add("foo", {"foo/changelog.Debian.gz": b"foo"})
    add("foo-dev", {"foo-dev": "foo"}, source="foo")
    add("none", {})
    publish(*URL)
    assert known(debrepo_root) == [b"p", b"p", b"p", b"s"]
    debrepo("repo", "remove", "r", "foo-dev")
    publish("--grace", "0s", "--keep-generations", "0")
    debrepo("db", "cleanup", "--no-trash")
    assert known(debrepo_root) == [b"p", b"p", b"s"]
    debrepo("repo", "remove", "r", "foo")
    debrepo("repo", "remove", "r", "none")
    publish("--force")
    debrepo("db", "cleanup", "--no-trash")
    assert known(debrepo_root) == []
    assert tree() == {}


def test_row_of_a_source_stays_where_a_package_comes_to_use_it_meanwhile(session, monkeypatch):
    source, said = changelogs.of_source("foo", "1.0"), b"0123 3 f/foo/foo_1.0_changelog"
    with session.db.write() as txn:
        txn[CHANGELOGS][source] = said
    walk, looks = changelogs._packages, []

    def used_in_between(txn):
        yield from walk(txn)
        looks.append(txn)
        if len(looks) == 2:
            with session.db.write() as other:
                row = changelogs.used_again(said, other[CHANGELOGS].get(source))
                other[CHANGELOGS][source] = row

    monkeypatch.setattr(changelogs, "_packages", used_in_between)
    changelogs.remove_rows(session)
    with session.db.read() as txn:
        assert txn[CHANGELOGS][source] == said + b"\n1"
    changelogs.remove_rows(session)  # nobody has, after all
    with session.db.read() as txn:
        assert source not in txn[CHANGELOGS]

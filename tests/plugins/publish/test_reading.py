"""A publish reads first what it has to know of packages, and leaves out what is broken."""

import gzip
import os
import shutil

import pytest
from plugins.publish.client import Client
from plugins.publish.crashing import Killed
from stop_at import StopAt

from debrepo import Ref, catalog, hookimpl
from debrepo.catalog import CONTENTS, DEFECTS
from debrepo.errors import Cancelled
from debrepo.index_kind import IndexKind
from debrepo.ingest import deep
from debrepo.progress import Progress
from debrepo.stopping import watching
from debrepo.testing.packages import break_data, build_deb


class Notes(Progress):
    def __init__(self):
        self.said = []

    def note(self, text):
        self.said.append(text)


class Owners(IndexKind):
    """An index with a line for each path, as a plugin brings it."""

    reads = ("contents",)

    def fragment(self, packages, context):
        lines = [
            path + b" " + one.package.key.name.encode() + b"\n"
            for one in packages
            for path in one.contents.split(b"\n")
        ]
        return {"Owners": b"".join(lines)}


class Plugin:
    @hookimpl
    def debrepo_index_kinds(self):
        return {"owners": Ref(f"{__name__}:Owners", "For tests.")}


@pytest.fixture
def session(opened, tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    (root / "debrepo.toml").write_text(
        'signing.signer = "paper"\npublish.compressions = ["gz"]\ningest.deep = "publish"\n'
    )
    session = opened(root)
    session.progress = Notes()
    session.call("repo.create", name="tools", distribution="stable")
    return session


@pytest.fixture
def put(session, tmp_path):
    """Add packages with one path each; one that is called ``bad`` cannot be unpacked."""

    def add(*names, repo="tools", **more):
        paths = [
            build_deb(tmp_path, name, paths={f"usr/{name}": os.urandom(999)}, **more)
            for name in names
        ]
        if "bad" in names:
            break_data(paths[names.index("bad")])
        outcomes = list(session.call("repo.add", name=repo, paths=paths))
        assert {one.status for one in outcomes} == {"added"}

    return add


def contents(session, distribution="stable", architecture="amd64"):
    path = session.root / f"public/dists/{distribution}/main/Contents-{architecture}.gz"
    return gzip.decompress(path.read_bytes()).decode() if path.exists() else ""


def published(session):
    found = Client(session.root / "public").packages()
    return None if found is None else {name for name, _, _ in found}


def counts(session):
    """Return of how many packages is known what is in them, and that they are broken."""
    with session.db.read() as txn:
        return len(txn[CONTENTS]), len(txn[DEFECTS])


def test_publish_with_contents_reads_what_was_not_read(session, put, create):
    put("b", "a")
    assert counts(session) == (0, 0)
    create()
    assert contents(session) == "usr/a a\nusr/b b\n"
    assert counts(session) == (2, 0)


def test_update_reads_what_is_new(session, put, create, update, monkeypatch):
    put("b")
    create()
    put("a")
    wanted = []
    read = deep.read
    monkeypatch.setattr(deep, "read", lambda s, found: wanted.extend(found) or read(s, found))
    update()
    assert [entry.partition(b"\0")[0] for entry in wanted] == [b"a"]
    assert contents(session) == "usr/a a\nusr/b b\n"
    update(force=True)
    assert len(wanted) == 1


def test_nothing_is_unpacked_where_no_index_asks_for_it(session, put, create, update, monkeypatch):
    monkeypatch.setattr(deep, "read", None)
    put("a", "bad")
    create(contents=False)
    put("b")
    update(contents=False)
    assert (counts(session), published(session)) == ((0, 0), {"a", "b", "bad"})


def test_packages_of_no_published_architecture_are_not_unpacked(session, put, create):
    put("a")
    put("b", architecture="arm64")
    create(architectures=("amd64",))
    assert counts(session) == (1, 0)


def test_contents_switched_on_later_read_all(session, put, create, update):
    put("a")
    create(contents=False)
    put("b")
    update(contents=True)
    assert contents(session) == "usr/a a\nusr/b b\n"


def test_broken_package_among_a_hundred_is_named_and_left_out(session, put, create, update):
    names = [f"p{number}" for number in range(100)]
    put(*names, "bad")
    create()
    (said,) = session.progress.said
    assert said.startswith(
        "Warning: bad_1.0_amd64.deb of repo:tools is broken, and is not published: "
        "data.tar.xz is damaged: "
    )
    assert published(session) == set(names)
    assert contents(session) == "".join(f"usr/{name} {name}\n" for name in sorted(names))
    assert not list((session.root / "public/pool").rglob("bad*"))
    session.fate.live()
    assert not update().changed
    assert session.fate.seen == []
    assert session.progress.said == [said, said]


def test_what_is_known_to_be_broken_is_in_no_index_even_without_contents(session, put, create):
    put("a", "bad")
    with session.db.read() as txn:
        entries = list(catalog.find(txn))
    deep.read(session, entries)
    create(contents=False)
    assert published(session) == {"a"}


def test_package_that_was_served_is_left_out_once_it_is_known_to_be_broken(
    session, put, create, update
):
    put("a", "bad")
    create(contents=False)
    assert published(session) == {"a", "bad"}
    update(contents=True)
    assert published(session) == {"a"}
    session.call("publish.rollback", distribution="stable")
    assert published(session) == {"a"}


def test_broken_package_is_taken_out_of_its_list_without_a_word(session, put, create, update):
    put("a", "bad")
    create()
    session.call("repo.remove", name="tools", queries=["bad"])
    session.progress.said.clear()
    assert not update().changed
    assert session.progress.said == []


def test_an_index_of_a_plugin_gets_the_paths_that_it_asks_for(session, put, create, update):
    session.plugins.register(Plugin(), "owners")
    put("b", "a", "bad")
    create(contents=False)
    owners = session.root / "public/dists/stable/main/Owners.gz"
    assert gzip.decompress(owners.read_bytes()) == b"usr/a a\nusr/b b\n"
    assert counts(session) == (2, 1)


def test_publish_may_die_at_any_step_of_reading(
    session, put, create, opened, tmp_path, monkeypatch
):
    monkeypatch.setattr(deep, "_BATCH", 1)
    put("a", "b", "c", "bad")
    known = (0, 0)
    for step in range(40):
        session.fate.strike(step)
        try:
            create()
        except Killed:
            session.fate.live()
            assert counts(session) >= known
            known = counts(session)
        else:
            break
    session.fate.live()
    assert known == (3, 1)
    assert published(session) == {"a", "b", "c"}
    assert contents(session) == "usr/a a\nusr/b b\nusr/c c\n"


def test_publish_is_cancelled_while_it_reads(session, put, create):
    put(*(f"p{number}" for number in range(20)))
    for step in range(0, 10_000, 7):
        try:
            with watching(StopAt(step)):
                create()
        except Cancelled:
            assert published(session) is None
        else:
            break
    assert published(session) == {f"p{number}" for number in range(20)}


@pytest.mark.parametrize("names", [("a", "b"), ("a", "b", "bad")])
def test_lists_may_change_and_be_cleaned_up_while_packages_are_read(
    session, put, create, monkeypatch, names
):
    put(*names)
    read = deep.read

    def meanwhile(session, found):
        monkeypatch.setattr(deep, "read", read)
        done = read(session, found)
        session.call("repo.remove", name="tools", queries=["b"])
        session.call("db.cleanup", trash=False)
        return done

    monkeypatch.setattr(deep, "read", meanwhile)
    create()
    assert (published(session), contents(session)) == ({"a"}, "usr/a a\n")


def test_an_old_database_has_all_read_already(session, put, create, monkeypatch):
    session.config.override("ingest.deep", "add", "a test")
    put("a", "b")
    monkeypatch.setattr(deep, "read", None)
    create()
    assert contents(session) == "usr/a a\nusr/b b\n"


def test_contents_are_the_same_whenever_packages_are_read(session, put, create, tmp_path, opened):
    put("a", "b", "c")
    create()
    late = contents(session)
    shutil.rmtree(session.root / "cache")
    other = opened(tmp_path / "other")
    other.call("repo.create", name="tools", distribution="stable")
    list(other.call("repo.add", name="tools", paths=[tmp_path]))
    other.call("publish.create", kind="repo", names=["tools"])
    assert contents(other) == late

"""Packages are read deep when somebody needs it: once, and for good."""

import os
import shutil
import threading

import pytest
import zstandard
from stop_at import StopAt

from debrepo import catalog, packageset
from debrepo.catalog import CONTENTS, DEFECTS, PACKAGES
from debrepo.errors import Cancelled, DatabaseError, NotFound
from debrepo.ingest import deep
from debrepo.ingest.claiming import Claims
from debrepo.package import Entry, PackageKey, digests
from debrepo.plugins import load_plugins
from debrepo.progress import Progress
from debrepo.session import Session
from debrepo.stopping import watching
from debrepo.testing.packages import break_data, build_deb, build_source
from debrepo.verdicts import broken, known_defect, unread


class Notes(Progress):
    """Keeps what is said; ``then`` is called each time."""

    def __init__(self, then=lambda: None):
        self.said = []
        self.then = then

    def note(self, text):
        self.said.append(text)
        self.then()


@pytest.fixture
def session(debrepo_root):
    debrepo_root.mkdir()
    (debrepo_root / "debrepo.toml").write_text('ingest.deep = "publish"\n')
    session = Session(debrepo_root, load_plugins(), progress=Notes())
    session.call("repo.create", name="r")
    yield session
    session.close()


@pytest.fixture
def add(session, tmp_path):
    """Add packages without reading them, and return their entries."""

    def add_files(*paths):
        before = entries(session)
        outcomes = list(session.call("repo.add", name="r", paths=list(paths)))
        assert [one.status for one in outcomes] == ["added"] * len(paths)
        return sorted(entries(session) - before)

    return add_files


def entries(session):
    with session.db.read() as txn:
        return set(catalog.find(txn))


def listed(session, entry):
    with session.db.read() as txn:
        return catalog.paths(txn, entry).decode().split()


def left(session):
    with session.db.read() as txn:
        return unread(session.config, txn, catalog.find(txn))


@pytest.fixture
def counted(monkeypatch):
    """Return the names of the packages that are unpacked."""
    read, names = deep._Reader.read, []

    def counting(reader, package):
        names.append(package.key.name)
        return read(reader, package)

    monkeypatch.setattr(deep._Reader, "read", counting)
    return names


def many(tmp_path, count=12):
    return [
        build_deb(tmp_path, f"p{n}", paths={f"usr/{n}": os.urandom(10 * n)}) for n in range(count)
    ]


def test_what_was_added_unread_is_listed_once_it_is_read(session, add, tmp_path):
    deb, source = add(
        build_deb(tmp_path, "a", paths={"usr/b": b"", "usr/a": b""}),
        build_source(tmp_path, "b", "1.0-1"),
    )
    assert (left(session), listed(session, deb)) == ([deb, source], [])
    assert deep.read(session, [deb, source]) == []
    assert (left(session), listed(session, deb)) == ([], ["usr/a", "usr/b"])
    assert listed(session, source) == ["README", "debian/changelog"]


def test_package_without_files_is_read_once(session, add, tmp_path):
    (entry,) = add(build_deb(tmp_path, paths={}))
    deep.read(session, [entry])
    assert (left(session), listed(session, entry)) == ([], [])


def test_nothing_is_read_twice(session, add, tmp_path, counted):
    found = add(*many(tmp_path))
    deep.read(session, found[:5])
    deep.read(session, found)
    assert len(counted) == len(found)


def test_a_broken_package_is_named_and_the_others_are_read(session, add, tmp_path):
    good = many(tmp_path, 100)
    bad = break_data(build_deb(tmp_path, "bad", paths={"usr/bad": os.urandom(5000)}))
    found = add(*good, bad)
    (one,) = deep.read(session, found)
    assert PackageKey.from_entry(one.entry).name == "bad"
    assert str(one).startswith("bad_1.0_amd64.deb is broken: data.tar.xz is damaged: ")
    assert left(session) == []
    with session.db.read() as txn:
        assert len(txn[CONTENTS]) == 100
        assert known_defect(session.config, txn, one.entry) == one.defect
        assert broken(session.config, txn, packageset.EMPTY) == []


def test_a_package_is_examined_whether_it_was_read_or_not(session, add, tmp_path, counted):
    good, bad = sorted(add(build_deb(tmp_path, "a"), break_data(build_deb(tmp_path, "bad"))))
    for _ in range(2):
        assert deep.examine(session, good) is None
        assert deep.examine(session, bad).reason.startswith("data.tar.xz is ")
    assert sorted(counted) == ["a", "bad"]


def test_a_verdict_stands_without_the_file(session, add, tmp_path):
    (entry,) = add(break_data(build_deb(tmp_path)))
    assert deep.read(session, [entry])
    shutil.rmtree(session.pool.root)
    assert deep.read(session, [entry]) == []  # nothing was read
    assert left(session) == []


def test_a_package_beyond_a_limit_is_read_again_with_another_one(session, add, tmp_path):
    (entry,) = add(build_deb(tmp_path, paths={"usr/a": b"a" * 50_000}))
    session.config.override("ingest.limits.paths", 10, "a test")
    (one,) = deep.read(session, [entry])
    assert one.defect.hint == "raise the setting ingest.limits.paths if you trust this package"
    session.config.override("ingest.limits.paths", 1000, "a test")
    assert left(session) == [entry]
    assert deep.read(session, [entry]) == []
    with session.db.read() as txn:
        assert (dict(txn[DEFECTS]), list(txn[CONTENTS])) == ({}, [entry])


def test_two_that_need_the_same_packages_read_each_once(session, add, tmp_path, counted):
    found = add(*many(tmp_path, 40))
    together = threading.Barrier(2)

    def work(other):
        together.wait()
        deep.read(other, found)
        assert left(other) == []

    crew = [
        threading.Thread(target=work, args=[one]) for one in (session, session.acting(actor="me"))
    ]
    for thread in crew:
        thread.start()
    for thread in crew:
        thread.join()
    assert (len(counted), left(session)) == (40, [])


def test_a_claim_is_of_one_package(session):
    packages = [Entry(f"p{number}".encode()) for number in range(99)]
    with Claims(session.root) as mine, Claims(session.root) as others:
        assert all(mine.take(entry) for entry in packages[::2])
        assert [others.take(entry) for entry in packages] == [n % 2 == 1 for n in range(99)]
        mine.release(packages[:1])
        assert others.take(packages[0])


def test_what_another_reads_is_waited_for(session, add, tmp_path, counted):
    first, second = add(*many(tmp_path, 2))

    def finish():  # as the other does: record, then release
        with session.db.write() as txn:
            txn[CONTENTS][first] = zstandard.compress(b"usr/else")
        other.release([first])

    with Claims(session.root) as other:
        assert other.take(first)
        waiting = session.acting(actor="me", progress=Notes(finish))
        deep.read(waiting, [first, second])
    assert waiting.progress.said == ["Waiting for another process, which reads the same packages."]
    assert (len(counted), listed(session, first)) == (1, ["usr/else"])


def test_a_wait_for_many_packages_is_mentioned_once(session, add, tmp_path, monkeypatch):
    found = add(*many(tmp_path, 3))
    others = [Claims(session.root), Claims(session.root)]
    for other, entry in zip(others, found, strict=False):
        assert other.take(entry)
    monkeypatch.setattr(Claims, "wait", lambda *_: others.pop().__exit__())
    deep.read(session, found)
    assert (left(session), others) == ([], [])
    assert len(session.progress.said) == 1


def test_what_another_did_not_finish_is_read_here(session, add, tmp_path):
    (entry,) = add(build_deb(tmp_path, paths={"usr/a": b""}))
    other = Claims(session.root)
    other.take(entry)
    dying = Notes(lambda: other.__exit__())
    deep.read(session.acting(actor="me", progress=dying), [entry])
    assert listed(session, entry) == ["usr/a"]


def test_reading_is_cancelled_anywhere_and_goes_on_where_it_was(session, add, tmp_path, counted):
    found = add(*many(tmp_path, 30))
    step = before = 0
    while left(session):
        try:
            with watching(StopAt(step)):
                deep.read(session, found)
        except Cancelled:
            step += 5
        assert 30 - len(left(session)) >= before
        before = 30 - len(left(session))
    assert step > 5
    assert [listed(session, entry) for entry in found[:2]] == [["usr/0"], ["usr/1"]]


def test_a_block_that_unpacks_to_much_does_not_hold_up_a_stop(session, add, tmp_path):
    (entry,) = add(build_deb(tmp_path, paths={"usr/a": bytes(16 << 20)}))
    with pytest.raises(Cancelled), watching(StopAt(30)):
        deep.read(session, [entry])
    assert left(session) == [entry]


def test_what_was_read_before_an_error_is_kept(session, add, tmp_path, monkeypatch):
    found = add(*many(tmp_path, 6))
    monkeypatch.setattr(deep, "_BATCH", 1)
    session.config.override("ingest.workers", 1, "a test")
    with session.db.read() as txn:
        record = txn[PACKAGES][found[3]]
    session.pool.delete(digests(record)[0])
    with pytest.raises(NotFound, match="the pool has no file"):
        deep.read(session, found)
    assert len(left(session)) == 3


def test_a_damaged_file_of_the_pool_is_not_the_packages_fault(session, add, tmp_path):
    (entry,) = add(build_deb(tmp_path))
    with session.db.read() as txn:
        (digest,) = digests(txn[PACKAGES][entry])
    break_data(session.pool.path(digest))
    with pytest.raises(DatabaseError, match=r"hello_1.0_amd64.deb: [0-9a-f]{64} is damaged"):
        deep.read(session, [entry])
    assert left(session) == [entry]


def test_a_missing_file_of_the_pool_is_named(session, add, tmp_path):
    (entry,) = add(build_deb(tmp_path))
    shutil.rmtree(session.pool.root)
    with pytest.raises(NotFound, match=r"hello_1.0_amd64.deb: the pool has no file [0-9a-f]{64}"):
        deep.read(session, [entry])
    assert left(session) == [entry]


def test_a_file_that_cannot_be_read_is_not_the_packages_fault(session, add, tmp_path):
    (entry,) = add(build_deb(tmp_path))
    with session.db.read() as txn:
        (digest,) = digests(txn[PACKAGES][entry])
    session.pool.delete(digest)
    session.pool.path(digest).symlink_to("/proc/self/mem")  # opens, and fails to be read
    with pytest.raises(DatabaseError, match=r"hello_1.0_amd64.deb cannot be read: Input/output"):
        deep.read(session, [entry])
    assert left(session) == [entry]


def test_a_package_that_a_cleanup_deleted_is_passed_over(session, add, tmp_path):
    (entry,) = add(build_deb(tmp_path))
    with session.db.write() as txn:
        txn[PACKAGES].discard(entry)
    assert deep.read(session, [entry, Entry(b"none\0amd64\x001\x000")]) == []
    with session.db.read() as txn:
        assert (len(txn[CONTENTS]), len(txn[DEFECTS])) == (0, 0)


def test_a_cleanup_deletes_verdicts_with_their_packages(session, add, tmp_path):
    (entry,) = add(break_data(build_deb(tmp_path)))
    deep.read(session, [entry])
    session.call("repo.remove", name="r", queries=["hello"])
    session.call("db.cleanup", trash=False)
    with session.db.read() as txn:
        assert len(txn[DEFECTS]) == 0


def test_a_source_that_cannot_be_listed_in_full_is_no_broken_package(session, add, tmp_path):
    dsc = build_source(tmp_path, "odd", "1.0", paths={"a": b"1" * 100_000})
    tarball = tmp_path / "odd_1.0.tar.xz"
    dsc.write_text(dsc.read_text().replace(tarball.name, "odd_1.0.tar.bz2"))
    tarball.rename(tmp_path / "odd_1.0.tar.bz2")
    (entry,) = add(dsc)
    assert deep.read(session, [entry]) == []
    assert session.progress.said[-1].startswith(
        "odd_1.0_source: not all of its files will be in Contents: odd_1.0.tar.bz2 is damaged"
    )
    assert left(session) == []

"""What is kept of a publish for the next one: bounded, shared, and never needed."""

import gzip
import shutil
from contextlib import contextmanager

import pytest

from debrepo.database import Database
from debrepo.testing.packages import build_deb
from debrepo_publish.indexes import rendering
from debrepo_publish.indexes.cache import opened
from debrepo_publish.indexes.compression import BY_NAME
from debrepo_publish.indexes.crew import Crew, Promise


@pytest.fixture
def root(debrepo, debrepo_root, tmp_path):
    debrepo("repo", "create", "r", "--distribution", "stable")
    (tmp_path / "in").mkdir()
    for n in range(30):
        build_deb(tmp_path / "in", f"p{n}", paths={f"usr/bin/p{n}": b""})
    debrepo("repo", "add", "r", str(tmp_path / "in"))
    debrepo("publish", "repo", "r", "--skip-signing")
    return debrepo_root


def packages(root, prefix=""):
    path = root / "public" / prefix / "dists/stable/main/binary-amd64/Packages.gz"
    return gzip.decompress(path.read_bytes())


@pytest.fixture
def compressed(monkeypatch):
    """Count the texts that are compressed."""
    seen = []
    compress = rendering._compress

    def counting(compression, texts):
        seen.append(compression.name)
        return compress(compression, texts)

    monkeypatch.setattr(rendering, "_compress", counting)
    return seen


def test_a_second_publication_of_the_same_packages_compresses_nothing(debrepo, root, compressed):
    debrepo("publish", "repo", "r", "other", "--skip-signing")
    assert compressed == []
    assert packages(root, "other") == packages(root)


def test_a_lost_cache_is_made_again(debrepo, root, compressed):
    shutil.rmtree(root / "cache")
    debrepo("publish", "repo", "r", "other", "--skip-signing")
    assert compressed != []
    assert packages(root, "other") == packages(root)


def test_what_is_live_stays_when_the_cache_is_too_large(
    debrepo, root, tmp_path, compressed, monkeypatch
):
    monkeypatch.setenv("DEBREPO_PUBLISH_CACHE_SIZE", "1")
    debrepo("repo", "add", "r", str(build_deb(tmp_path, "new")))
    debrepo("publish", "update", "stable")
    compressed.clear()
    debrepo("publish", "repo", "r", "other", "--skip-signing")
    assert compressed == []


def test_what_is_not_live_goes_when_the_cache_is_too_large(debrepo, root, tmp_path, monkeypatch):
    with opened(root) as cache:
        before = cache.size()
    monkeypatch.setenv("DEBREPO_PUBLISH_CACHE_SIZE", "1")
    debrepo("repo", "remove", "r", "Name (% p1*)")
    debrepo("publish", "update", "stable")
    with opened(root) as cache:
        assert 0 < cache.size() < before


def test_nothing_is_compressed_while_the_database_is_being_read(
    debrepo, root, tmp_path, monkeypatch
):
    reading, seen = [], []
    begin, pack = Database.read, BY_NAME["gz"].pack

    @contextmanager
    def read(db):
        with begin(db) as txn:
            reading.append(db)
            try:
                yield txn
            finally:
                reading.remove(db)

    def compress(data):
        seen.append(list(reading))
        return pack(data)

    class Same(Crew):
        """Does what it is given at once."""

        def promise(self, work):
            promise = Promise(work)
            promise.keep()
            return promise

    monkeypatch.setattr(Database, "read", read)
    monkeypatch.setattr(rendering, "Crew", Same)
    monkeypatch.setitem(BY_NAME, "gz", BY_NAME["gz"]._replace(pack=compress))
    debrepo("repo", "add", "r", str(build_deb(tmp_path, "new", paths={"usr/bin/new": b""})))
    debrepo("publish", "update", "stable")
    assert len(seen) >= 2
    assert not any(seen)


def test_publishes_in_one_process_share_the_cache(root):
    name = b"k" * 16, ""
    with opened(root) as one:
        with opened(root) as other:
            other.put({name: {"Packages": b"Package: a"}})
        assert one.get([name]) == {name: {"Packages": b"Package: a"}}
    with opened(root) as anew:
        assert anew.get([name]) == {name: {"Packages": b"Package: a"}}

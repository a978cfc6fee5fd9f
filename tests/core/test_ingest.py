import os
import signal
import sys

import pytest
import zstandard

from debrepo import archive
from debrepo.errors import (
    DatabaseFull,
    DebrepoError,
    InvalidInput,
    InvalidPackage,
    NotFound,
    VerificationFailed,
)
from debrepo.ingest import Ingested, Rejected, files, find, ingest, surveying, workers
from debrepo.package import PackageKey, decode
from debrepo.pool import Pool
from debrepo.testing.packages import break_data, build_deb, build_source


@pytest.fixture
def pool(tmp_path):
    return Pool(tmp_path / "pool")


@pytest.fixture
def incoming(tmp_path):
    directory = tmp_path / "incoming"
    directory.mkdir()
    return directory


def take(pool, path):
    (result,) = ingest(pool, [path])
    return result


def refusal(pool, path):
    result = take(pool, path)
    assert isinstance(result, Rejected)
    assert list(pool) == []
    assert not (pool.root / "staging").exists() or os.listdir(pool.root / "staging") == []
    return result.error


def package_of(result):
    return decode(PackageKey.from_entry(result.entry), result.record)


def test_small_packages_are_claimed_together_before_they_are_kept(pool, incoming, monkeypatch):
    packages = [build_deb(incoming, f"p{number}") for number in range(3)]
    claimed = []
    with pool.reserving() as reserving:
        monkeypatch.setattr(reserving.claim, "_write", lambda digests: claimed.append(digests))
        for result in ingest(reserving, packages):
            assert isinstance(result, Ingested)
            assert len(claimed) == 1
            assert bytes.fromhex(package_of(result).files[0].sha256) in claimed[0]


def test_one_large_package_is_kept_before_the_next_is_looked_at(pool, incoming):
    names = ("a", "b")
    paths = [build_deb(incoming, name, paths={"x": os.urandom(1 << 18)}) for name in names]
    results = ingest(pool, paths, workers=1)
    assert next(results).source == paths[0]
    assert len(list(pool)) == 1
    assert len(list(results)) == 1


def test_binary_package_is_kept_and_described(pool, incoming):
    path = build_deb(incoming, paths={"usr/b": b"", "usr/a": b""})
    result = take(pool, path)
    assert (result.source, result.parts) == (path, (path,))
    assert package_of(result) == archive.read(path).package
    assert zstandard.decompress(result.contents) == b"usr/a\nusr/b"
    assert pool.path(package_of(result).files[0].sha256).read_bytes() == path.read_bytes()


def test_large_package_gives_the_same_as_a_small_one(pool, incoming, monkeypatch):
    path = build_deb(incoming, paths={"usr/a": os.urandom(50_000)})
    small = take(pool, path)
    monkeypatch.setattr(files, "_SMALL", 1000)
    assert take(Pool(incoming / "other"), path) == small
    assert list(Pool(incoming / "other")) == list(pool)


def test_source_package_is_kept_with_its_parts(pool, incoming):
    path = build_source(incoming, "hello", "1:1.0-1")
    result = take(pool, path)
    names = ["hello_1.0-1.dsc", "hello_1.0.orig.tar.xz", "hello_1.0-1.debian.tar.xz"]
    assert [part.name for part in result.parts] == names
    assert package_of(result) == archive.read_source(path)
    assert list(pool) == sorted(file.sha256 for file in package_of(result).files)
    assert zstandard.decompress(result.contents) == b"README\ndebian/changelog"


def test_large_parts_of_a_source_are_kept_too(pool, incoming, monkeypatch):
    monkeypatch.setattr(files, "_TINY", 10)
    result = take(pool, build_source(incoming))
    assert [pool.check(file.sha256) for file in package_of(result).files] == [None] * 3


def test_part_that_is_in_the_pool_need_not_lie_beside_it(pool, incoming):
    path = build_source(incoming, "hello", "1.0-1")
    first = take(pool, path)
    (incoming / "hello_1.0.orig.tar.xz").unlink()
    again = take(pool, path)
    assert again.entry == first.entry
    assert [part.name for part in again.parts] == ["hello_1.0-1.dsc", "hello_1.0-1.debian.tar.xz"]


def test_source_without_its_parts_is_rejected(pool, incoming):
    path = build_source(incoming, "hello", "1.0")
    (incoming / "hello_1.0.tar.xz").unlink()
    error = refusal(pool, path)
    assert isinstance(error, NotFound)
    assert str(error) == f"{path}: hello_1.0.tar.xz is neither beside it nor in the pool"


@pytest.mark.parametrize("tiny", [10, 1 << 20])
def test_source_with_a_damaged_part_leaves_nothing_in_the_pool(pool, incoming, monkeypatch, tiny):
    monkeypatch.setattr(files, "_TINY", tiny)
    path = build_source(incoming, "hello", "1.0-1")
    part = incoming / "hello_1.0-1.debian.tar.xz"
    part.write_bytes(part.read_bytes()[:-1] + b"x")
    error = refusal(pool, path)
    assert isinstance(error, VerificationFailed)
    assert "hello_1.0-1.debian.tar.xz has the SHA256 checksum" in str(error)


@pytest.mark.parametrize("small", [10, 1 << 20])
def test_broken_package_leaves_nothing_in_the_pool(pool, incoming, monkeypatch, small):
    monkeypatch.setattr(files, "_SMALL", small)
    path = build_deb(incoming)
    path.write_bytes(path.read_bytes()[:-100])
    error = refusal(pool, path)
    assert isinstance(error, InvalidPackage)
    assert str(error).startswith(f"{path}: data.tar.xz is truncated: ")


def test_file_of_another_kind_is_rejected(pool, incoming):
    (incoming / "notes.txt").touch()
    error = refusal(pool, incoming / "notes.txt")
    assert str(error) == f"{incoming}/notes.txt: not a package file by its name"


def test_what_is_no_file_is_rejected(pool, incoming):
    os.mkfifo(incoming / "pipe.deb")
    (incoming / "directory.deb").mkdir()
    for name in ("pipe.deb", "directory.deb"):
        error = refusal(pool, incoming / name)
        assert str(error) == f"{incoming}/{name}: it is not a file"


def test_missing_file_is_rejected(pool, incoming):
    error = refusal(pool, incoming / "gone.deb")
    assert isinstance(error, NotFound)
    assert str(error).endswith("gone.deb: there is no such file")


def test_name_that_is_no_text_can_be_shown(pool, incoming):
    path = incoming / os.fsdecode(b"\xff.deb")
    assert str(refusal(pool, path)).encode().endswith(rb"\xff.deb: there is no such file")


def test_disk_trouble_is_raised_because_no_file_is_to_blame(pool, incoming, monkeypatch):
    def put(*_):
        raise DatabaseFull("no space left in the pool")

    monkeypatch.setattr(pool, "put", put)
    with pytest.raises(DatabaseFull, match="no space left"):
        take(pool, build_deb(incoming))


def test_directories_are_searched_in_order(incoming):
    (incoming / "b").mkdir()
    for name in ("b/x.udeb", "a.deb", "c.dsc", "b.ddeb", "notes.txt", "a.changes"):
        (incoming / name).touch()
    names = [str(path.relative_to(incoming)) for path in find([incoming])]
    assert names == ["a.deb", "b.ddeb", "b/x.udeb", "c.dsc"]


def test_file_named_by_the_caller_is_found_whatever_it_is(incoming):
    wanted = [incoming / "gone.deb", incoming / "notes.txt"]
    assert list(find(wanted)) == wanted


def test_links_that_lead_back_are_followed_once(incoming):
    (incoming / "a.deb").touch()
    (incoming / "loop").symlink_to(incoming)
    (incoming / "self.deb").symlink_to("self.deb")
    assert [path.name for path in find([incoming])] == ["a.deb", "self.deb"]


@pytest.fixture
def shared(monkeypatch):
    """Let a second process be worth its while at once."""
    monkeypatch.setattr(workers, "_WORTH", 1)
    monkeypatch.setattr(workers, "_BATCH", 3)


def test_results_of_several_processes_come_in_order(pool, incoming, shared):
    paths = [build_deb(incoming, f"a{number}") for number in range(30)]
    paths += [build_source(incoming), incoming / "gone.deb"]
    alone = list(ingest(Pool(incoming / "alone"), paths, workers=1))
    together = list(ingest(pool, paths, workers=3))
    assert together[:-1] == alone[:-1]
    assert str(together[-1].error) == str(alone[-1].error)
    assert list(pool) == list(Pool(incoming / "alone"))


def test_few_files_are_taken_in_this_process(pool, incoming, monkeypatch):
    monkeypatch.setattr(workers, "_Worker", None)
    paths = [build_deb(incoming, f"a{number}") for number in range(3)]
    assert all(isinstance(result, Ingested) for result in ingest(pool, paths, workers=2))


def test_trouble_of_another_process_is_raised_here(incoming, shared):
    pool = Pool(incoming / "pool")
    pool.root.touch()  # not a directory
    paths = [build_deb(incoming, f"a{number}") for number in range(9)]
    with pytest.raises(DebrepoError, match="cannot write the pool, "):
        list(ingest(pool, paths, workers=2))


def test_work_of_a_process_that_died_is_done_here(pool, incoming, shared, monkeypatch):
    send = workers._Worker.send

    def send_and_kill(worker, paths):
        send(worker, paths)
        os.kill(worker._process.pid, signal.SIGKILL)

    monkeypatch.setattr(workers._Worker, "send", send_and_kill)
    paths = [build_deb(incoming, f"a{number}") for number in range(20)]
    assert [result.source for result in ingest(pool, paths, workers=2)] == paths


def test_caller_may_stop_early(pool, incoming, shared):
    paths = [build_deb(incoming, f"a{number}") for number in range(40)]
    results = ingest(pool, paths, workers=2)
    assert next(results).source == paths[0]
    results.close()


def test_other_processes_find_what_this_one_has_imported(pool, incoming, shared, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path, str(incoming)])
    paths = [build_deb(incoming, f"a{number}") for number in range(4)]
    assert all(isinstance(result, Ingested) for result in ingest(pool, paths, workers=2))


def test_limits_hold_in_every_process(pool, incoming, shared):
    paths = [build_deb(incoming, f"a{number}") for number in range(12)]
    results = ingest(pool, paths, workers=2, limits=archive.Limits(control=10))
    assert {type(result.error) for result in results} == {InvalidPackage}
    assert issubclass(InvalidPackage, InvalidInput)


def read_deep(pool, paths, when):
    """Return which of the packages were read deep."""
    return [bool(result.contents) for result in ingest(pool, paths, deep=when)]


def test_data_is_unpacked_when_it_is_asked_for(pool, incoming):
    paths = [build_deb(incoming), build_source(incoming)]
    asked = {when: read_deep(pool, paths, when) for when in ("auto", "add", "publish", "idle")}
    assert asked == {
        "auto": [True, True],
        "add": [True, True],
        "publish": [False, False],
        "idle": [False, False],
    }


def test_of_much_data_only_what_is_tiny_is_unpacked_at_once(pool, incoming, monkeypatch):
    monkeypatch.setattr(surveying, "_AT_ONCE", 50_000)
    small = [build_deb(incoming), build_source(incoming, "b")]
    large = build_deb(incoming, "c", paths={"usr/c": os.urandom(40_000)})
    source = build_source(incoming, "d", paths={"d": os.urandom(40_000)})
    assert read_deep(pool, [*small, large], "auto") == [True, True, True]
    larger = build_deb(incoming, "e", paths={"usr/e": os.urandom(40_000)})
    assert read_deep(pool, [*small, large, source], "auto") == [True, True, True, False]
    assert read_deep(pool, [*small, large, larger], "auto") == [True, True, False, False]


def test_sources_are_unpacked_by_who_needs_their_paths(pool, incoming):
    source = build_source(incoming, "a", paths={"a": os.urandom(40_000)})
    assert read_deep(pool, [source, build_deb(incoming)], "auto") == [False, True]
    assert read_deep(pool, [source], "add") == [True]


def test_sources_are_no_reason_to_read_binary_packages_later(pool, incoming, monkeypatch):
    monkeypatch.setattr(surveying, "_AT_ONCE", 50_000)
    sources = [build_source(incoming, name, paths={"a": os.urandom(40_000)}) for name in "ab"]
    deb = build_deb(incoming, "c", paths={"usr/c": os.urandom(40_000)})
    assert read_deep(pool, [*sources, deb], "auto") == [False, False, True]


def test_package_is_the_same_however_deep_it_is_read(pool, incoming, monkeypatch):
    paths = [build_deb(incoming), build_source(incoming)]
    for small in (10, 1 << 20):
        monkeypatch.setattr(files, "_SMALL", small)
        monkeypatch.setattr(files, "_TINY", small)
        deep = [one._replace(contents=b"") for one in ingest(pool, paths, deep="add")]
        again = [one._replace(stored=True) for one in ingest(pool, paths, deep="publish")]
        assert again == [one._replace(stored=True) for one in deep]


def test_broken_data_is_seen_when_it_is_unpacked(pool, incoming):
    path = break_data(build_deb(incoming, paths={"usr/a": os.urandom(5000)}))
    error = refusal(pool, path)
    assert str(error).startswith(f"{path}: data.tar.xz is damaged: ")
    assert read_deep(pool, [path], "publish") == [False]


def test_truncated_package_is_refused_unread(pool, incoming):
    path = build_deb(incoming)
    path.write_bytes(path.read_bytes()[:-100])
    (result,) = ingest(pool, [path], deep="publish")
    assert str(result.error).startswith(f"{path}: data.tar.xz is truncated: ")


def test_package_without_data_is_refused_unread(pool, incoming):
    path = build_deb(incoming)
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"data.tar")])
    (result,) = ingest(pool, [path], deep="publish")
    assert str(result.error) == f"{path}: there is no data.tar in it"


def test_large_files_are_taken_by_threads(pool, incoming, monkeypatch):
    monkeypatch.setattr(workers, "_THREADED", 1)
    monkeypatch.setattr(workers, "_Worker", None)
    paths = [build_deb(incoming, f"a{number}") for number in range(30)]
    paths += [build_source(incoming), incoming / "gone.deb"]
    alone = list(ingest(Pool(incoming / "alone"), paths, workers=1))
    with pool.reserving() as reserving:
        together = list(ingest(reserving, paths, workers=3))
    assert together[:-1] == alone[:-1]
    assert str(together[-1].error) == str(alone[-1].error)
    assert list(pool) == list(Pool(incoming / "alone"))


def test_disk_trouble_in_a_thread_is_raised(incoming, monkeypatch):
    monkeypatch.setattr(workers, "_THREADED", 1)
    (incoming / "pool").touch()  # not a directory
    paths = [build_deb(incoming, f"a{number}") for number in range(9)]
    with pytest.raises(DebrepoError, match="cannot write the pool, "):
        list(ingest(Pool(incoming / "pool"), paths, workers=3))


def test_few_small_files_are_worth_no_thread(pool, incoming, monkeypatch):
    monkeypatch.setattr("debrepo.ingest.threads.in_order", None)
    paths = [build_deb(incoming, f"a{number}") for number in range(3)]
    assert all(isinstance(result, Ingested) for result in ingest(pool, paths, workers=2))


def test_two_files_of_two_megabytes_are_worth_a_thread(pool, incoming, monkeypatch):
    taken = []
    monkeypatch.setattr("debrepo.ingest.threads.in_order", lambda *found: taken.append(found) or ())
    paths = [build_deb(incoming, name, paths={"a": os.urandom(1 << 21)}) for name in "ab"]
    assert list(ingest(pool, paths, workers=2)) == []
    assert len(taken) == 1


def test_unknown_time_to_read_deep_is_refused(debrepo, debrepo_root):
    debrepo("repo", "create", "r")
    (debrepo_root / "debrepo.toml").write_text('ingest.deep = "never"\n')
    result = debrepo("repo", "add", "r", "gone.deb", exit_code=2)
    assert result.output == (
        "Error: ingest.deep cannot be 'never'\nHint: use one of auto, add, publish, idle\n"
    )

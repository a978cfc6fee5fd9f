"""``debrepo repo add --trust-mtime``: what has not changed is not read again."""

import os
import shutil

import pytest

from debrepo.ingest import seen
from debrepo.ingest.files import Intake
from debrepo.testing.packages import build_deb, build_source


@pytest.fixture(autouse=True)
def settled(monkeypatch):
    """Let files be old enough as soon as they are there."""
    monkeypatch.setattr(seen, "RACY", -(10**12))


@pytest.fixture
def read(monkeypatch):
    """List the names of the files that are read."""
    names = []
    take_all = Intake.take_all

    def noting(intake, paths):
        paths = list(paths)
        names.extend(path.name for path in paths)
        return take_all(intake, paths)

    monkeypatch.setattr(Intake, "take_all", noting)
    return names


@pytest.fixture
def added(debrepo, incoming, read):
    """Add two packages, trusting what is known of them, and return how to do it again."""
    build_deb(incoming, "hello")
    build_deb(incoming, "other")
    debrepo("repo", "create", "r")

    def again(*words, **more):
        read.clear()
        return debrepo("repo", "add", "r", incoming, "--trust-mtime", *words, **more).output

    assert "r: 2 added" in again()
    assert len(read) == 2
    return again


def names(debrepo):
    shown = debrepo("repo", "show", "r", "--with-packages").output
    return [line.strip() for line in shown.splitlines() if line.startswith("  ")]


def test_what_has_not_changed_is_not_read(added, read):
    assert "r: 2 skipped" in added()
    assert read == []


def test_without_the_option_all_is_read(added, debrepo, incoming, read):
    read.clear()
    debrepo("repo", "add", "r", incoming)
    assert sorted(read) == ["hello_1.0_amd64.deb", "other_1.0_amd64.deb"]


def test_what_is_known_joins_another_repository_without_being_read(added, debrepo, incoming, read):
    debrepo("repo", "create", "second")
    read.clear()
    debrepo("repo", "add", "second", incoming, "--trust-mtime")
    assert read == []
    shown = debrepo("repo", "show", "second", "--with-packages").output
    assert "hello_1.0_amd64" in shown


def test_other_bytes_of_the_same_size_and_date_are_read(added, incoming, read, debrepo):
    path = incoming / "hello_1.0_amd64.deb"
    before = path.stat()
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    added(exit_code=1)
    assert read == ["hello_1.0_amd64.deb"]


def test_another_file_under_the_same_name_is_read(added, incoming, read):
    path = incoming / "hello_1.0_amd64.deb"
    copy = incoming / "copy"
    shutil.copy2(path, copy)
    copy.rename(path)
    added()
    assert read == ["hello_1.0_amd64.deb"]


def test_file_that_has_only_just_changed_is_read_again(added, read, monkeypatch, incoming):
    monkeypatch.setattr(seen, "RACY", 3 * 10**9)
    os.utime(incoming / "hello_1.0_amd64.deb")
    added()
    assert "hello_1.0_amd64.deb" in read
    added()
    assert "hello_1.0_amd64.deb" in read


def test_file_whose_date_is_in_the_future_is_read_again(added, read, monkeypatch, incoming):
    monkeypatch.setattr(seen, "RACY", 0)
    os.utime(incoming / "hello_1.0_amd64.deb", (4_000_000_000, 4_000_000_000))
    added()
    added()
    assert read == ["hello_1.0_amd64.deb"]


def test_package_that_the_pool_has_lost_is_read_and_repaired(added, read, debrepo, debrepo_root):
    (lost, *_) = (path for path in (debrepo_root / "pool").glob("??/*") if path.is_file())
    lost.unlink()
    assert "1 repaired" in added() or read
    assert len(read) == 1
    assert lost.exists()


def test_package_that_a_cleanup_has_deleted_is_read_and_added(added, read, debrepo):
    debrepo("repo", "remove", "r", "hello")
    debrepo("db", "cleanup", "--no-trash")
    assert "r: 1 added" in added()
    assert read == ["hello_1.0_amd64.deb"]
    assert names(debrepo) == ["hello_1.0_amd64", "other_1.0_amd64"]


def test_reading_all_of_a_package_is_not_left_out(added, read):
    added("--deep")  # the first time, small packages were read deep as well
    assert read == []


def test_deep_reads_what_was_not_read_deep(debrepo, incoming, read, monkeypatch):
    monkeypatch.setenv("DEBREPO_INGEST_DEEP", "publish")
    build_deb(incoming)
    debrepo("repo", "create", "r")
    debrepo("repo", "add", "r", incoming, "--trust-mtime")
    read.clear()
    debrepo("repo", "add", "r", incoming, "--trust-mtime", "--deep")
    assert read == ["hello_1.0_amd64.deb"]


def test_source_packages_are_read(debrepo, incoming, read):
    build_source(incoming)
    debrepo("repo", "create", "r")
    for _ in range(2):
        read.clear()
        debrepo("repo", "add", "r", incoming, "--trust-mtime")
        assert read == ["hello_1.0-1.dsc"]


def test_what_is_known_can_be_deleted_at_any_time(added, read, debrepo_root):
    shutil.rmtree(debrepo_root / "cache")
    added()
    assert len(read) == 2
    added()
    assert read == []


def test_what_is_known_is_made_anew_where_it_is_damaged(added, read, debrepo_root):
    for path in (debrepo_root / "cache" / "seen").iterdir():
        path.write_bytes(b"damaged" * 4096)
    added()
    assert len(read) == 2


def test_number_of_known_files_is_limited(added, debrepo, read, incoming, monkeypatch):
    monkeypatch.setattr(seen, "MOST", 3)
    for number in range(2):
        build_deb(incoming, f"more{number}")
    added()
    assert len(read) == 2
    added()
    assert len(read) == 2  # those that were known first make room


def test_files_are_deleted_though_they_are_not_read(added, incoming, read):
    added("--remove-files")
    assert read == []
    assert list(incoming.iterdir()) == []

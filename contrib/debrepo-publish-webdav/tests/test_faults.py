"""What the network may do, and what becomes of it."""

import hashlib

import pytest

from debrepo.errors import Conflict, RemoteError
from debrepo.storage import PoolLink


@pytest.fixture
def pauses():
    return []


@pytest.fixture
def storage(connect, proxy, pauses):
    return connect(proxy.server_address[1], pause=pauses.append, timeout=5)


@pytest.mark.parametrize("method", ["MKCOL", "PUT", "MOVE"])
@pytest.mark.parametrize("fault", ["503", "429", "reset", "lost"])
def test_a_passing_fault_is_waited_out(storage, proxy, pauses, method, fault):
    proxy.faults[method] = [fault] * 2
    storage.put("dists/stable/Release", b"1")
    assert storage.get("dists/stable/Release") == b"1"
    assert len(pauses) >= 1


@pytest.mark.parametrize("method", ["LOCK", "GET", "PUT", "MOVE", "DELETE", "UNLOCK"])
@pytest.mark.parametrize("fault", ["502", "reset"])
def test_a_commit_survives_a_passing_fault(storage, proxy, method, fault):
    storage.commit("dists/stable/InRelease", b"1", expected=None)
    proxy.faults[method] = [fault]
    storage.commit("dists/stable/InRelease", b"2", expected=b"1")
    assert storage.get("dists/stable/InRelease") == b"2"


def test_a_commit_whose_answer_got_lost_is_no_conflict_with_itself(storage, proxy):
    storage.commit("dists/stable/InRelease", b"1", expected=None)
    proxy.faults["MOVE"] = ["lost"]
    storage.commit("dists/stable/InRelease", b"2", expected=b"1")
    assert storage.get("dists/stable/InRelease") == b"2"


def test_a_server_that_hangs_is_not_waited_for_forever(connect, proxy):
    proxy.faults["PUT"] = ["hang"]
    storage = connect(proxy.server_address[1], pause=lambda seconds: None, timeout=0.3)
    storage.put("dists/stable/Release", b"1")
    assert storage.get("dists/stable/Release") == b"1"


def test_a_fault_that_stays_is_an_error_and_changes_nothing(storage, proxy, pauses):
    storage.put("dists/stable/Release", b"old")
    proxy.faults["MOVE"] = ["503"] * 100
    with pytest.raises(RemoteError, match=r"MOVE .* failed 6 times: status 503"):
        storage.put("dists/stable/Release", b"new")
    assert storage.get("dists/stable/Release") == b"old"
    assert pauses == sorted(pauses)


def test_what_did_not_arrive_is_taken_away(storage, proxy, directory):
    proxy.faults["MOVE"] = ["503"] * 100
    with pytest.raises(RemoteError, match="failed 6 times"):
        storage.put("Release", b"new")
    assert list(directory.iterdir()) == []


@pytest.mark.parametrize(("status", "hint"), [("507", "no space left"), ("405", "switched on")])
def test_a_fault_that_will_not_pass_is_not_tried_again(storage, proxy, pauses, status, hint):
    proxy.faults["PUT"] = [status]
    with pytest.raises(RemoteError, match=f"with status {status}") as caught:
        storage.put("Release", b"")
    assert hint in caught.value.hint
    assert pauses == []


def test_uploading_many_stops_at_the_first_failure(storage, proxy, tmp_path):
    (tmp_path / "source").write_bytes(b"x")
    proxy.faults["PUT"] = ["507"]
    files = (PoolLink(f"pool/{n}", tmp_path / "source", 1, "") for n in range(100))
    with pytest.raises(RemoteError, match="507"):
        storage.link_all(files)
    assert proxy.seen.count("PUT") < 50


def test_many_files_are_uploaded_in_spite_of_faults(storage, proxy, tmp_path):
    (tmp_path / "source").write_bytes(b"x" * 10_000)
    passing = ["503", "", "reset", "", "lost", ""]
    proxy.faults = {"HEAD": passing * 2, "PUT": passing * 3, "MOVE": passing * 3}
    files = [PoolLink(f"pool/{n}", tmp_path / "source", 10_000, "") for n in range(40)]
    storage.link_all(files)
    assert sorted(file.path for file in files) == list(storage.list())


def test_connections_are_kept(storage, proxy):
    for n in range(5):
        storage.put(f"dists/{n}", b"")
    assert storage._client._idle.qsize() == 1


def test_an_upload_that_was_too_late_is_a_conflict(storage, connect, monkeypatch):
    other = connect()
    monkeypatch.setattr(storage, "exclusive", lambda path: Meddling(other, path))
    with pytest.raises(Conflict, match="InRelease"):
        storage.commit("InRelease", b"mine", expected=None)
    assert other.get("InRelease") == b"theirs"


class Meddling:
    def __init__(self, other, path):
        other.put(path, b"theirs")

    def __enter__(self):
        pass

    def __exit__(self, *error):
        pass


def test_checksums_of_many_files_take_a_request_each(storage, proxy):
    files = {f"pool/{n}.deb": b"%d" % n for n in range(20)}
    for path, data in files.items():
        storage.put(path, data)
    proxy.seen.clear()
    found = dict(storage.sha256_all(files))
    assert found == {path: hashlib.sha256(data).hexdigest() for path, data in files.items()}
    assert proxy.seen == ["GET"] * 20


def test_a_file_of_several_ranges_arrives_whole(storage, monkeypatch):
    monkeypatch.setattr("debrepo_publish_webdav.storage._PIECE", 1000)
    for size in (0, 1, 999, 1000, 1001, 3500):
        data = bytes(range(250)) * 14
        storage.put("dists/x", data[:size])
        assert b"".join(storage.pieces("dists/x")) == data[:size]

"""The contract of every storage, against a real server."""

import os
import stat
import time

import pytest
import server
from debrepo_publish_webdav import locks, plugin
from debrepo_publish_webdav.storage import WebDavStorage

from debrepo.errors import Conflict, InvalidInput
from debrepo.testing import ServiceContract


def hurry(seconds):
    time.sleep(seconds / 20)


class TestWebDavStorage(ServiceContract):
    @pytest.fixture
    def server_port(self, running):
        return running[0]

    @pytest.fixture
    def connect(self, connect):
        return lambda port, **more: connect(port, pause=hurry, **more)

    @pytest.fixture
    def restart(self, connect, cutter):
        return lambda: connect(cutter.port, owner="this root")


def test_files_are_where_the_web_server_serves_them_from(connect, directory):
    connect().put("dists/stable/Release", b"1")
    assert (directory / "dists/stable/Release").read_bytes() == b"1"


def test_nothing_but_the_files_is_left(connect, directory):
    storage = connect()
    storage.commit("dists/stable/InRelease", b"1", expected=None)
    storage.commit("dists/stable/InRelease", b"2", expected=b"1")
    assert [path.name for path in directory.rglob("*") if path.is_file()] == ["InRelease"]


def test_what_a_crash_left_is_not_listed_and_goes_after_a_day(connect, directory):
    young, old = (directory / f"~debrepo-partial-{name}" for name in ("young", "old"))
    for path in (young, old):
        path.touch()
    os.utime(old, (0, 0))
    assert list(connect().list()) == []
    assert (young.exists(), old.exists()) == (True, False)


def test_a_server_without_locks_is_good_enough(running_without_locks, directory, connect):
    port, root = running_without_locks
    (root / directory.name).mkdir()
    storage = connect(port)
    storage.commit("dists/stable/InRelease", b"1", expected=None)
    storage.commit("dists/stable/InRelease", b"2", expected=b"1")
    assert storage.get("dists/stable/InRelease") == b"2"


def test_a_long_publish_asks_for_its_lock_again(connect):
    storage, rival = connect(), connect()
    with storage.exclusive("dists/stable/InRelease"):
        (held,) = storage._held.values()
        held._since -= locks._FRESH
        before = held._since
        storage.put("dists/stable/Release", b"1")
        assert held._since > before
        assert rival._client.request("LOCK", held.path, accept=frozenset({423})).status == 423


def test_a_publish_whose_lock_has_ended_is_told_before_anything_is_mixed(connect):
    storage = connect()
    with storage.exclusive("dists/stable/InRelease"):
        (held,) = storage._held.values()
        locks._delete(connect()._client, held.path, held.token)
        held._since -= locks._FRESH
        with pytest.raises(Conflict, match="took longer than the lock"):
            storage.put("dists/stable/Release", b"1")
    assert storage.stat("dists/stable/Release") is None


def test_a_wrong_password_is_for_the_user_to_mend(connect):
    with pytest.raises(InvalidInput, match="status 401") as caught:
        connect(password="wrong").put("dists/stable/Release", b"")
    assert "password_file" in caught.value.hint


def test_the_endpoint_is_opened_from_its_options(running, directory, tmp_path):
    (tmp_path / "password").write_text(server.PASSWORD + "\n")
    options = {
        "url": f"http://127.0.0.1:{running[0]}/{directory.name}",
        "user": server.USER,
        "password_file": "password",
    }
    storage = WebDavStorage.open("www", options, tmp_path)
    storage.put("a", b"1")
    storage.close()
    assert stat.S_ISREG((directory / "a").stat().st_mode)


def test_an_endpoint_without_a_url_is_refused(tmp_path):
    with pytest.raises(InvalidInput, match=r"set storage\.webdav\.www\.url"):
        WebDavStorage.open("www", {}, tmp_path)


@pytest.mark.parametrize("url", ["ftp://host/", "host/directory", "https:///x", "http://h/?a"])
def test_what_is_no_url_is_refused(tmp_path, url):
    with pytest.raises(InvalidInput, match="not the URL of a WebDAV directory"):
        WebDavStorage.open("www", {"url": url}, tmp_path)


def test_a_missing_password_file_is_named(tmp_path):
    options = {"url": "http://h/", "password_file": "nowhere"}
    with pytest.raises(InvalidInput, match=r"cannot read the password file .*nowhere"):
        WebDavStorage.open("www", options, tmp_path)


def test_the_plugin_names_what_is_there():
    (reference,) = plugin.debrepo_storages().values()
    assert reference.load() is WebDavStorage
    assert {setting.name.rpartition(".")[2] for setting in plugin.debrepo_settings()} == {
        "url",
        "user",
        "password_file",
        "connections",
        "timeout",
    }

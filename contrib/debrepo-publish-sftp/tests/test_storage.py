"""The contract of every storage, against a real server."""

import os
import shutil
import subprocess

import pytest
from debrepo_publish_sftp import locks
from debrepo_publish_sftp.connection import SftpPlace
from debrepo_publish_sftp.storage import SftpStorage

from debrepo.errors import Conflict, InvalidInput, RemoteError
from debrepo.testing import ServiceContract
from debrepo.testing.packages import build_deb


class TestSftpStorage(ServiceContract):
    @pytest.fixture
    def server_port(self, running):
        return running.port

    @pytest.fixture
    def connect(self, connect):
        return connect

    @pytest.fixture
    def restart(self, connect, cutter):
        return lambda: connect(cutter.port, owner="this root")


def test_nothing_but_the_files_is_left(connect, directory):
    storage = connect()
    storage.commit("dists/stable/InRelease", b"1", expected=None)
    storage.commit("dists/stable/InRelease", b"2", expected=b"1")
    assert [path.name for path in directory.rglob("*") if path.is_file()] == ["InRelease"]


def test_what_a_crash_left_is_not_listed_and_goes_after_a_day(connect, directory):
    young, old = (directory / f"{locks.PARTIAL}{name}" for name in ("young", "old"))
    for path in (young, old):
        path.touch()
    os.utime(old, (0, 0))
    assert list(connect().list()) == []
    assert (young.exists(), old.exists()) == (True, False)


def test_empty_directories_go_and_others_stay(connect, directory):
    storage = connect()
    storage.put("pool/a/one", b"")
    storage.put("pool/b/two", b"")
    storage.delete(["pool/a/one"])
    assert [path.name for path in (directory / "pool").iterdir()] == ["b"]


def test_lock_that_nobody_renews_is_taken_over(connect, monkeypatch):
    monkeypatch.setattr(locks, "_ABANDONED", 0.0)
    dead, storage = connect(), connect()
    gone = dead.exclusive("dists/stable/InRelease")
    gone.__enter__()
    dead.close()
    with storage.exclusive("dists/stable/InRelease"):
        storage.put("dists/stable/Release", b"1")
    assert storage.get("dists/stable/Release") == b"1"
    gone.__exit__(None, None, None)


def test_publisher_whose_lock_was_taken_over_is_told_before_anything_is_mixed(connect, directory):
    storage = connect()
    with storage.exclusive("dists/stable/InRelease"):
        (held,) = storage._held.values()
        (directory / "dists/stable" / locks.NAME).write_bytes(b"other 1")
        held._since -= locks._FRESH
        with pytest.raises(Conflict, match="taken over the lock"):
            storage.put("dists/stable/Release", b"1")
    assert storage.stat("dists/stable/Release") is None
    assert (directory / "dists/stable" / locks.NAME).read_bytes() == b"other 1"


def test_long_publish_renews_its_lock(connect, directory):
    storage = connect()
    with storage.exclusive("dists/stable/InRelease"):
        (held,) = storage._held.values()
        lock = directory / "dists/stable" / locks.NAME
        os.utime(lock, (0, 0))
        held._since -= locks._FRESH
        storage.put("dists/stable/Release", b"1")
        assert lock.stat().st_mtime > 0


def test_host_that_is_not_known_is_refused(connect, tmp_path):
    (tmp_path / "known").touch()
    with pytest.raises(InvalidInput, match=r"host key of .* is not known") as caught:
        connect(known_hosts=str(tmp_path / "known")).put("a", b"")
    assert "ssh-keyscan -p" in caught.value.hint


def test_host_with_another_key_is_refused(connect, running, tmp_path):
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    kind, text, *_ = key.with_suffix(".pub").read_text().split()
    (tmp_path / "known").write_text(f"[127.0.0.1]:{running.port} {kind} {text}\n")
    with pytest.raises(InvalidInput, match="another key than the one that is known"):
        connect(known_hosts=str(tmp_path / "known")).put("a", b"")


def test_key_that_the_host_does_not_accept_is_an_error(connect, tmp_path):
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    with pytest.raises(InvalidInput, match="does not let us in"):
        connect(key_file=str(key)).put("a", b"")
    with pytest.raises(InvalidInput, match="no key in"):
        connect(key_file=str(tmp_path / "none")).put("a", b"")


def test_directory_that_is_not_there_is_an_error(connect):
    with pytest.raises((InvalidInput, RemoteError, Exception), match="nowhere"):
        connect(directory="/nowhere/at all").put("a", b"")


@pytest.mark.parametrize("url", ["", "http://h/x", "sftp:///x", "sftp://h", "sftp://u:p@h/x"])
def test_what_is_no_url_is_refused(url):
    with pytest.raises(InvalidInput, match="not the URL of an SFTP directory"):
        SftpPlace.parse(url)


def test_endpoint_without_a_url_is_refused(tmp_path):
    with pytest.raises(InvalidInput, match=r"set storage\.sftp\.www\.url"):
        SftpStorage.open("www", {}, tmp_path)


@pytest.mark.debrepo_plugins(only=["local", "publish", "publish-fs", "publish-sftp"])
@pytest.mark.skipif(not shutil.which("apt-get"), reason="needs apt")
def test_apt_downloads_what_was_published(debrepo, debrepo_root, running, directory, tmp_path):
    debrepo_root.mkdir()
    (debrepo_root / "debrepo.toml").write_text(
        "[storage.sftp.www]\n"
        f'url = "sftp://{running.user}@127.0.0.1:{running.port}{directory}"\n'
        f'key_file = "{running.key}"\n'
        f'known_hosts = "{running.known_hosts(running.port)}"\n'
    )
    debrepo("repo", "create", "tools", "--distribution", "stable")
    for version in ("1.0", "2.0"):
        debrepo("repo", "add", "tools", build_deb(tmp_path, "hello", version))
        if version == "1.0":
            debrepo("publish", "repo", "tools", "sftp:www:.", "--skip-signing")
    debrepo("publish", "update", "stable", "sftp:www:.")
    files = apt_download(tmp_path, directory, "hello")
    assert files == ["hello_2.0_amd64.deb"]
    debrepo("publish", "drop", "stable", "sftp:www:.")
    assert [path for path in directory.rglob("*") if path.is_file()] == []


def apt_download(place, tree, package):
    """Have apt fetch a package of an archive; return the names of the files."""
    root = place / "apt"
    for part in ("state/lists/partial", "cache/archives/partial", "etc", "log", "here"):
        (root / part).mkdir(parents=True)
    for name in ("status", "apt.conf"):
        (root / name).touch()
    path = str(tree).replace(" ", "%20")
    (root / "etc/sources.list").write_text(f"deb [trusted=yes] file:{path} stable main\n")
    options = {
        "Dir::State": root / "state",
        "Dir::State::status": root / "status",
        "Dir::Cache": root / "cache",
        "Dir::Etc": root / "etc",
        "Dir::Log": root / "log",
        "APT::Architecture": "amd64",
        "APT::Architectures": "amd64",
        "APT::Sandbox::User": "root",
    }
    words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    environ = {**os.environ, "APT_CONFIG": str(root / "apt.conf"), "LC_ALL": "C"}
    for what in (["update"], ["download", package]):
        done = subprocess.run(
            ["apt-get", *words, *what],
            cwd=root / "here",
            env=environ,
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
    return sorted(file.name for file in (root / "here").iterdir())

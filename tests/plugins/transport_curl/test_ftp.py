"""FTP by libcurl, against a server made with pyftpdlib."""

import io
import os
import threading
import warnings
from collections import defaultdict

import pytest

from debrepo.testing import TransportContract
from debrepo_transport_curl.transport import CurlTransport

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of asyncore, which it is built on
    from pyftpdlib.authorizers import AuthenticationFailed, DummyAuthorizer
    from pyftpdlib.filesystems import AbstractedFS
    from pyftpdlib.handlers import FTPHandler
    from pyftpdlib.ioloop import IOLoop
    from pyftpdlib.servers import FTPServer


class Files(AbstractedFS):
    """A file system in which files may end early."""

    def open(self, filename, mode):
        file = super().open(filename, mode)
        keep = self.cmd_channel.server.upstream.cut(os.path.relpath(filename, self.root))
        if keep is None:
            return file
        with file:
            return Named(file.read(keep), filename)


class Named(io.BytesIO):
    def __init__(self, data, name):
        super().__init__(data)
        self.name = name


class Handler(FTPHandler):
    abstracted_fs = Files
    banner = "ready"

    def on_connect(self):
        self.server.upstream.connections += 1

    def ftp_MDTM(self, path):  # noqa: N802  # with which libcurl begins
        name = os.path.relpath(path, self.fs.root)
        known = "" if self.username == "anonymous" else f"{self.username}:{self.password}"
        self.server.upstream.users[name].append(known)
        return super().ftp_MDTM(path)

    def ftp_RETR(self, file):  # noqa: N802
        path = os.path.relpath(file, self.fs.root)
        upstream = self.server.upstream
        upstream.starts[path].append(self._restart_position)
        if upstream.drops(path):
            self.close()
            return None
        return super().ftp_RETR(file)


class Authorizer(DummyAuthorizer):
    def validate_authentication(self, username, password, handler):
        if password == "wr0ng":
            raise AuthenticationFailed


class FtpUpstream:
    faults_known = ("range", "received", "logins", "truncate", "drop")

    def __init__(self, root):
        self.root = root
        self.connections = 0
        self.users = defaultdict(list)
        self.starts = defaultdict(list)
        self.faults = []
        self.dates = 1_700_000_000
        authorizer = Authorizer()
        authorizer.add_anonymous(str(root))
        authorizer.add_user("me", "", str(root))
        handler = type("Bound", (Handler,), {"authorizer": authorizer})
        self.loop = IOLoop()
        self.server = FTPServer(("127.0.0.1", 0), handler, ioloop=self.loop)
        self.server.upstream = self
        self.ending = threading.Event()

    @property
    def url(self):
        return f"ftp://127.0.0.1:{self.server.address[1]}/"

    def put(self, path, data):
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        self.dates += 10
        os.utime(target, (self.dates, self.dates))

    def fault(self, path, kind, times=1, **details):
        self.faults.append({"path": path, "kind": kind, "times": times, **details})

    def _take(self, path, kind):
        for fault in self.faults:
            if fault["path"] == path and fault["kind"] == kind and fault["times"] != 0:
                if fault["times"] is not None:
                    fault["times"] -= 1
                return fault
        return None

    def cut(self, path):
        fault = self._take(path, "truncate")
        return None if fault is None else fault.get("keep", 10)

    def drops(self, path):
        return self._take(path, "drop") is not None

    def received(self, path):
        size = (self.root / path).stat().st_size
        return [size - start for start in self.starts[path]]

    def identities(self, path):
        return self.users[path]

    def run(self):
        while not self.ending.is_set():
            self.loop.loop(timeout=0.01, blocking=False)


@pytest.fixture
def upstream(tmp_path):
    upstream = FtpUpstream(tmp_path)
    thread = threading.Thread(target=upstream.run)
    thread.start()
    yield upstream
    upstream.ending.set()
    thread.join()
    upstream.server.close_all()


class TestFtp(TransportContract):
    @pytest.fixture
    def transport_class(self):
        return CurlTransport

    @pytest.fixture
    def upstream(self, upstream):
        return upstream


def test_wrong_password_is_said_and_not_shown(upstream):
    from debrepo.transport import TransportOptions

    transport = CurlTransport.open(TransportOptions())
    url = upstream.url.replace("://", "://me:wr0ng@")
    fetched, _ = transport.read(url + "a", limit=10)
    transport.close()
    assert (fetched.outcome, fetched.again) == ("failed", False)
    assert "wr0ng" not in fetched.reason + fetched.url

"""Files of this machine as an archive."""

import os

import pytest

from debrepo.testing import TransportContract
from debrepo.transport import TransportOptions, Validators
from debrepo_transport_file.transport import FileTransport


class Directory:
    """A directory in the place of a server."""

    faults_known = ("range",)
    connections = 0

    def __init__(self, root):
        self.root = root

    @property
    def url(self):
        return f"{self.root.as_uri()}/"

    def put(self, path, data):
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        target.write_bytes(data)


class TestFile(TransportContract):
    @pytest.fixture
    def transport_class(self):
        return FileTransport

    @pytest.fixture
    def upstream(self, tmp_path):
        return Directory(tmp_path)


@pytest.fixture
def transport():
    return FileTransport.open(TransportOptions())


def test_a_directory_is_no_file(transport, tmp_path):
    fetched, _ = transport.read(tmp_path.as_uri(), limit=10)
    assert (fetched.outcome, fetched.reason) == ("failed", "not a regular file")


def test_a_pipe_is_not_waited_for(transport, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    fetched, _ = transport.read((tmp_path / "pipe").as_uri(), limit=10)
    assert (fetched.outcome, fetched.reason) == ("failed", "not a regular file")


def test_another_host_is_refused(transport):
    fetched, _ = transport.read("file://example.org/etc/passwd", limit=10)
    assert (fetched.outcome, fetched.reason) == (
        "failed",
        "file URLs have no host, found example.org",
    )


def test_a_null_byte_is_no_crash(transport):
    assert transport.read("file:///etc/%00", limit=10)[0].outcome == "failed"


def test_a_file_rewritten_in_place_has_changed(transport, tmp_path):
    path = tmp_path / "InRelease"
    path.write_bytes(b"1")
    os.utime(path, (1, 1))
    first, _ = transport.read(path.as_uri(), limit=10)
    path.write_bytes(b"2")
    os.utime(path, (2, 2))
    second, data = transport.read(path.as_uri(), limit=10, validators=first.validators)
    assert (second.outcome, data) == ("whole", b"2")
    assert first.validators != second.validators != Validators()

"""A real OpenSSH server on a free port of 127.0.0.1, and storages on it."""

import itertools

import pytest
import server
from debrepo_publish_sftp.connection import SftpPlace
from debrepo_publish_sftp.storage import SftpStorage

pytest_plugins = ["debrepo.testing.fixtures"]

_NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def running(tmp_path_factory):
    if reason := server.missing():
        pytest.skip(reason)
    with server.sshd(tmp_path_factory.mktemp("sshd")) as running:
        yield running


@pytest.fixture
def directory(running):
    """Return a new directory that the server serves."""
    path = running.place / f"repo {next(_NUMBERS)}"
    path.mkdir()
    return path


@pytest.fixture
def connect(running, directory):
    """Return a function that opens the directory, on the server or through a proxy."""
    opened = []

    def connect(port=None, *, owner="", **options):
        port = port or running.port
        place = SftpPlace(
            "127.0.0.1",
            str(directory),
            port,
            running.user,
            str(running.key),
            str(running.known_hosts(port)),
            10,
        )
        storage = SftpStorage(place._replace(**options), owner=owner, pause=server.hurry)
        opened.append(storage)
        return storage

    yield connect
    for storage in opened:
        storage.close()

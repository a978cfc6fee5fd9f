import itertools
import threading

import pytest
import server
from debrepo_publish_webdav.client import Client
from debrepo_publish_webdav.storage import WebDavStorage

_NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def running(tmp_path_factory):
    if reason := server.missing():
        pytest.skip(reason)
    with server.nginx(tmp_path_factory.mktemp("nginx")) as port_and_root:
        yield port_and_root


@pytest.fixture(scope="session")
def running_without_locks(tmp_path_factory):
    if reason := server.missing():
        pytest.skip(reason)
    with server.nginx(tmp_path_factory.mktemp("nginx"), locks=False) as port_and_root:
        yield port_and_root


@pytest.fixture
def directory(running):
    """Return a new directory below the document root, and its path on the server."""
    name = f"repo {next(_NUMBERS)}"
    (running[1] / name).mkdir()
    return running[1] / name


@pytest.fixture
def connect(running, directory):
    """Return a function that opens the directory, on the server or through a proxy."""
    opened = []

    def connect(port=running[0], *, password=server.PASSWORD, owner="", **options):
        url = f"http://127.0.0.1:{port}/{directory.name}/"
        client = Client(url, user=server.USER, password=password, **options)
        storage = WebDavStorage(client, owner=owner)
        opened.append(storage)
        return storage

    yield connect
    for storage in opened:
        storage.close()


@pytest.fixture
def proxy(running):
    with server.FaultyProxy(running[0]) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, args=(0.01,))
        thread.start()
        yield proxy
        proxy.released.set()
        proxy.shutdown()
        thread.join()

"""The contract, against the emulator, and what is Azure's alone."""

import hashlib
import itertools

import azurite
import pytest
from azure.storage.blob import ContainerClient
from debrepo_publish_azure.storage import AzureStorage

from debrepo.errors import InvalidInput
from debrepo.testing import ObjectStoreContract

_NUMBERS = itertools.count()
CREDENTIAL = {"account_name": azurite.ACCOUNT, "account_key": azurite.KEY}


@pytest.fixture(scope="session")
def port(tmp_path_factory):
    if not azurite.program():
        pytest.skip("needs azurite: npm install azurite")
    with azurite.azurite(tmp_path_factory.mktemp("azurite") / "log") as port:
        yield port


def container(port, name):
    url = f"http://127.0.0.1:{port}/{azurite.ACCOUNT}"
    return ContainerClient(url, name, credential=CREDENTIAL)


@pytest.fixture
def connect(port):
    """Return a function that opens a new container, as a node of its own."""
    name = f"container-{next(_NUMBERS)}"
    with container(port, name) as client:
        client.create_container()
    opened = []

    def connect(port, **more):
        url = f"http://127.0.0.1:{port}/{azurite.ACCOUNT}"
        options = {"credential": CREDENTIAL, "attempts": 3, "timeout": 4, "pause": 0}
        opened.append(AzureStorage(url, name, **options | {"prefix": "deb"} | more))
        return opened[-1]

    yield connect
    for storage in opened:
        storage.close()


class TestAzureStorage(ObjectStoreContract):
    many = 100

    @pytest.fixture
    def server_port(self, port):
        return port

    @pytest.fixture
    def connect(self, connect):
        return connect


def test_blobs_have_their_type_and_may_be_kept_or_not(connect, port):
    storage = connect(port)
    storage.put("dists/stable/InRelease", b"")
    storage.put("pool/a.deb", b"", cache="immutable")
    found = [
        storage._container.get_blob_client(f"deb/{path}").get_blob_properties().content_settings
        for path in ("dists/stable/InRelease", "pool/a.deb")
    ]
    assert [item.cache_control for item in found] == [
        "no-cache",
        "public, max-age=31536000, immutable",
    ]
    assert found[1].content_type == "application/vnd.debian.binary-package"


def test_a_container_that_is_not_there_is_said_not_to_be(port):
    url = f"http://127.0.0.1:{port}/{azurite.ACCOUNT}"
    storage = AzureStorage(url, "nowhere", credential=CREDENTIAL)
    for action in (
        lambda: storage.put("a", b""),
        lambda: storage.get("a"),
        storage.list().__next__,
    ):
        with pytest.raises(InvalidInput, match="cannot use the container nowhere") as caught:
            action()
        assert "create it" in caught.value.hint
    storage.close()


def test_a_wrong_key_is_said_to_be_one(connect, port):
    storage = connect(port, credential=CREDENTIAL | {"account_key": "AAAA"})
    with pytest.raises(InvalidInput, match="Azure refuses") as caught:
        storage.put("a", b"")
    assert "account_key" in caught.value.hint


def test_it_says_what_is_not_configured(tmp_path):
    with pytest.raises(InvalidInput, match="storage azure:x has no container") as caught:
        AzureStorage.open("x", {}, tmp_path)
    assert "storage.azure.x.container" in caught.value.hint


def test_checksums_of_many_blobs_take_a_request_each(connect, port):
    storage = connect(port)
    files = {f"pool/{n}.deb": b"%d" % n for n in range(20)}
    storage.put_all(files, cache="immutable")
    before = storage.statistics()
    found = dict(storage.sha256_all(files))
    assert found == {path: hashlib.sha256(data).hexdigest() for path, data in files.items()}
    now = storage.statistics()
    assert now["GET"] - before.get("GET", 0) == 20
    assert now.get("HEAD", 0) == before.get("HEAD", 0)

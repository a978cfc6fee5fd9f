"""The contract, against a stand-in, and what is Artifactory's alone."""

import hashlib
import itertools

import pytest
from debrepo_publish_artifactory.server import Access, ArtifactoryServer
from debrepo_publish_artifactory.storage import ArtifactoryStorage
from stand_in import TOKEN, ArtifactoryStandIn

from debrepo.errors import InvalidInput, RemoteError
from debrepo.storage import PoolLink
from debrepo.testing import StorageContract
from debrepo.testing.faults import FAULTS, FaultProxy, running
from debrepo.testing.storage_calls import CALLS, do, prepare
from debrepo.wire.web_service import Conduct

_NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def server():
    with running(ArtifactoryStandIn()) as server:
        yield server


@pytest.fixture
def proxy(server):
    with running(FaultProxy(server.server_port)) as proxy:
        yield proxy


@pytest.fixture
def connect(server):
    """Return a function that opens a new repository, as a node of its own."""
    name, opened = f"debian-{next(_NUMBERS)}", []
    server.repositories[name] = {}

    def connect(port, repository=name, token=TOKEN):
        access = Access(f"http://127.0.0.1:{port}", repository, token)
        conduct = Conduct(connections=4, attempts=3, timeout=4)
        service = ArtifactoryServer(access, conduct, pause=lambda seconds: None)
        opened.append(ArtifactoryStorage(service, prefix="deb"))
        return opened[-1]

    yield connect
    for storage in opened:
        storage.close()


@pytest.fixture
def storage(connect, proxy):
    return connect(proxy.port)


class TestArtifactoryStorage(StorageContract):
    locks = False
    creates_only = False

    @pytest.fixture
    def storage(self, storage):
        return storage

    @pytest.fixture
    def reopen(self, connect, server):
        return lambda: connect(server.server_port)

    # A commit looks before it writes: nothing of the server's can make that one step.
    test_of_many_publishers_one_succeeds = None
    test_of_two_that_commit_at_once_one_is_refused = None

    @pytest.mark.parametrize("fault", FAULTS)
    @pytest.mark.parametrize("call", CALLS)
    def test_a_passing_fault_is_waited_out(self, storage, proxy, pool_file, call, fault):
        prepare(storage)
        proxy.faults["*"] = [fault]
        do(call, storage, pool_file)
        assert proxy.faults["*"] == []

    @pytest.mark.parametrize("call", CALLS)
    def test_a_fault_that_stays_is_an_error(self, storage, proxy, pool_file, call):
        prepare(storage)
        proxy.faults["*"] = ["503"] * 100
        with pytest.raises(RemoteError, match="failed 3 times"):
            do(call, storage, pool_file)


@pytest.fixture
def large(tmp_path):
    source = tmp_path / "large"
    source.write_bytes(bytes(range(256)) * 8_000)
    return PoolLink(
        "pool/a.deb", source, 2_048_000, hashlib.sha256(source.read_bytes()).hexdigest()
    )


def test_a_large_file_that_the_server_has_already_is_not_sent_again(storage, large):
    storage.link(large)
    sent = storage.statistics()["bytes sent"]
    storage.link(large._replace(path="pool/b.deb"))
    assert storage.statistics()["bytes sent"] == sent
    assert storage.sha256("pool/b.deb") == large.sha256


def test_a_file_that_is_not_what_the_pool_says_is_refused_by_the_server(storage, large):
    with pytest.raises(RemoteError, match="Checksum error"):
        storage.link(large._replace(sha256="00" * 32))


def test_a_wrong_token_is_said_to_be_one(connect, server):
    with pytest.raises(InvalidInput, match="Artifactory refuses put file") as caught:
        connect(server.server_port, token="another").put("a", b"")
    assert "Deploy/Cache" in caught.value.hint


def test_a_repository_that_is_not_there_is_an_error(connect, server):
    with pytest.raises(RemoteError, match="no such repository"):
        connect(server.server_port, repository="nowhere").put("a", b"")


@pytest.mark.parametrize("given", [{}, {"url": "https://x"}, {"url": "x", "repository": "r"}])
def test_what_is_configured_wrongly_is_said(tmp_path, given):
    with pytest.raises(InvalidInput, match="no url, or no repository"):
        ArtifactoryStorage.open("x", given, tmp_path)


def test_names_are_quoted_and_a_password_is_sent(tmp_path):
    given = {"url": "https://x/artifactory/", "repository": "r", "user": "u", "password": "p"}
    storage = ArtifactoryStorage.open("x", given, tmp_path)
    written = storage._server.write("GET", "pool/g++;a=b", {}, {}, None)
    assert written.url == "https://x/artifactory/r/pool/g%2B%2B%3Ba%3Db"
    assert "Authorization: Basic dTpw" in written.fields

"""The contract, against the emulator, and what is Azure's alone."""

import itertools
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import azurite
import pytest
from debrepo_publish_azure.identity import Identity
from debrepo_publish_azure.service import ContainerService, Place
from debrepo_publish_azure.storage import AzureStorage

from debrepo.errors import InvalidInput, RemoteError
from debrepo.storage import PoolLink
from debrepo.testing import ObjectStoreContract
from debrepo.wire.web_service import Conduct

_NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def port(tmp_path_factory):
    if not azurite.program():
        pytest.skip("needs azurite: npm install azurite")
    with azurite.azurite(tmp_path_factory.mktemp("azurite") / "log") as port:
        yield port


def container(port, name, key=azurite.KEY, attempts=3):
    url = f"http://127.0.0.1:{port}/{azurite.ACCOUNT}"
    conduct = Conduct(attempts=attempts, timeout=4)
    return ContainerService(
        Place(url, name, azurite.ACCOUNT, key), conduct, pause=lambda seconds: None
    )


@pytest.fixture
def connect(port):
    """Return a function that opens a new container, as a node of its own."""
    name = f"container-{next(_NUMBERS)}"
    service = container(port, name)
    service.ask("create container", "PUT", "", query={"restype": "container"}, body=b"")
    service.close()
    opened = []

    def connect(port, **more):
        opened.append(AzureStorage(container(port, name, **more), prefix="deb"))
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
        storage.service.ask("head object", "HEAD", f"deb/{path}").headers
        for path in ("dists/stable/InRelease", "pool/a.deb")
    ]
    assert [item["cache-control"] for item in found] == [
        "no-cache",
        "public, max-age=31536000, immutable",
    ]
    assert found[1]["content-type"] == "application/vnd.debian.binary-package"


def test_a_container_that_is_not_there_is_said_not_to_be(port):
    storage = AzureStorage(container(port, "nowhere"))
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
    storage = connect(port, key="AAAA")
    with pytest.raises(InvalidInput, match="Azure refuses") as caught:
        storage.put("a", b"")
    assert "account_key" in caught.value.hint


def test_a_large_file_travels_in_blocks_and_is_created_once(connect, port, tmp_path, monkeypatch):
    monkeypatch.setattr(AzureStorage, "block", 1 << 20)
    storage = connect(port)
    source = tmp_path / "large"
    source.write_bytes(bytes(range(256)) * 10_000)
    file = PoolLink("pool/large.deb", source, 2_560_000, "")
    version = storage.link(file)
    assert version == storage.stat("pool/large.deb").version
    assert storage.get("pool/large.deb") == source.read_bytes()
    assert storage.link(file) is None
    assert storage.statistics()["put block"] == 6


def test_what_was_damaged_on_the_way_is_refused(connect, port):
    storage = connect(port)
    headers = {"x-ms-blob-type": "BlockBlob", "content-md5": "1B2M2Y8AsgTpgAmY7PhCfg=="}
    with pytest.raises(RemoteError, match=r"status 400, (Md5Mismatch|InvalidOperation)"):
        storage.service.ask("put object", "PUT", "deb/a", headers=headers, body=b"something")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "no container, or no account"),
        ({"container": "c"}, "no container, or no account"),
        ({"container": "c", "account_name": "a", "account_key": "?"}, "cannot use the storage"),
    ],
)
def test_what_is_configured_wrongly_is_said(tmp_path, given, message):
    with pytest.raises(InvalidInput, match=message):
        AzureStorage.open("x", given, tmp_path)


def test_signature_is_sent_as_parameters_of_the_url(tmp_path):
    given = {"container": "c", "account_name": "a", "sas_token": "?sv=1&sig=a%2Fb"}
    storage = AzureStorage.open("x", given, tmp_path)
    written = storage.service.write("GET", "x/y z", {"comp": "list"}, {}, None)
    assert written.url == "https://a.blob.core.windows.net/c/x/y%20z?comp=list&sv=1&sig=a%2Fb"
    assert not [field for field in written.fields if field.startswith("authorization")]


def test_identity_of_a_machine_gives_tokens_until_they_expire():
    asked = []

    class Metadata(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.headers["Metadata"])
            body = json.dumps({"access_token": f"t{len(asked)}", "expires_on": "0"}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Metadata) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        identity = Identity(f"http://127.0.0.1:{server.server_port}/token")
        assert [identity.token(), identity.token()] == ["t1", "t2"]
        server.shutdown()
        thread.join()
    assert asked == ["true", "true"]

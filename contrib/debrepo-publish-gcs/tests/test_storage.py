"""The contract, against a stand-in, and what is Google's alone."""

import itertools
import json

import pytest
from debrepo_publish_gcs.bucket import GcsBucket
from debrepo_publish_gcs.storage import GcsStorage
from debrepo_publish_gcs.tokens import VARIABLES, AccountTokens
from stand_in import TOKEN, GoogleStandIn

from debrepo.errors import InvalidInput, RemoteError
from debrepo.testing import ObjectStoreContract
from debrepo.testing.faults import running
from debrepo.wire.web_service import Conduct

_NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def google():
    with running(GoogleStandIn()) as google:
        yield google


@pytest.fixture(autouse=True)
def token(monkeypatch):
    monkeypatch.setenv(VARIABLES[0], TOKEN)


@pytest.fixture
def bucket(google):
    name = f"bucket-{next(_NUMBERS)}"
    google.buckets[name] = {}
    return name


@pytest.fixture
def connect(bucket, token):
    """Return a function that opens the bucket, as a node of its own."""
    opened = []

    def connect(port, name=bucket, tokens=None, **settings):
        service = GcsBucket(
            name,
            tokens or AccountTokens(),
            Conduct(attempts=3, timeout=4),
            endpoint=f"http://127.0.0.1:{port}",
            pause=lambda seconds: None,
        )
        opened.append(GcsStorage(service, prefix="deb", settings=settings))
        return opened[-1]

    yield connect
    for storage in opened:
        storage.close()


class TestGcsStorage(ObjectStoreContract):
    many = 250

    @pytest.fixture
    def server_port(self, google):
        return google.server_port

    @pytest.fixture
    def connect(self, connect):
        return connect


def test_objects_have_their_type_class_and_acl(connect, google, bucket):
    storage = connect(google.server_port, acl="public-read", storage_class="NEARLINE")
    storage.put("dists/stable/InRelease", b"")
    stored = google.buckets[bucket]["deb/dists/stable/InRelease"]
    assert stored.headers == {
        "Content-Type": "text/plain; charset=utf-8",
        "Cache-Control": "no-cache",
        "x-goog-acl": "public-read",
        "x-goog-storage-class": "NEARLINE",
    }


def test_a_bucket_that_is_not_there_is_said_not_to_be(connect, google):
    storage = connect(google.server_port, name="nowhere")
    for action in (lambda: storage.put("a", b""), lambda: list(storage.list())):
        with pytest.raises(InvalidInput, match="there is no bucket nowhere") as caught:
            action()
        assert "create it" in caught.value.hint


def test_what_was_damaged_on_the_way_is_refused(connect, google):
    storage = connect(google.server_port)
    headers = {"content-md5": "1B2M2Y8AsgTpgAmY7PhCfg=="}
    with pytest.raises(RemoteError, match="failed 3 times: status 400, BadDigest"):
        storage.service.ask("put object", "PUT", "deb/a", headers=headers, body=b"something")


def test_a_token_that_is_not_accepted_is_said_not_to_be(connect, google, monkeypatch):
    monkeypatch.setenv(VARIABLES[0], "another")
    storage = connect(google.server_port, tokens=AccountTokens())
    with pytest.raises(InvalidInput, match="Google refuses put object") as caught:
        storage.put("a", b"")
    assert "Storage Object Admin" in caught.value.hint


class Renewed:
    """Tokens of which the first has been revoked."""

    fixed = False
    now = "revoked"

    def token(self, *, fresh=False):
        self.now = TOKEN if fresh else self.now
        return self.now


def test_a_token_that_was_revoked_is_replaced(connect, google):
    storage = connect(google.server_port, tokens=Renewed())
    storage.put("a", b"1")
    assert storage.statistics()["put object"] == 2


@pytest.mark.parametrize("text", ["", "{}", json.dumps({"type": "service_account"})])
def test_a_file_that_holds_no_account_is_said_to_hold_none(tmp_path, text):
    file = tmp_path / "account.json"
    file.write_text(text)
    with pytest.raises(InvalidInput, match="no credentials for Google Cloud Storage") as caught:
        AccountTokens(str(file)).token()
    assert "credentials" in caught.value.hint


def test_what_is_configured_wrongly_is_said(tmp_path):
    with pytest.raises(InvalidInput, match="storage gcs:x has no bucket"):
        GcsStorage.open("x", {}, tmp_path)


def test_what_is_configured_is_used(tmp_path):
    storage = GcsStorage.open("x", {"bucket": "b", "prefix": "/deb/", "attempts": 2}, tmp_path)
    written = storage.service.write("GET", "deb/g++ 1", {"prefix": "a b"}, {}, None)
    assert written.url == "https://storage.googleapis.com/b/deb/g%2B%2B%201?prefix=a%20b"
    assert f"Authorization: Bearer {TOKEN}" in written.fields
    assert storage.service.conduct.attempts == 2

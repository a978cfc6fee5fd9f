"""Google Artifact Registry, as far as a machine without Google has it."""

import json
import os
import subprocess
import sys
import threading
import urllib.parse
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from google.auth import jwt
from tests.plugins.transport_curl.conftest import certificates, tls  # noqa: F401
from upstream import serving

from debrepo.credentials import Login, Logins
from debrepo.errors import InvalidInput, PluginError, RemoteError
from debrepo.plugins import load_plugins
from debrepo.session import Session
from debrepo.testing import TransportContract
from debrepo.transport import TransportOptions
from debrepo_transport_ar import tokens
from debrepo_transport_ar.transport import ArtifactRegistryTransport


@pytest.fixture(autouse=True)
def nobody(monkeypatch, tmp_path):
    """Have no credentials of the machine's."""
    for name in (*tokens.VARIABLES, "GOOGLE_APPLICATION_CREDENTIALS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path / "gcloud"))
    monkeypatch.setenv("NO_GCE_CHECK", "true")


class TokenServer(ThreadingHTTPServer):
    """The token endpoint for service accounts; it verifies what they sign."""

    daemon_threads = True

    def __init__(self, certificate):
        super().__init__(("127.0.0.1", 0), TokenHandler)
        self.certificate = certificate
        self.claims = []
        self.refuse = False
        self.life = 3600

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}/token"


class TokenHandler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        (assertion,) = body["assertion"]
        self.server.claims.append(jwt.decode(assertion, certs=self.server.certificate))
        status, answer = 200, {"access_token": f"token{len(self.server.claims)}"}
        answer["expires_in"] = self.server.life
        if self.server.refuse:
            status, answer = 400, {"error": "invalid_grant", "error_description": "no such account"}
        data = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def endpoint(tmp_path, monkeypatch):
    """Run a token endpoint, for the service account that the environment names."""
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=robot"]
    command += ["-keyout", tmp_path / "key.pem", "-out", tmp_path / "robot.pem", "-days", "2"]
    subprocess.run(command, check=True, capture_output=True)
    with TokenServer((tmp_path / "robot.pem").read_text()) as server:
        account = {
            "type": "service_account",
            "client_email": "robot@example.org",
            "private_key_id": "1",
            "private_key": (tmp_path / "key.pem").read_text(),
            "token_uri": server.url,
            "project_id": "example",
        }
        (tmp_path / "account.json").write_text(json.dumps(account))
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "account.json"))
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def registry(tmp_path, tls):  # noqa: F811
    (tmp_path / "registry").mkdir()
    with serving(tmp_path / "registry", tls) as upstream:
        upstream.put("a", b"a")
        upstream.put("b", b"b")
        yield upstream


@pytest.fixture
def opened(tmp_path, certificates):  # noqa: F811
    """Return what opens a transport by its URL, as an update does."""
    session = Session(tmp_path / "root", load_plugins())
    transports = []

    def opened(**options):
        given = TransportOptions(ca_file=str(certificates / "ca.pem"), **options)
        transports.append(session.transport("ar+https://example.org/", given))
        return transports[-1]

    yield opened
    for transport in transports:
        transport.close()
    session.close()


def test_service_account_signs_for_a_token(opened, registry, endpoint):
    registry.authorization.add("Bearer token1")
    transport = opened()
    for name in ("a", "b"):
        fetched, data = transport.read(f"ar+{registry.url}{name}", limit=10)
        assert (fetched.outcome, data) == ("whole", name.encode())
        assert fetched.url == f"ar+{registry.url}{name}"
    (claims,) = endpoint.claims
    assert claims["iss"] == "robot@example.org"
    assert claims["scope"] == "https://www.googleapis.com/auth/cloud-platform.read-only"


class MetadataHandler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        answer = {"access_token": "of-the-machine", "expires_in": 3600, "token_type": "Bearer"}
        data = b"example" if "project-id" in self.path else json.dumps(answer).encode()
        if "recursive" in self.path:
            data = json.dumps({"email": "machine@example.org", "scopes": []}).encode()
        self.send_response(200)
        self.send_header("Metadata-Flavor", "Google")
        kind = "text/plain" if "project-id" in self.path else "application/json"
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *arguments):
        pass


def test_machine_of_google_asks_its_metadata_server(tmp_path):
    with ThreadingHTTPServer(("127.0.0.1", 0), MetadataHandler) as server:
        server.asked = []
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        host = f"127.0.0.1:{server.server_address[1]}"
        environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        environment |= {"GCE_METADATA_HOST": host, "GCE_METADATA_IP": host}
        environment["CLOUDSDK_CONFIG"] = str(tmp_path)
        code = "from debrepo_transport_ar.tokens import AccessTokens; print(AccessTokens().now())"
        command = [sys.executable, "-c", code]
        ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        server.shutdown()
        thread.join()
    assert (ran.stdout, ran.stderr) == ("of-the-machine\n", "")
    assert any("service-accounts/default/token" in path for path in server.asked)


def test_token_is_renewed_before_it_expires(opened, registry, endpoint):
    endpoint.life = 1
    transport = opened()
    for name in ("a", "b"):
        assert transport.read(f"ar+{registry.url}{name}", limit=10)[0].outcome == "whole"
    assert registry.identities("a") + registry.identities("b") == ["Bearer token1", "Bearer token2"]


def test_token_goes_to_the_registry_only(opened, registry, endpoint):
    other = registry.url.replace("127.0.0.1", "localhost")
    registry.fault("here", "redirect", location=other + "a")
    assert opened().read(f"ar+{registry.url}here", limit=10)[1] == b"a"
    assert registry.identities("here") == ["Bearer token1"]
    assert registry.identities("a") == [""]


@pytest.mark.parametrize("variable", tokens.VARIABLES)
def test_token_of_the_environment_is_taken_as_it_is(opened, registry, monkeypatch, variable):
    monkeypatch.setenv(variable, "ready-made")
    assert opened().read(f"ar+{registry.url}a", limit=10)[1] == b"a"
    assert registry.identities("a") == ["Bearer ready-made"]


def test_configured_login_comes_first(opened, registry):
    logins = Logins.at(registry.url, Login(token="mine"))
    assert opened(logins=logins).read(f"ar+{registry.url}a", limit=10)[1] == b"a"
    assert registry.identities("a") == ["Bearer mine"]


def test_account_that_is_refused_is_said_in_a_line(opened, registry, endpoint):
    endpoint.refuse = True
    with pytest.raises(RemoteError, match=r"cannot get a token .*invalid_grant") as caught:
        opened().read(f"ar+{registry.url}a", limit=10)
    assert "\n" not in str(caught.value)
    assert registry.asked() == []


def test_endpoint_that_is_away_is_said_in_a_line(opened, registry, endpoint, tmp_path):
    account = json.loads((tmp_path / "account.json").read_text())
    account["token_uri"] = "http://127.0.0.1:9/token"
    (tmp_path / "account.json").write_text(json.dumps(account))
    with pytest.raises(RemoteError, match=r"127\.0\.0\.1:9/token: .*refused"):
        opened().read(f"ar+{registry.url}a", limit=10)


def test_no_credentials_at_all_say_how_to_get_some(opened, registry):
    with pytest.raises(InvalidInput, match="no credentials for Google") as caught:
        opened().read(f"ar+{registry.url}a", limit=10)
    assert "GOOGLE_APPLICATION_CREDENTIALS" in caught.value.hint


def test_without_google_auth_the_extra_is_named(opened, registry, monkeypatch):
    monkeypatch.setitem(sys.modules, "google.auth", None)
    with pytest.raises(PluginError, match="needs google-auth") as caught:
        opened().read(f"ar+{registry.url}a", limit=10)
    assert "artifact-registry" in caught.value.hint


class Registry:
    """An upstream whose URLs have the scheme of the transport."""

    faults_known = ("range", "received", "truncate", "503", "drop", "hold")

    def __init__(self, upstream):
        self._upstream = upstream

    @property
    def url(self):
        return f"ar+{self._upstream.url}"

    def __getattr__(self, name):
        return getattr(self._upstream, name)


class TestArtifactRegistry(TransportContract):
    @pytest.fixture
    def transport_class(self, tmp_path, certificates, monkeypatch):  # noqa: F811
        monkeypatch.setenv(tokens.VARIABLES[0], "ready-made")
        session = Session(tmp_path / "root", load_plugins())

        class Trusting(ArtifactRegistryTransport):
            @classmethod
            def open(cls, options):
                trusting = replace(options, ca_file=str(certificates / "ca.pem"))
                return super().open(replace(trusting, opener=session.transport))

        yield Trusting
        session.close()

    @pytest.fixture
    def upstream(self, registry):
        return Registry(registry)

    @pytest.fixture
    def opened(self, transport_class):
        transports = []

        def opened(**options):
            transports.append(transport_class.open(TransportOptions(**options)))
            return transports[-1]

        yield opened
        for transport in transports:
            transport.close()

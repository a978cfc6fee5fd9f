"""Where credentials come from, and what is said when they, the clock or the service are wrong."""

import json
import os
import ssl
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from object_stores import services
from object_stores.strict import refusal

from debrepo.errors import InvalidInput, PluginError, RemoteError
from debrepo_publish_s3.credentials import Wallet
from debrepo_publish_s3.options import Options
from debrepo_publish_s3.signatures import AccessKey

ROLE = "arn:aws:iam::123456789012:role/publisher"
LATER = "2099-01-01T00:00:00Z"
VARIABLES = (
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_REGION",
    "AWS_DEFAULT_REGION", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_ENDPOINT_URL",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN",
)  # fmt: skip


@pytest.fixture(autouse=True)
def environment(monkeypatch, tmp_path):
    """Let nothing of this machine be found."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name in ("config", "credentials"):
        place = tmp_path / name
        monkeypatch.setenv(
            "AWS_CONFIG_FILE" if name == "config" else "AWS_SHARED_CREDENTIALS_FILE", str(place)
        )
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@contextmanager
def answering(answers):
    """Serve answers, by method and path, and yield the port and what was asked."""
    asked = []

    class Machine(BaseHTTPRequestHandler):
        def _answer(self):
            asked.append((self.command, self.path, dict(self.headers)))
            said = answers.get((self.command, self.path))
            status, body = (404, b"") if said is None else (200, said.encode())
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_PUT = _answer  # noqa: N815

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Machine) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_port, asked
        server.shutdown()
        thread.join()


def document(name="AKID", expires=LATER):
    return json.dumps(
        {"AccessKeyId": name, "SecretAccessKey": "s", "Token": "t", "Expiration": expires}
    )


def key(**options):
    return Wallet(Options("b", **options)).key()


def test_keys_of_the_environment_are_found(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKID")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "t")
    assert key() == AccessKey("AKID", "s", "t")


def test_configured_keys_come_before_all_others(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKID")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    assert key(access_key_id="ours", secret_access_key="s").name == "ours"


def test_a_profile_is_read_from_both_files_and_needs_no_library(tmp_path):
    (tmp_path / "credentials").write_text(
        "[default]\naws_access_key_id = D\naws_secret_access_key = d%\n"
        "[lab]\naws_access_key_id = L\naws_secret_access_key = l\naws_session_token = t\n"
    )
    (tmp_path / "config").write_text("[profile lab]\nregion = eu-north-1\n")
    code = (
        "import sys; from debrepo_publish_s3.credentials import Wallet;"
        "from debrepo_publish_s3.addressing import region;"
        "from debrepo_publish_s3.options import Options;"
        "print(*Wallet(Options('b')).key()[:2], *Wallet(Options('b', profile='lab')).key()[:3],"
        "region(Options('b', profile='lab')), 'botocore' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "D d% L l t eu-north-1 False\n"


def test_a_profile_that_another_program_fills_is_left_to_the_library(tmp_path):
    said = json.dumps({"Version": 1, "AccessKeyId": "P", "SecretAccessKey": "s"})
    (tmp_path / "said").write_text(said)
    (tmp_path / "config").write_text(
        f"[profile lab]\ncredential_process = cat {tmp_path / 'said'}\n"
    )
    assert key(profile="lab").name == "P"


def test_a_profile_that_needs_the_library_says_so_where_it_is_not_there(tmp_path, monkeypatch):
    (tmp_path / "config").write_text("[profile lab]\nsso_start_url = https://sso.example.org\n")
    monkeypatch.setitem(__import__("sys").modules, "botocore.session", None)
    with pytest.raises(PluginError, match="the profile lab signs on") as caught:
        key(profile="lab")
    assert "pip install boto3" in caught.value.hint


def test_a_profile_without_credentials_is_said_to_have_none(tmp_path):
    (tmp_path / "config").write_text("[profile lab]\nregion = eu-north-1\n")
    with pytest.raises(InvalidInput, match="the profile lab has no credentials"):
        key(profile="lab")


def test_a_damaged_file_of_profiles_is_named(tmp_path):
    (tmp_path / "credentials").write_text("aws_access_key_id = D\n")
    with pytest.raises(InvalidInput, match=r"cannot read .*credentials"):
        key()


def test_the_token_of_a_cluster_is_traded_for_a_role(tmp_path, monkeypatch, service):
    if services.VARIABLE in os.environ:
        pytest.skip("only the test server hands out roles")
    (tmp_path / "token").write_text("a token\n")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("AWS_ROLE_ARN", ROLE)
    found = key(endpoint=f"http://127.0.0.1:{service.port}")
    assert found.token
    assert found.expires > time.time()


def test_a_container_is_asked_with_its_token_and_again_before_the_credentials_expire(monkeypatch):
    answers = {("GET", "/role"): document(expires="2000-01-01T00:00:00Z")}
    with answering(answers) as (port, asked):
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"http://127.0.0.1:{port}/role")
        monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "let me in")
        wallet = Wallet(Options("b"))
        assert wallet.key().name == "AKID"
        answers["GET", "/role"] = document("later")
        assert [wallet.key().name for _ in range(3)] == ["later"] * 3
    assert [headers["Authorization"] for _, _, headers in asked] == ["let me in"] * 2


def test_the_role_of_a_machine_is_found_with_a_token_of_its_metadata(monkeypatch):
    roles = "/latest/meta-data/iam/security-credentials/"
    answers = {
        ("PUT", "/latest/api/token"): "metadata",
        ("GET", roles): "publisher\n",
        ("GET", f"{roles}publisher"): document(),
    }
    with answering(answers) as (port, asked):
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "false")
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", f"http://127.0.0.1:{port}")
        assert key() == AccessKey("AKID", "s", "t", 4070908800.0)
    tokens = [headers.get("X-aws-ec2-metadata-token") for _, _, headers in asked]
    assert tokens[-2:] == ["metadata"] * 2


def test_what_is_no_credentials_is_said_to_be_none(monkeypatch):
    with answering({("GET", "/role"): "[]"}) as (port, _):
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"http://127.0.0.1:{port}/role")
        with pytest.raises(InvalidInput, match="are no credentials"):
            key()


def test_a_role_that_may_not_be_assumed_names_what_is_missing(proxy, service, monkeypatch):
    monkeypatch.setattr(proxy, "check", lambda request: refusal(403, "AccessDenied"))
    given = {"access_key_id": service.access_key, "secret_access_key": service.secret_key}
    with pytest.raises(InvalidInput, match=f"cannot assume the role {ROLE}") as caught:
        key(endpoint=f"http://127.0.0.1:{proxy.port}", role_arn=ROLE, **given)
    assert "sts:AssumeRole" in caught.value.hint


def test_temporary_credentials_that_expire_are_replaced_where_they_can_be(
    open_bucket, proxy, monkeypatch, service
):
    answers = {("GET", "/role"): document("old")}
    monkeypatch.setattr(
        proxy,
        "check",
        lambda request: (
            refusal(400, "ExpiredToken") if "=old/" in request.headers["authorization"] else None
        ),
    )
    with answering(answers) as (port, _):
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"http://127.0.0.1:{port}/role")
        storage = open_bucket(proxy.port, access_key_id="", secret_access_key="")
        storage._client._wallet.key()
        answers["GET", "/role"] = json.dumps(
            json.loads(document(service.access_key))
            | {"SecretAccessKey": service.secret_key, "Token": ""}
        )
        storage.put("a", b"1")
    assert [request.method for request in proxy.seen] == ["PUT", "PUT"]


def test_a_session_token_that_has_expired_is_said_to_have(open_bucket, proxy, monkeypatch):
    monkeypatch.setattr(proxy, "check", lambda request: refusal(400, "ExpiredToken"))
    with pytest.raises(InvalidInput, match="temporary credentials have expired") as caught:
        open_bucket(proxy.port, session_token="old").put("a", b"")
    assert "get new ones" in caught.value.hint
    assert len(proxy.seen) == 1


def test_a_clock_that_is_wrong_is_told_with_both_times(open_bucket, proxy, monkeypatch):
    skewed = refusal(403, "RequestTimeTooSkewed")
    skewed.headers["Date"] = "Sat, 01 Jan 2000 00:00:00 GMT"
    monkeypatch.setattr(proxy, "check", lambda request: skewed)
    with pytest.raises(InvalidInput, match=r"01 Jan 2000 .* by the clock of the service") as caught:
        open_bucket(proxy.port).put("a", b"")
    assert "timedatectl" in caught.value.hint


def test_the_region_of_the_bucket_is_named_where_it_is_another(open_bucket, proxy, monkeypatch):
    moved = refusal(301, "PermanentRedirect")
    moved.headers["x-amz-bucket-region"] = "eu-central-1"
    monkeypatch.setattr(proxy, "check", lambda request: moved)
    with pytest.raises(InvalidInput) as caught:
        open_bucket(proxy.port).put("a", b"")
    assert caught.value.hint == 'set region = "eu-central-1"'


def test_a_bucket_that_disappears_is_said_to_have(open_bucket, proxy, direct, bucket):
    storage = open_bucket(proxy.port)
    storage.put("a", b"1")
    storage.delete(["a"])
    direct.delete_bucket(Bucket=bucket)
    for action in (lambda: storage.put("a", b""), lambda: list(storage.list())):
        with pytest.raises(InvalidInput, match=f"there is no bucket {bucket}"):
            action()


def test_a_service_that_is_no_s3_service_is_said_to_be_none(open_bucket):
    with answering({("GET", "/x"): ""}) as (port, _):
        storage = open_bucket(port, attempts=1)
        with pytest.raises(RemoteError):
            storage.put("a", b"")


def test_a_service_whose_name_does_not_exist_is_reported(open_bucket):
    with pytest.raises(RemoteError, match=r"(?i)failed 2 times: .*resolv"):
        open_bucket(1, endpoint="http://nowhere.invalid", attempts=2).put("a", b"")


@pytest.fixture
def secured(tmp_path, proxies):
    """Return the port of a service with a certificate of its own, and the certificate."""
    certificate = tmp_path / "server.pem"
    words = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=s3"]
    words += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key", "-out", "server.pem"]
    subprocess.run(["openssl", *words], cwd=tmp_path, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, tmp_path / "key")

    class Quiet(BaseHTTPRequestHandler):
        def do_PUT(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("ETag", self.headers["x-amz-content-sha256"])
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        server.handle_error = lambda *_: None
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_port, certificate
        server.shutdown()
        thread.join()


def test_a_certificate_that_nobody_trusts_is_refused_and_the_way_out_is_named(open_bucket, secured):
    port, _ = secured
    with pytest.raises(RemoteError, match=r"(?i)certificate") as caught:
        open_bucket(port, endpoint=f"https://127.0.0.1:{port}").put("a", b"")
    assert "ca_file" in caught.value.hint


def test_a_certificate_in_ca_file_is_trusted_and_a_checksum_replaces_the_signature_of_the_body(
    open_bucket, secured
):
    port, certificate = secured
    given = {"endpoint": f"https://127.0.0.1:{port}", "ca_file": str(certificate)}
    assert open_bucket(port, **given).put("a", b"1") == "UNSIGNED-PAYLOAD"
    assert open_bucket(port, checksum="none", **given).put("a", b"1") != "UNSIGNED-PAYLOAD"

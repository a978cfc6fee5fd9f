"""Trusted keys, as the command line and as HTTP has them."""

import base64
import re
import shutil
import subprocess
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from debrepo.errors import InvalidInput, VerificationFailed


@pytest.fixture
def public_key(debrepo):
    debrepo("key", "create", "--name", "Somebody")
    return debrepo("key", "export").output


@pytest.fixture
def api(public_key, api):
    """The API of a server that opens the database after the commands that make the key."""
    return api


@pytest.fixture
def signed(session, public_key):
    return session.signer.sign(b"Source: hello\n", session.signer.resolve([])).inline


def trust(api, public_key):
    return api.post("/api/gpg/key", json={"GpgKeyArmor": public_key})


def test_signature_of_a_trusted_key_is_accepted(session, signed, public_key):
    (fingerprint,) = session.call("key.trust", data=public_key.encode())
    verified = session.call("key.verify", data=signed)
    assert (verified.text, verified.fingerprints) == (b"Source: hello\n", (fingerprint,))


def test_what_stands_outside_of_the_signature_is_left_out(session, signed, public_key):
    session.call("key.trust", data=public_key.encode())
    verified = session.call("key.verify", data=b"Source: evil\n\n" + signed + b"Source: evil\n")
    assert verified.text == b"Source: hello\n"


def test_compressed_message_is_never_unpacked(session, signed, public_key, tmp_path):
    session.call("key.trust", data=public_key.encode())
    command = [
        *("gpg", "--homedir", str(tmp_path), "--batch", "--store"),
        *("--compress-algo", "zlib", "-z", "9"),
    ]
    bomb = subprocess.run(command, input=bytes(1 << 20), capture_output=True, check=True).stdout
    armored = b"-----BEGIN PGP MESSAGE-----\n\n" + base64.encodebytes(bomb)
    armored += b"-----END PGP MESSAGE-----\n"
    for data in (bomb, armored):
        with pytest.raises(VerificationFailed, match="not a clear-signed text"):
            session.call("key.verify", data=data)
    for data in (armored + signed, signed + armored):
        assert session.call("key.verify", data=data).text == b"Source: hello\n"


def test_signature_of_another_key_is_not_accepted(session, signed):
    with pytest.raises(VerificationFailed, match="there are no trusted keys"):
        session.call("key.verify", data=signed)


def test_forged_text_is_not_accepted(session, signed, public_key):
    session.call("key.trust", data=public_key.encode())
    with pytest.raises(VerificationFailed, match="no trusted key has signed it"):
        session.call("key.verify", data=signed.replace(b"hello", b"hallo"))


def test_keyring_is_a_name_and_no_path(session):
    with pytest.raises(InvalidInput, match="not a keyring"):
        session.call("key.trusted", keyring="../../etc/passwd")


@pytest.mark.parametrize(
    "name",
    ["gpg.conf", "pubring.kbx", "pubring.gpg", "Trustdb.gpg", "random_seed", "a.gpg/../gpg.conf"],
)
def test_files_of_gnupg_itself_are_no_keyrings(public_key, session, api, name):
    home = session.root / "gnupg"
    before = {path: path.read_bytes() for path in home.iterdir() if path.is_file()}
    for call in (
        lambda: session.call("key.trust", data=public_key.encode(), keyring=name),
        lambda: session.call("key.distrust", keys=["12345678"], keyring=name),
        lambda: session.call("key.trusted", keyring=name),
        lambda: session.call("key.verify", data=b"", keyring=name),
    ):
        with pytest.raises(InvalidInput, match="not a keyring"):
            call()
    body = {"GpgKeyArmor": public_key, "Keyring": name}
    assert api.post("/api/gpg/key", json=body).status_code == 400
    assert {path: path.read_bytes() for path in before} == before
    assert [path.name for path in home.iterdir() if path.is_file()] == [p.name for p in before]


def test_keyring_has_a_name_of_its_own(session, public_key):
    (fingerprint,) = session.call("key.trust", data=public_key.encode(), keyring="team-a.gpg")
    (key,) = session.call("key.trusted", keyring="team-a.gpg")
    assert key.fingerprint == fingerprint
    assert session.call("key.trusted") == []


def test_key_is_trusted_listed_and_distrusted_over_http(api, public_key):
    assert trust(api, public_key).status_code == 200
    (key,) = api.get("/api/gpg/keys").json()["Keys"]
    assert (key["UserIDs"], key["KeyID"]) == (["Somebody"], key["Fingerprint"][-16:])
    answer = api.request("DELETE", "/api/gpg/key", json={"GpgKeyID": key["KeyID"]})
    assert (answer.status_code, type(answer.json())) == (200, str)
    assert api.get("/api/gpg/keys").json() == {"Keys": None}


@pytest.mark.parametrize(
    "body", [{}, {"GpgKeyArmor": "no key"}, {"Keyserver": "a b", "GpgKeyID": "12345678"}]
)
def test_what_is_no_key_is_not_trusted(api, body):
    assert api.post("/api/gpg/key", json=body).status_code == 400


@pytest.fixture
def key_server(public_key):
    """A key server that has one key: its address, and what it was asked for."""
    if shutil.which("dirmngr") is None:
        pytest.skip("GnuPG asks key servers through dirmngr, which is not installed")

    class Lookup(BaseHTTPRequestHandler):
        def do_GET(self):
            asked = parse_qs(urlsplit(self.path).query)
            server.asked.append(asked["search"][0].removeprefix("0x"))
            known = server.fingerprint.endswith(server.asked[-1])
            self.send_response(200 if known else 404)
            self.end_headers()
            self.wfile.write(public_key.encode() if known else b"")

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Lookup)
    server.asked = []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def fetched(key_server, session, api):
    """Ask for a key as aptly's clients do; return the answer."""
    (key,) = session.call("key.list")
    key_server.fingerprint = key.fingerprint

    def fetch(key_id):
        server = f"hkp://127.0.0.1:{key_server.server_port}"
        return api.post("/api/gpg/key", json={"Keyserver": server, "GpgKeyID": key_id})

    return fetch


def dirmngrs():
    """Return the homes of the dirmngrs that run."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it has ended
            found.add(path.read_bytes())
    return {line for line in found if line.startswith(b"dirmngr") and b"debrepo-" in line}


def test_key_is_fetched_from_a_key_server(api, key_server, fetched):
    before = dirmngrs()
    answer = fetched(key_server.fingerprint)
    assert answer.status_code == 200, answer.text
    assert re.findall(r"[0-9A-F]{40}", answer.json()) == [key_server.fingerprint]
    assert key_server.asked == [key_server.fingerprint]
    (key,) = api.get("/api/gpg/keys").json()["Keys"]
    assert key["Fingerprint"] == key_server.fingerprint
    deadline = time.monotonic() + 30
    while not dirmngrs() <= before:
        assert time.monotonic() < deadline, "what asks key servers goes on"
        time.sleep(0.05)


def test_key_that_a_key_server_does_not_have_is_not_trusted(api, key_server, fetched):
    answer = fetched("0123456789ABCDEF" * 2 + "01234567")
    assert answer.status_code == 400
    assert "gave no key" in answer.json()["error"]
    assert api.get("/api/gpg/keys").json() == {"Keys": None}


def test_commands_trust_and_distrust(debrepo, public_key, tmp_path):
    (tmp_path / "key.asc").write_text(public_key)
    debrepo("key", "trust", tmp_path / "key.asc")
    (line,) = debrepo("key", "trusted").output.splitlines()
    fingerprint = line.split()[0]
    debrepo("key", "distrust", fingerprint)
    assert debrepo("key", "trusted").output == ""
    debrepo("key", "distrust", fingerprint, exit_code=3)

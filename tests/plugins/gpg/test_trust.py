"""Trusted keys, as the command line and as HTTP has them."""

import pytest

from debrepo.errors import InvalidInput, VerificationFailed


@pytest.fixture
def public_key(debrepo):
    debrepo("key", "create", "--name", "Somebody")
    return debrepo("key", "export").output


@pytest.fixture
def signed(session, public_key):
    return session.signer.sign(b"Source: hello\n", session.signer.resolve([])).inline


def trust(api, public_key):
    return api.post("/api/gpg/key", json={"GpgKeyArmor": public_key})


def test_signature_of_a_trusted_key_is_believed(session, signed, public_key):
    (fingerprint,) = session.call("key.trust", data=public_key.encode())
    verified = session.call("key.verify", data=signed)
    assert (verified.text, verified.fingerprints) == (b"Source: hello\n", (fingerprint,))


def test_what_stands_outside_of_the_signature_is_left_out(session, signed, public_key):
    session.call("key.trust", data=public_key.encode())
    verified = session.call("key.verify", data=b"Source: evil\n\n" + signed + b"Source: evil\n")
    assert verified.text == b"Source: hello\n"


def test_signature_of_another_key_is_not_believed(session, signed):
    with pytest.raises(VerificationFailed, match="there are no trusted keys"):
        session.call("key.verify", data=signed)


def test_forged_text_is_not_believed(session, signed, public_key):
    session.call("key.trust", data=public_key.encode())
    with pytest.raises(VerificationFailed, match="no trusted key has signed it"):
        session.call("key.verify", data=signed.replace(b"hello", b"hallo"))


def test_keyring_is_a_name_and_no_path(session):
    with pytest.raises(InvalidInput, match="not a keyring"):
        session.call("key.trusted", keyring="../../etc/passwd")


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


def test_commands_trust_and_distrust(debrepo, public_key, tmp_path):
    (tmp_path / "key.asc").write_text(public_key)
    debrepo("key", "trust", tmp_path / "key.asc")
    (line,) = debrepo("key", "trusted").output.splitlines()
    fingerprint = line.split()[0]
    debrepo("key", "distrust", fingerprint)
    assert debrepo("key", "trusted").output == ""
    debrepo("key", "distrust", fingerprint, exit_code=3)

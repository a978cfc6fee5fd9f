"""Keys with subkeys: which part of a key signs, and that it is what is reported."""

import shutil
import subprocess
from pathlib import Path

import pytest

from debrepo.errors import SigningFailed
from debrepo.signing import made_signatures
from debrepo.testing.signer_contract import RELEASE
from debrepo_gpg.signer import GpgSigner

pytestmark = pytest.mark.skipif(not shutil.which("gpgv"), reason="needs gpg and gpgv")


KIND = ("ed25519",)


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """Make a key that only certifies, with three subkeys: two sign, the newest encrypts."""
    home = tmp_path_factory.mktemp("keys") / "gnupg"
    home.mkdir(mode=0o700)
    at(home, "20250101", "--quick-gen-key", "Sub Archive <sub@example.org>", *KIND, "cert", "never")
    (primary,) = parts(home)
    at(home, "20250102", "--quick-add-key", primary, *KIND, "sign", "never")
    at(home, "20250103", "--quick-add-key", primary, *KIND, "sign", "never")
    at(home, "20250104", "--quick-add-key", primary, "cv25519", "encr", "never")
    return home


@pytest.fixture
def home(made, tmp_path):
    return Path(shutil.copytree(made, tmp_path / "gnupg", ignore=shutil.ignore_patterns("S.*")))


def gpg(home, *words):
    command = ["gpg", "--homedir", str(home), "--batch", "--passphrase", "", *words]
    done = subprocess.run(command, capture_output=True, check=False)
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=False)
    assert not done.returncode, done.stderr
    return done.stdout.decode()


def at(home, day, *words):
    """Run GnuPG as on another day."""
    return gpg(home, "--faked-system-time", f"{day}T000000!", *words)


def parts(home):
    """Return the fingerprints of the key and its subkeys, in the order of their making."""
    lines = gpg(home, "--with-colons", "--list-keys").splitlines()
    return [line.split(":")[9] for line in lines if line.startswith("fpr")]


def signers(signatures):
    """Return whose signatures they are, by what they say themselves."""
    in_line, detached = map(made_signatures, (signatures.inline, signatures.detached))
    assert [one.fingerprint for one in in_line] == [one.fingerprint for one in detached]
    return tuple(one.fingerprint for one in in_line)


def test_newest_subkey_that_can_sign_does(home):
    _, _, newer, _ = parts(home)
    signer = GpgSigner(home)
    signed = signer.sign(RELEASE, signer.resolve(["Sub Archive"]))
    assert signed.fingerprints == signers(signed) == (newer,)


@pytest.mark.parametrize("length", [40, 16])
def test_exclamation_mark_means_exactly_this_subkey(home, length):
    _, older, _, _ = parts(home)
    signer = GpgSigner(home)
    signed = signer.sign(RELEASE, signer.resolve([f"{older[-length:]}!"]))
    assert signed.fingerprints == signers(signed) == (older,)


def test_subkey_without_the_mark_stands_for_its_key(home):
    _, older, newer, _ = parts(home)
    assert [key.signs_as for key in GpgSigner(home).resolve([older])] == [newer]


def test_two_subkeys_of_one_key_can_both_sign(home):
    _, older, newer, _ = parts(home)
    signer = GpgSigner(home)
    signed = signer.sign(RELEASE, signer.resolve([f"{older}!", f"{newer}!"]))
    assert sorted(signed.fingerprints) == sorted(signers(signed)) == sorted((older, newer))


@pytest.mark.parametrize("which", [0, 3])
def test_part_that_cannot_sign_is_refused_by_its_name(home, which):
    name = f"{parts(home)[which]}!"
    with pytest.raises(SigningFailed, match="cannot sign"):
        GpgSigner(home).resolve([name])


def test_part_whose_secret_is_elsewhere_does_not_sign(home):
    _, older, newer, _ = parts(home)
    listing = gpg(home, "--with-colons", "--with-keygrip", "--list-secret-keys").splitlines()
    grips = [line.split(":")[9] for line in listing if line.startswith("grp")]
    (home / "private-keys-v1.d" / f"{grips[2]}.key").unlink()
    assert [key.signs_as for key in GpgSigner(home).resolve(["Sub Archive"])] == [older]
    with pytest.raises(SigningFailed, match="has no secret here"):
        GpgSigner(home).resolve([f"{newer}!"])


def test_subkey_that_has_expired_leaves_signing_to_the_other(home):
    primary, older, newer, _ = parts(home)
    at(home, "20250105", "--quick-set-expire", primary, "1d", newer)
    assert [key.signs_as for key in GpgSigner(home).resolve(["Sub Archive"])] == [older]


def test_expiry_of_the_subkey_counts_as_that_of_the_key(home):
    primary, _, newer, _ = parts(home)
    gpg(home, "--quick-set-expire", primary, "10d", newer)
    (key,) = GpgSigner(home).resolve(["Sub Archive"])
    assert key.expires is not None
    assert any("expires on" in problem for problem in GpgSigner(home).problems(key))


def test_newest_self_signature_is_known(home):
    primary, _, _, _ = parts(home)
    signer = GpgSigner(home)
    assert f"{signer.resolve([])[0].renewed:%Y-%m-%d}" == "2025-01-03"
    at(home, "20250301", "--quick-set-expire", primary, "9y")
    assert f"{signer.resolve([])[0].renewed:%Y-%m-%d}" == "2025-03-01"


def test_epoch_before_the_newest_self_signature_gives_way_to_it(home, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1735700000")  # on the first of January 2025
    signer = GpgSigner(home)
    (made,) = made_signatures(signer.sign(RELEASE, signer.resolve([])).detached)
    assert made.created == int(signer.resolve([])[0].renewed.timestamp())


def test_export_holds_all_subkeys_whichever_signs(home, tmp_path):
    _, older, newer, _ = parts(home)
    signer = GpgSigner(home)
    keyring = tmp_path / "keyring.gpg"
    keyring.write_bytes(signer.export_binary(signer.resolve([f"{older}!"])))
    shown = gpg(home, "--with-colons", "--show-keys", str(keyring))
    assert older in shown
    assert newer in shown

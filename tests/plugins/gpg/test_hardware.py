"""Keys that never leave a token of PKCS#11: SoftHSM stands for the hardware.

gnupg-pkcs11-scd 0.10.0, SoftHSM 2.6.1 and OpenSC 0.23.0 were tried. The daemon dies when two
signatures are asked of it at once.
"""

import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from debrepo.errors import SigningFailed
from debrepo.testing import SignerContract
from debrepo_gpg.signer import GpgSigner

MODULE = Path("/usr/lib/softhsm/libsofthsm2.so")
NEEDED = ("gnupg-pkcs11-scd", "softhsm2-util", "pkcs11-tool", "openssl", "gpg", "gpgv")
PIN = "123456"

pytestmark = pytest.mark.skipif(
    not MODULE.exists() or not all(map(shutil.which, NEEDED)),
    reason="needs gnupg-pkcs11-scd, softhsm2, opensc and openssl",
)


def run(*words, data=b"", cwd=None):
    done = subprocess.run(
        list(map(str, words)), input=data, cwd=cwd, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


@pytest.fixture(scope="module")
def token(tmp_path_factory):
    """A token with two RSA keys and their certificates, by which the daemon finds them."""
    place = tmp_path_factory.mktemp("token")
    (place / "tokens").mkdir()
    (place / "softhsm2.conf").write_text(f"directories.tokendir = {place}/tokens\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTHSM2_CONF", str(place / "softhsm2.conf"))
        words = ("--so-pin", PIN, "--pin", PIN)
        run("softhsm2-util", "--init-token", "--free", "--label", "archive", *words)
        tool = ("pkcs11-tool", "--module", MODULE, "--login", "--pin", PIN)
        subject = ("-subj", "/CN=archive")
        new = ("-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-x509", "-out", "ca.pem")
        run("openssl", "req", *new, *subject, cwd=place)
        run("openssl", "req", "-new", "-key", "ca.key", *subject, "-out", "req.pem", cwd=place)
        for number in ("01", "02"):
            run(*tool, "--keypairgen", "--key-type", "rsa:2048", "--id", number)
            words = ("--read-object", "--type", "pubkey", "--id", number, "-o", "public.der")
            run(*tool, *words, cwd=place)
            words = ("rsa", "-pubin", "-inform", "DER", "-in", "public.der", "-out", "public.pem")
            run("openssl", *words, cwd=place)
            words = ("x509", "-req", "-in", "req.pem", "-CA", "ca.pem", "-CAkey", "ca.key")
            more = ("-force_pubkey", "public.pem", "-outform", "DER", "-out", "cert.der")
            run("openssl", *words, *more, cwd=place)
            words = ("--write-object", "cert.der", "--type", "cert", "--id", number)
            run(*tool, *words, cwd=place)
        yield place


@pytest.fixture(scope="module")
def home(token, tmp_path_factory):
    """A GnuPG home whose two keys are in the token, as the guide sets it up."""
    # The path of a socket below it has to be short.
    place = Path(tmp_path_factory.mktemp("h"))
    place.chmod(0o700)
    (place / "gnupg-pkcs11-scd.conf").write_text(f"providers hsm\nprovider-hsm-library {MODULE}\n")
    (place / "gpg-agent.conf").write_text(f"scdaemon-program {shutil.which(NEEDED[0])}\n")
    gpg = ("gpg", "--homedir", place, "--batch", "--pinentry-mode", "loopback", "--passphrase", PIN)
    agent = ("gpg-connect-agent", "--homedir", place)
    found = run(*agent, "SCD LEARN", "/bye").splitlines()
    grips = [line.split()[2] for line in found if line.startswith("S KEY-FRIEDNLY")]
    run(*agent, "learn --force", "/bye")
    for name, grip in zip(("Alice", "Bob"), grips, strict=True):
        lines = f"Key-Type: RSA\nKey-Grip: {grip}\nKey-Usage: sign\nName-Real: {name} Archive\n"
        run(*gpg, "--full-generate-key", data=f"{lines}Expire-Date: 0\n%commit\n".encode())
    run("gpgconf", "--homedir", place, "--kill", "all")
    (place / "pin").write_text(f"{PIN}\n")
    return place


class TestKeysInHardware(SignerContract):
    @pytest.fixture
    def signer(self, home):
        return GpgSigner(home, passphrase_file=home / "pin")

    @pytest.fixture
    def names(self):
        return "Alice", "Bob"

    def test_several_at_a_time_wait_for_one_another(self, signer, keys):
        texts = [b"Origin: %d\n" % number for number in range(6)]
        with ThreadPoolExecutor(3) as pool:
            made = list(pool.map(lambda text: signer.sign(text, keys[:1]), texts))
        assert [one.fingerprints for one in made] == [(keys[0].fingerprint,)] * 6

    def test_wrong_pin_is_named(self, home, keys, tmp_path):
        (tmp_path / "pin").write_text("9999\n")
        with pytest.raises(SigningFailed):
            GpgSigner(home, passphrase_file=tmp_path / "pin").sign(b"Origin: x\n", keys)

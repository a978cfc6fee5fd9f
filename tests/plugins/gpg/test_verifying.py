"""Signatures on what others publish: one trusted good one is enough, weak ones count for none."""

import shutil
import subprocess
import tempfile

import pytest

from debrepo.errors import InvalidInput, NotFound, VerificationFailed
from debrepo_gpg.verifying import binary, judge

TEXT = b"Origin: Example\nSuite: stable\n"


class Signing:
    """A GnuPG home with keys by name."""

    def __init__(self, home):
        self.home = home
        self.fingerprints = {}

    def __call__(self, *words, data=b""):
        command = ["gpg", "--homedir", self.home, "--batch", "--yes", "--passphrase", "", *words]
        return subprocess.run(command, input=data, capture_output=True, check=True).stdout

    def create(self, name, *words):
        self(*words, "--quick-generate-key", name, "ed25519", "sign", "1y")
        listed = self("--with-colons", "--list-keys", name).decode().splitlines()
        lines = [line.split(":")[9] for line in listed if line.startswith("fpr")]
        self.fingerprints[name] = lines[0]

    def sign(self, *names, how="--clear-sign", options=()):
        users = [word for name in names for word in ("-u", name)]
        return self(*options, *users, how, data=TEXT)

    def export(self, *names):
        return self("--armor", "--export", *names)


@pytest.fixture(scope="module")
def keys():
    home = tempfile.mkdtemp(prefix="dv-")  # sockets have short paths
    keys = Signing(home)
    for name in ("alice", "bob"):
        keys.create(name)
    keys.create("old", "--faked-system-time", "20200101T000000!")
    yield keys
    subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=False)
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def verify(session, keys):
    session.call("key.trust", data=keys.export("alice"))

    def run(data, **more):
        return session.call("key.verify", data=data, **more)

    return run


def test_detached_signature_holds_for_the_whole_text(verify, keys):
    signature = keys.sign("alice", how="--detach-sign", options=("--armor",))
    found = verify(TEXT, signature=signature)
    assert (found.text, found.fingerprints) == (TEXT, (keys.fingerprints["alice"],))
    with pytest.raises(VerificationFailed, match="BAD signature"):
        verify(TEXT + b"Codename: evil\n", signature=signature)


def test_one_trusted_signature_beside_those_of_unknown_keys_is_enough(verify, keys):
    assert verify(keys.sign("bob", "alice")).fingerprints == (keys.fingerprints["alice"],)


def test_missing_key_is_named_with_the_command_that_fetches_it(verify, keys):
    with pytest.raises(VerificationFailed, match=f"signed by {keys.fingerprints['bob']}") as caught:
        verify(keys.sign("bob"))
    assert 'run "debrepo key fetch --server hkps://' in caught.value.hint
    assert caught.value.hint.endswith(f' {keys.fingerprints["bob"]}"')


def test_missing_key_belongs_into_the_keyring_that_was_chosen(session, keys):
    session.call("key.trust", data=keys.export("alice"), keyring="web.gpg")
    with pytest.raises(VerificationFailed) as caught:
        session.call("key.verify", data=keys.sign("bob"), keyrings=["web.gpg"])
    assert f"--keyring web.gpg {keys.fingerprints['bob']}" in caught.value.hint


def test_several_keyrings_are_looked_at(verify, session, keys):
    session.call("key.trust", data=keys.export("bob"), keyring="bob.gpg")
    both = ["trustedkeys.gpg", "bob.gpg"]
    for name in ("alice", "bob"):
        assert verify(keys.sign(name), keyrings=both).fingerprints == (keys.fingerprints[name],)
    with pytest.raises(NotFound, match=r"no keyring .*nobody\.gpg"):
        verify(keys.sign("alice"), keyrings=["nobody.gpg"])


@pytest.mark.parametrize("armored", [True, False])
def test_keys_given_with_the_text_are_the_only_ones_trusted(verify, keys, armored):
    bob = keys.export("bob") if armored else keys("--export", "bob")
    assert verify(keys.sign("bob"), keys=bob).fingerprints == (keys.fingerprints["bob"],)
    with pytest.raises(VerificationFailed, match="no trusted key has signed it"):
        verify(keys.sign("alice"), keys=bob)


def test_several_armored_keys_may_follow_one_another(verify, keys):
    given = keys.export("bob") + b"\nand\n" + keys.export("alice").replace(b"\n", b"\r\n")
    for name in ("alice", "bob"):
        assert verify(keys.sign(name), keys=given).fingerprints


@pytest.mark.parametrize(
    "given",
    [
        b"none",
        b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nxx!\n-----END PGP PUBLIC KEY BLOCK-----\n",
        b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nabcd\n",
    ],
)
def test_what_is_no_key_is_refused(given):
    with pytest.raises(InvalidInput):
        binary(given, "the text")


def test_pinned_key_has_to_have_signed(verify, session, keys):
    session.call("key.trust", data=keys.export("bob"))
    pinned = [keys.fingerprints["bob"].lower()]
    assert verify(keys.sign("alice", "bob"), fingerprints=pinned).fingerprints
    with pytest.raises(VerificationFailed, match="which is not one of the keys asked for"):
        verify(keys.sign("alice"), fingerprints=pinned)
    with pytest.raises(InvalidInput, match="not a fingerprint"):
        verify(keys.sign("alice"), fingerprints=["12345678"])


def test_signature_with_sha1_counts_for_nothing(verify, keys):
    weak = ("--digest-algo", "SHA1", "--allow-weak-digest-algos")
    with pytest.raises(VerificationFailed, match="uses SHA-1"):
        verify(keys.sign("alice", options=weak))


def test_expired_key_is_named_and_does_no_harm_beside_a_good_one(verify, session, keys):
    session.call("key.trust", data=keys.export("old"))
    then = ("--faked-system-time", "20200601T000000!")
    with pytest.raises(VerificationFailed, match="is by a key that has expired"):
        verify(keys.sign("old", options=then))
    assert judge(
        b"[GNUPG:] EXPKEYSIG 1111111111111111 old\n[GNUPG:] VALIDSIG A 2 3 4 5 6 22 8 01 A\n"
        b"[GNUPG:] GOODSIG 2222222222222222 new\n[GNUPG:] VALIDSIG B 2 3 4 5 6 22 8 01 C\n"
    ).good == ("B", "C")


def test_forged_signature_makes_the_others_worthless():
    status = (
        b"[GNUPG:] GOODSIG 2222222222222222 new\n[GNUPG:] VALIDSIG B 2 3 4 5 6 22 8 01 C\n"
        b"[GNUPG:] BADSIG 1111111111111111 old\n"
    )
    assert (judge(status).good, judge(status).forged) == ((), True)


def test_keyrings_of_the_host_are_named_by_their_path(verify, keys):
    with pytest.raises(NotFound, match="no keyring /usr/share/keyrings/nobody"):
        verify(keys.sign("alice"), keyrings=["/usr/share/keyrings/nobody.gpg"])
    for path in ("/etc/passwd", "/usr/share/keyrings/../../../etc/passwd", "/tmp/a.gpg", "a/b.gpg"):
        with pytest.raises(InvalidInput, match="not a keyring"):
            verify(keys.sign("alice"), keyrings=[path])


def test_command_verifies_a_detached_signature(debrepo, verify, keys, tmp_path):
    text, signature = tmp_path / "Release", tmp_path / "Release.gpg"
    text.write_bytes(TEXT)
    signature.write_bytes(keys.sign("alice", how="--detach-sign"))
    pinned = keys.fingerprints["alice"]
    result = debrepo("key", "verify", text, signature, "--fingerprint", pinned)
    assert result.output == f"{TEXT.decode()}Signed by {pinned}.\n"
    debrepo("key", "verify", text, signature, "--keyring", "other.gpg", exit_code=3)

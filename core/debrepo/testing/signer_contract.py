"""What every signer must do, as tests to inherit."""

from __future__ import annotations

import base64
import subprocess
from typing import TYPE_CHECKING

import pytest

from debrepo.errors import AmbiguousKey, SigningFailed
from debrepo.signing import made_signatures

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from debrepo.signing import Signer, SigningKey

RELEASE = b"""Origin: Ex\xc3\xa4mple
Suite: stable
SHA256:
 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 0 main/binary-amd64/Packages
- a line that begins with a dash
From a mailbox
"""


class SignerContract:
    """Subclass in a test module and override ``signer`` and ``names``; needs ``gpgv``."""

    @pytest.fixture
    def signer(self) -> Signer:
        """Return a signer with two usable secret keys, and no choice configured."""
        raise NotImplementedError("override the signer fixture")

    @pytest.fixture
    def names(self) -> tuple[str, str]:
        """Return a name for each of the two keys, such as a user ID."""
        raise NotImplementedError("override the names fixture")

    @pytest.fixture
    def keys(self, signer: Signer, names: tuple[str, str]) -> list[SigningKey]:
        """Return both keys."""
        return signer.resolve(names)

    @pytest.fixture
    def verify(self, signer: Signer, tmp_path: Path) -> Callable[..., tuple[bytes, set[str]]]:
        """Return a function that has ``gpgv`` verify files signed with some of the keys.

        It returns what was signed, and the fingerprints of the keys that did.
        """

        def run(keys: Sequence[SigningKey], *files: bytes) -> tuple[bytes, set[str]]:
            keyring, out = tmp_path / "keyring.gpg", tmp_path / "signed"
            keyring.write_bytes(dearmor(signer.export(keys)))
            paths = [tmp_path / f"file{n}" for n in range(len(files))]
            for path, data in zip(paths, files, strict=True):
                path.write_bytes(data)
            out.unlink(missing_ok=True)
            output = ("--output", str(out)) if len(files) == 1 else ()
            result = subprocess.run(
                ["gpgv", "--status-fd", "1", "--keyring", str(keyring), *output, *map(str, paths)],
                capture_output=True,
                check=False,
            )
            if b"NO_PUBKEY" not in result.stdout:  # by somebody who was left out on purpose
                result.check_returncode()
            assert b"BADSIG" not in result.stdout
            status = result.stdout.decode().splitlines()
            valid = {line.split()[-1] for line in status if line.startswith("[GNUPG:] VALIDSIG")}
            return out.read_bytes() if out.exists() else b"", valid

        return run

    def test_keys_are_found_by_their_names(
        self, signer: Signer, names: tuple[str, str], keys: list[SigningKey]
    ) -> None:
        assert signer.resolve([names[0]]) == [keys[0]]
        assert keys[0] != keys[1]

    def test_keys_are_found_by_fingerprint_and_key_id(
        self, signer: Signer, keys: list[SigningKey]
    ) -> None:
        for name in (keys[1].fingerprint, keys[1].fingerprint[-16:], keys[1].fingerprint.lower()):
            assert signer.resolve([name]) == [keys[1]]

    def test_a_key_named_twice_is_one_key(self, signer: Signer, keys: list[SigningKey]) -> None:
        name = keys[0].fingerprint
        assert signer.resolve([name, name]) == [keys[0]]

    def test_an_unknown_key_is_refused_with_a_way_out(self, signer: Signer) -> None:
        with pytest.raises(SigningFailed, match="nobody@example") as caught:
            signer.resolve(["nobody@example.org"])
        assert "create" in caught.value.hint

    def test_an_unknown_key_spoils_the_known_one(
        self, signer: Signer, keys: list[SigningKey]
    ) -> None:
        with pytest.raises(SigningFailed, match="A" * 40):
            signer.resolve([keys[0].fingerprint, "A" * 40])

    def test_no_name_is_ambiguous_where_there_are_two_keys(
        self, signer: Signer, keys: list[SigningKey]
    ) -> None:
        with pytest.raises(AmbiguousKey, match=keys[0].fingerprint):
            signer.resolve([])

    def test_the_signature_in_line_is_valid(
        self,
        signer: Signer,
        keys: list[SigningKey],
        verify: Callable[..., tuple[bytes, set[str]]],
    ) -> None:
        signed = signer.sign(RELEASE, keys[:1])
        assert verify(keys, signed.inline) == (RELEASE, {keys[0].fingerprint})

    def test_the_detached_signature_is_valid_and_armored(
        self,
        signer: Signer,
        keys: list[SigningKey],
        verify: Callable[..., tuple[bytes, set[str]]],
    ) -> None:
        signed = signer.sign(RELEASE, keys[:1])
        assert signed.detached.startswith(b"-----BEGIN PGP SIGNATURE-----\n")
        assert verify(keys, signed.detached, RELEASE) == (b"", {keys[0].fingerprint})

    def test_several_keys_sign_both_files(
        self,
        signer: Signer,
        keys: list[SigningKey],
        verify: Callable[..., tuple[bytes, set[str]]],
    ) -> None:
        signed = signer.sign(RELEASE, keys)
        both = {key.fingerprint for key in keys}
        assert set(signed.fingerprints) == both
        assert verify(keys, signed.inline) == (RELEASE, both)
        assert verify(keys, signed.detached, RELEASE) == (b"", both)

    def test_each_of_several_signatures_stands_alone(
        self,
        signer: Signer,
        keys: list[SigningKey],
        verify: Callable[..., tuple[bytes, set[str]]],
    ) -> None:
        signed = signer.sign(RELEASE, keys)
        for key in keys:
            assert verify([key], signed.inline)[1] == {key.fingerprint}

    def test_signatures_name_the_keys_that_are_reported(
        self, signer: Signer, keys: list[SigningKey]
    ) -> None:
        signed = signer.sign(RELEASE, keys)
        for text in (signed.inline, signed.detached):
            made = made_signatures(text)
            assert {one.fingerprint for one in made} == set(signed.fingerprints)
            assert all(any(one.is_by(key) for one in made) for key in keys)

    def test_what_was_changed_is_not_valid(
        self,
        signer: Signer,
        keys: list[SigningKey],
        verify: Callable[..., tuple[bytes, set[str]]],
    ) -> None:
        signed = signer.sign(RELEASE, keys)
        with pytest.raises(subprocess.CalledProcessError):
            verify(keys, signed.inline.replace(b"stable", b"sid"))
        with pytest.raises(subprocess.CalledProcessError):
            verify(keys, signed.detached, RELEASE + b"\n")

    def test_a_good_key_has_no_problems(self, signer: Signer, keys: list[SigningKey]) -> None:
        assert [signer.problems(key) for key in keys] == [[], []]

    def test_what_is_exported_is_public(self, signer: Signer, keys: list[SigningKey]) -> None:
        exported = signer.export(keys)
        assert exported.startswith(b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n")
        assert b"PRIVATE" not in exported

    def test_without_a_key_nothing_is_signed(self, signer: Signer) -> None:
        with pytest.raises(SigningFailed, match="no key"):
            signer.sign(RELEASE, [])


def dearmor(text: bytes) -> bytes:
    """Return what the armor holds: ``gpgv`` takes a keyring only without it."""
    body = text.partition(b"\n\n")[2].partition(b"-----END")[0]
    lines = [line for line in body.splitlines() if not line.startswith(b"=")]
    return base64.b64decode(b"".join(lines))

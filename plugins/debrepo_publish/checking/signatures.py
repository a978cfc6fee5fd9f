"""Signatures of Release files, checked with gpgv."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from debrepo import stopping
from debrepo.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from debrepo.signing import SigningKey

_BEGIN = b"-----BEGIN PGP SIGNED MESSAGE-----"
_END = b"-----END PGP SIGNATURE-----"
_SOON = timedelta(days=30)

#: The status words of gpgv for bad signatures, and what they mean.
_FAULTS = {
    "BADSIG": "the signature is wrong",
    "ERRSIG": "the signature cannot be checked",
    "NO_PUBKEY": "the key is not in the keyring",
    "EXPKEYSIG": "the key has expired",
    "EXPSIG": "the signature has expired",
    "REVKEYSIG": "the key has been revoked",
}

_UNKNOWN_KEY = ("NO_PUBKEY", "ERRSIG")  # no fault where another key has signed as well


class Checked(NamedTuple):
    """The signed text, and what is wrong with the signature."""

    text: bytes
    problems: list[str]


def check_inline(inrelease: bytes, keyring: bytes) -> Checked:
    """Check an InRelease file, and return the text that gpgv has verified."""
    problems = []
    text = inrelease.strip()
    if not text.startswith(_BEGIN) or not text.endswith(_END) or text.count(_BEGIN) != 1:
        problems.append("there is text outside of the signed block")
    if not text.startswith(_BEGIN):  # GnuPG unpacks other messages, to any size
        return Checked(b"", [*problems, "there is no good signature"])
    with tempfile.TemporaryDirectory(prefix="debrepo-verify-") as name:
        place = Path(name)
        (place / "keyring.gpg").write_bytes(keyring)
        (place / "InRelease").write_bytes(inrelease)
        signed = place / "signed"
        said = _gpgv(place, "--output", str(signed), str(place / "InRelease"))
        content = signed.read_bytes() if signed.exists() else b""
    return Checked(content, problems + said)


def check_detached(release: bytes, signature: bytes, keyring: bytes) -> list[str]:
    """Return what is wrong with the signature of a Release file beside it."""
    with tempfile.TemporaryDirectory(prefix="debrepo-verify-") as name:
        place = Path(name)
        (place / "keyring.gpg").write_bytes(keyring)
        (place / "Release").write_bytes(release)
        (place / "Release.gpg").write_bytes(signature)
        return _gpgv(place, str(place / "Release.gpg"), str(place / "Release"))


def _gpgv(place: Path, *words: str) -> list[str]:
    """Return what is wrong; one good signature by a key in the keyring is enough."""
    command = ["gpgv", "--status-fd", "1", "--keyring", str(place / "keyring.gpg"), *words]
    try:
        result = stopping.run(command, timeout=60)
    except FileNotFoundError:
        raise PluginError("cannot check signatures without gpgv", hint="install gpgv") from None
    said = [
        line.removeprefix("[GNUPG:] ").split()
        for line in result.stdout.decode(errors="replace").splitlines()
        if line.startswith("[GNUPG:] ")
    ]
    good = any(word == "GOODSIG" for word, *_ in said)
    faults = [
        f"{_FAULTS[word]} ({rest[0]})"
        for word, *rest in said
        if word in _FAULTS and rest and not (good and word in _UNKNOWN_KEY)
    ]
    return list(dict.fromkeys(faults)) or ([] if good else ["there is no good signature"])


def expiring(keys: Iterable[SigningKey], now: int) -> list[str]:
    """Return a line for each key that expires soon."""
    moment = datetime.fromtimestamp(now, UTC)
    return [
        f"the key {key.fingerprint} expires on {key.expires:%Y-%m-%d}"
        for key in keys
        if key.expires and key.expires < moment + _SOON
    ]

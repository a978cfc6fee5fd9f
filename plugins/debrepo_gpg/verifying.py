"""Verifying: whose signature a text has, as gpgv tells it, by the policy of today."""

from __future__ import annotations

import base64
import binascii
import os
import re
from typing import TYPE_CHECKING, NamedTuple

from debrepo.errors import InvalidInput, VerificationFailed

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Where the host keeps keyrings for apt: these are named by their path.
SYSTEM = ("/usr/share/keyrings/", "/etc/apt/keyrings/", "/etc/apt/trusted.gpg.d/")
#: A key server to name where a key is missing.
KEY_SERVER = "hkps://keyserver.ubuntu.com"

_SUFFIXES = (".gpg", ".pgp", ".asc")
_BEGIN = b"-----BEGIN PGP PUBLIC KEY BLOCK-----"
_KEYBOX = b"KBXf"  # what new keyrings of GnuPG have in their header
_BLOCK = re.compile(_BEGIN + rb"(.*?)-----END PGP PUBLIC KEY BLOCK-----", re.DOTALL)
_WEAK = {"1": "MD5", "2": "SHA-1", "3": "RIPEMD-160"}
_UNUSABLE = {
    "EXPSIG": "has expired",
    "EXPKEYSIG": "is by a key that has expired",
    "REVKEYSIG": "is by a key that was revoked",
}
_MISSING_KEY = "9"  # why a signature could not be checked, in a line ERRSIG


class Verdict(NamedTuple):
    """What gpgv said of the signatures on one text."""

    good: tuple[str, ...] = ()  #: fingerprints; of a subkey, that of its primary key as well
    unknown: tuple[str, ...] = ()  #: keys that are in no keyring
    unusable: tuple[str, ...] = ()  #: signatures that do not count, and why
    forged: bool = False  #: a known key has signed something else


def judge(status: bytes) -> Verdict:
    """Return what the status lines of gpgv say.

    One good signature is enough: those of unknown, expired and revoked keys beside it do no
    harm, and count for nothing. One that does not match the text makes all of them worthless.
    """
    good: list[str] = []
    unknown: list[str] = []
    unusable: list[str] = []
    forged = counts = False
    for line in status.decode(errors="replace").splitlines():
        word, *words = line.split()[1:] or [""]
        if word == "BADSIG":
            forged = True
        elif word in _UNUSABLE:
            unusable.append(f"the signature of {words[0]} {_UNUSABLE[word]}")
        elif word == "ERRSIG":
            key = words[-1] if re.fullmatch(r"[0-9A-F]{40,64}", words[-1]) else words[0]
            if words[5:6] == [_MISSING_KEY]:
                unknown.append(key)
            else:
                unusable.append(f"the signature of {key} cannot be checked")
        elif word == "GOODSIG":
            counts = True
        elif word == "VALIDSIG" and counts:
            counts = False
            if words[7] in _WEAK:
                unusable.append(f"the signature of {words[0]} uses {_WEAK[words[7]]}")
            else:
                good += [words[0], words[-1]]
    return Verdict(
        () if forged else tuple(dict.fromkeys(good)),
        tuple(dict.fromkeys(unknown)),
        tuple(unusable),
        forged,
    )


def accepted(
    verdict: Verdict, said: str, *, pinned: Sequence[str] = (), keyring: str = "", known: bool
) -> tuple[str, ...]:
    """Return the fingerprints of the trusted keys that have signed; raise unless there are some.

    With ``pinned`` fingerprints, one of these has to be among them. ``keyring`` is where a
    missing key belongs, ``known`` tells whether any key is trusted, and ``said`` is gpgv's
    last line.
    """
    if verdict.good and not pinned:
        return verdict.good
    wanted = [checked(fingerprint) for fingerprint in pinned]
    if verdict.good:
        if not set(wanted).isdisjoint(verdict.good):
            return verdict.good
        raise VerificationFailed(
            f"it is signed by {verdict.good[-1]}, which is not one of the keys asked for:"
            f" {', '.join(wanted)}",
            hint="if the archive has a new key, give its fingerprint with --fingerprint",
        )
    if verdict.forged or not (verdict.unknown or verdict.unusable):
        if not known and not verdict.forged:
            raise VerificationFailed(
                "there are no trusted keys to verify signatures with",
                hint='run "debrepo key trust FILE"',
            )
        raise VerificationFailed(
            f"no trusted key has signed it: {said}", hint='run "debrepo key trusted"'
        )
    begin = "no trusted key has signed it" if known else "there are no trusted keys"
    if not verdict.unknown:
        raise VerificationFailed(f"{begin}: {'; '.join(verdict.unusable)}")
    keys = " ".join(verdict.unknown)
    text = f"{begin}: it is signed by {keys.replace(' ', ', ')}"
    if verdict.unusable:
        text += f"; {'; '.join(verdict.unusable)}"
    where = f" --keyring {keyring}" if keyring else ""
    raise VerificationFailed(
        text,
        hint=f'if you trust this key, run "debrepo key fetch --server {KEY_SERVER}{where} {keys}"',
    )


def checked(fingerprint: str) -> str:
    """Return a fingerprint as GnuPG writes it."""
    plain = fingerprint.replace(" ", "").upper().removeprefix("0X").rstrip("!")
    if not re.fullmatch(r"[0-9A-F]{40}|[0-9A-F]{64}", plain):
        raise InvalidInput(
            f"not a fingerprint: {fingerprint[:80]!r}", hint="give all of its 40 digits"
        )
    return plain


def is_system(name: str) -> bool:
    """Tell whether a keyring is one of the host's, and raise `InvalidInput` for other paths."""
    if "/" not in name:
        return False
    if os.path.normpath(name) == name and name.startswith(SYSTEM) and name.endswith(_SUFFIXES):
        return True
    raise InvalidInput(
        f"not a keyring: {name[:80]!r}",
        hint=f"keyrings that are named by their path are in {', '.join(SYSTEM)}",
    )


def binary(keys: bytes, what: str) -> bytes:
    """Return public keys as gpgv reads them, which takes no armor."""
    if _BEGIN not in keys:
        is_packet = keys[:1] >= b"\x80"
        if is_packet or keys[8:12] == _KEYBOX:
            return keys
        raise InvalidInput(f"{what} has no public keys")
    found = b""
    for block in _BLOCK.findall(keys):
        lines = [line.strip() for line in block.strip(b"\r\n").split(b"\n")]
        blank = lines.index(b"") if b"" in lines else -1
        body = [line for line in lines[blank + 1 :] if not line.startswith(b"=")]
        try:
            found += base64.b64decode(b"".join(body), validate=True)
        except binascii.Error:
            raise InvalidInput(f"{what} has an armored key that is damaged") from None
    if not found:
        raise InvalidInput(f"{what} has an armored key that is cut short")
    return found

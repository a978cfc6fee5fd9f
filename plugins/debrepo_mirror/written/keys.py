"""Public keys that are named by a file: read, and kept in ASCII armor."""

from __future__ import annotations

import base64
import re
from pathlib import Path

from debrepo.errors import InvalidInput

_BEGIN, _END = "-----BEGIN PGP PUBLIC KEY BLOCK-----", "-----END PGP PUBLIC KEY BLOCK-----"
_BLOCK = re.compile(rf"{_BEGIN}\n.*?{_END}", re.DOTALL)
_SECRET = "-----BEGIN PGP PRIVATE KEY BLOCK-----"  # noqa: S105  # a heading
_LONGEST = 4 << 20  # bytes of a keyring; Debian's has 60,000
_LINE = 64


def of_file(path: str) -> str:
    """Return the public keys in a file, in ASCII armor."""
    try:
        with Path(path).open("rb") as file:
            data = file.read(_LONGEST + 1)
    except OSError as error:
        raise InvalidInput(f"cannot read the keys in {path[:200]}: {error.strerror}") from None
    if len(data) > _LONGEST:
        raise InvalidInput(f"{path[:200]} is too large for a keyring")
    return armored(data, path)


def armored(data: bytes, where: str) -> str:
    """Return public keys in ASCII armor; raise `InvalidInput` if that is not what they are."""
    if data[:1] and data[0] & 0x80:
        if _tag(data[0]) != _PUBLIC_KEY:
            raise _no_keys(where)
        text = base64.b64encode(data).decode()
        lines = [text[start : start + _LINE] for start in range(0, len(text), _LINE)]
        return "\n".join([_BEGIN, "", *lines, _END])
    return in_text(data.decode("utf-8", "replace"), where)


def in_text(text: str, where: str) -> str:
    """Return the blocks of public keys that a text has."""
    if _SECRET in text:
        raise InvalidInput(f"{where[:200]} has a secret key", hint='export it with "gpg --export"')
    found = _BLOCK.findall(text.replace("\r\n", "\n"))
    if not found:
        raise _no_keys(where)
    return "\n".join(found)


_PUBLIC_KEY = 6  # the tag of an OpenPGP packet (RFC 9580, 5)


def _tag(octet: int) -> int:
    return octet & 0x3F if octet & 0x40 else (octet & 0x3C) >> 2


def _no_keys(where: str) -> InvalidInput:
    return InvalidInput(
        f"{where[:200]} has no public keys",
        hint='write them with "gpg --export --armor FINGERPRINT"',
    )

"""Versions: Debian's order of them, and a key that sorts the same way byte by byte.

The order is that of Debian Policy 5.6.12 and deb-version(7): epoch, upstream version and
revision are each read as text and numbers in turn; in text ``~`` comes before the end, the
end before letters, letters before everything else.
"""

from __future__ import annotations

import re
from functools import lru_cache

from debrepo.values import NamedTuple

_DIGITS = re.compile(rb"([0-9]+)")
_NOT_ASCII = re.compile(rb"[\x80-\xff]")

_END = b"\x02"  # of a run of text: after ``~``, before everything else
_MAX_CACHED = 64  # characters; what is longer is no version, and would only fill memory


def _weight(character: int) -> int:
    if character == 0:
        return _END[0]  # a part ends here, and so does its text
    if character == ord("~"):
        return 1
    if chr(character).isalnum():
        return character
    return character + 127  # past the letters, and 0xff stays free


_WEIGHTS = bytes(_weight(character) for character in range(128)) + bytes(range(128, 256))


class Parts(NamedTuple):
    """What a version is made of; a part that is not there is the empty string."""

    epoch: str
    upstream: str
    revision: str


def split(version: str) -> Parts:
    """Take a version apart: at the first colon and at the last hyphen."""
    epoch, colon, rest = version.partition(":")
    if not colon:
        epoch, rest = "", version
    upstream, hyphen, revision = rest.rpartition("-")
    return Parts(epoch, upstream, revision) if hyphen else Parts(epoch, rest, "")


def without_epoch(version: str) -> str:
    """Return the version as file names have it."""
    return version.partition(":")[2] or version


def compare(a: str, b: str) -> int:
    """Return -1, 0 or 1 as ``a`` is earlier than, equal to or later than ``b``."""
    left, right = sort_key(a), sort_key(b)
    return (left > right) - (left < right)


def sort_key(version: str) -> bytes:
    """Return bytes that compare as the versions do; equal versions have equal keys.

    Any text has a key, since queries compare other fields as versions too.
    """
    return _cached_key(version) if len(version) <= _MAX_CACHED else _key(version)


def _key(version: str) -> bytes:
    data = version.encode()
    if not version.isascii():
        data = _NOT_ASCII.sub(b"\xff\\g<0>", data)
    epoch, colon, rest = data.partition(b":")
    if not colon:
        epoch, rest = b"", data
    upstream, hyphen, revision = rest.rpartition(b"-")
    if not hyphen:
        upstream, revision = rest, b""
    parts = b"%b%b%b" % (_numbered(epoch), _numbered(upstream), _numbered(revision))
    runs = _DIGITS.split(parts.translate(_WEIGHTS))
    runs[1::2] = map(_number, runs[1::2])
    return b"".join(runs)


_cached_key = lru_cache(maxsize=32768)(_key)


def _numbered(part: bytes) -> bytes:
    """Make the part end with a number, since text at the end counts as text and zero."""
    return part + b"\0" if part[-1:].isdigit() else part + b"0\0"


@lru_cache(maxsize=8192)
def _number(digits: bytes) -> bytes:
    value = digits.lstrip(b"0")
    more, size = divmod(len(value), 255)  # the longer number is the larger one
    return _END + b"\xff" * more + bytes((size,)) + value

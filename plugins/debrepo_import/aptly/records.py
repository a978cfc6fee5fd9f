"""Records of aptly's database: msgpack, with the names of Go's fields."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from debrepo.errors import DatabaseError

_MARK = b"\xc1\x01"  # of packages since aptly 0.9, whose files and fields are records of their own


class UnknownRecord(DatabaseError):
    """A record is not one that aptly writes, or is one of a version that is not known."""


def decode(data: bytes | None, what: str) -> dict[str, Any]:
    """Return a record that is a table."""
    found = decode_any(data, what)
    if not isinstance(found, dict):
        raise UnknownRecord(f"{what} is no record of aptly")
    return found


def decode_any(data: bytes | None, what: str) -> Any:
    """Return any record."""
    import msgpack

    if data is None:
        raise UnknownRecord(f"{what} is not in the database")
    try:
        return msgpack.unpackb(data, raw=False, unicode_errors="surrogateescape")
    except (ValueError, msgpack.UnpackException, RecursionError) as error:
        raise UnknownRecord(f"{what} cannot be read: {type(error).__name__}") from None


def decode_package(data: bytes | None, what: str) -> dict[str, Any]:
    """Return the record of a package, which has a mark of its version before it."""
    if data is not None and not data.startswith(_MARK):
        if data[:1] == _MARK[:1]:
            raise UnknownRecord(f"{what} is a record of a newer aptly")
        raise UnknownRecord(f"{what} is a record of an aptly before 0.9")
    return decode(data and data[2:], what)


def references(data: bytes | None, what: str) -> list[str]:
    """Return the keys of the packages on a list; a list that was never filled has none."""
    if data is None:
        return []
    refs = decode(data, what).get("Refs") or []
    if not isinstance(refs, list) or not all(isinstance(one, str) for one in refs):
        raise UnknownRecord(f"{what} is no list of packages")
    return refs


def text(record: dict[str, Any], name: str) -> str:
    """Return a field that is a text, or the empty string."""
    found = record.get(name)
    return found if isinstance(found, str) else ""


def texts(record: dict[str, Any], name: str) -> tuple[str, ...]:
    """Return a field that is a list of texts."""
    found = record.get(name)
    return tuple(one for one in found if isinstance(one, str)) if isinstance(found, list) else ()


def moment(record: dict[str, Any], name: str) -> str:
    """Return a field that is a time, as ISO 8601 in UTC; empty for none.

    It is a msgpack timestamp without its type: 30 bits of nanoseconds and 34 of seconds, or
    seconds alone.
    """
    data = text(record, name).encode(errors="surrogateescape")
    if len(data) == 4:
        nanoseconds, seconds = 0, int.from_bytes(data, "big")
    elif len(data) == 8:
        both = int.from_bytes(data, "big")
        nanoseconds, seconds = both >> 34, both & ((1 << 34) - 1)
    elif len(data) == 12:
        nanoseconds = int.from_bytes(data[:4], "big")
        seconds = int.from_bytes(data[4:], "big", signed=True)
    else:
        return ""
    if seconds <= 0:  # Go's zero time: never
        return ""
    try:
        found = datetime.fromtimestamp(seconds, UTC).replace(microsecond=nanoseconds // 1000)
    except (ValueError, OverflowError, OSError):
        return ""
    return found.isoformat(timespec="microseconds")

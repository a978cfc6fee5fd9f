"""Lines: each record of the database as a line of JSON, and back.

Whatever the line looks like, the bytes that come back are those that were there: where a readable
form would not give them, the line has them in base64.
"""

from __future__ import annotations

import binascii
import json
from base64 import b64decode, b64encode
from hashlib import blake2b
from typing import Any

from debrepo.catalog import CHUNKS, CONTENTS, DEFECTS, PACKAGES
from debrepo.errors import InvalidInput
from debrepo.package import Package, PackageFile, PackageKey, decode, encode

#: Tables whose keys are entries of packages.
_BY_ENTRY = frozenset([PACKAGES.name, CONTENTS.name, DEFECTS.name, "admin.trash"])
#: What a record raises that is not what its table says.
_ODD = (ValueError, IndexError, KeyError, TypeError, InvalidInput)
_RAW = "base64"  # the only member of an object that stands for bytes


def dumped(table: str, key: bytes, value: bytes) -> str:
    """Return the line of a record."""
    line = {"table": table, "key": _key(table, key), "value": _value(table, key, value)}
    return as_json(line)


def as_json(value: object) -> str:
    """Return the one spelling of a line that there is."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def loaded(line: dict[str, Any]) -> tuple[str, bytes, bytes]:
    """Return the table, the key and the bytes of a record."""
    try:
        table = str(line["table"])
        key = _read_key(table, line["key"])
        return table, key, _read_value(table, key, line["value"])
    except InvalidInput:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidInput(f"it is no record: {error!r:.120}") from None


def _key(table: str, key: bytes) -> object:
    if table == CHUNKS.name:
        return key.hex()
    if table not in _BY_ENTRY:
        return _text(key)
    try:
        text = str(PackageKey.from_entry(key))
        return text if PackageKey.parse(text).entry == key else _raw(key)
    except _ODD:
        return _raw(key)


def _text(data: bytes) -> object:
    """Return bytes as the text that they are, or in base64."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return _raw(data)
    return text if text.isprintable() else _raw(data)


def _raw(data: bytes) -> dict[str, str]:
    return {_RAW: b64encode(data).decode()}


def _bytes(value: object) -> bytes:
    """Return the bytes of a text, or of base64."""
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, dict) and set(value) == {_RAW}:
        try:
            return b64decode(value[_RAW], validate=True)
        except binascii.Error:
            raise InvalidInput("its base64 is damaged") from None
    raise InvalidInput("it has to be text, or an object with base64")


def _read_key(table: str, key: object) -> bytes:
    if isinstance(key, str) and table in _BY_ENTRY:
        return PackageKey.parse(key).entry
    if isinstance(key, str) and table == CHUNKS.name:
        return bytes.fromhex(key)
    return _bytes(key)


def _value(table: str, key: bytes, value: bytes) -> object:
    readable = None
    if table == PACKAGES.name:
        readable = _package(key, value)
    elif table == CHUNKS.name:
        readable = _chunk(value)
    elif value[:1] == b"{":
        readable = _object(value)
    return _raw(value) if readable is None else readable


def _package(key: bytes, record: bytes) -> dict[str, object] | None:
    try:
        package = decode(PackageKey.from_entry(key), record)
        line: dict[str, object] = {
            "kind": package.kind,
            "files": [file._asdict() for file in package.files],
            "stanza": package.stanza.decode(),
        }
    except _ODD:
        return None
    return line if encode(package) == record else None


def _chunk(value: bytes) -> dict[str, object] | None:
    """Return a chunk of a package set as the keys that it lists; a node above has hashes."""
    if value[:1] != b"L":
        return None
    try:
        keys = [str(PackageKey.from_entry(entry)) for entry in value[1:].split(b"\n")]
        line: dict[str, object] = {"packages": keys}
        return line if _of_packages(line) == value else None
    except _ODD:
        return None


def _of_packages(line: dict[str, Any]) -> bytes:
    return b"L" + b"\n".join(PackageKey.parse(key).entry for key in line["packages"])


def _object(value: bytes) -> dict[str, object] | None:
    """Return a JSON object, if its bytes are those that `json_table` would write of it."""
    try:
        found = json.loads(value)
    except ValueError:
        return None
    if not isinstance(found, dict) or set(found) == {_RAW}:
        return None
    return found if _of_object(found) == value else None


def _of_object(line: dict[str, Any]) -> bytes:
    return json.dumps(line, separators=(",", ":")).encode()


def _read_value(table: str, key: bytes, value: Any) -> bytes:
    if isinstance(value, dict) and set(value) == {_RAW}:
        data = _bytes(value)
    elif table == PACKAGES.name:
        files = tuple(PackageFile(**file) for file in value["files"])
        stanza = value["stanza"].encode()
        data = encode(Package(PackageKey.from_entry(key), value["kind"], stanza, files))
    elif table == CHUNKS.name:
        data = _of_packages(value)
    elif isinstance(value, dict):
        data = _of_object(value)
    else:
        raise InvalidInput("its value has to be an object")
    if table == CHUNKS.name and blake2b(data, digest_size=16).digest() != key:
        raise InvalidInput(f"the chunk {key.hex()} is not what its hash says")
    return data

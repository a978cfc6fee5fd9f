"""The address of a database: what libpq connects with, and what may be shown of it."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple

from debrepo.credentials import without_password
from debrepo.errors import InvalidInput
from debrepo_postgresql.connection import parsed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_LONGEST = 63  # bytes of a name in PostgreSQL

#: What libpq would leave to the system, which notices after minutes that a machine has gone.
_DEFAULTS = {
    "application_name": "debrepo",
    "client_encoding": "UTF8",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "25000",
}
_PLACES = ("host", "hostaddr", "port")
_TIMEOUT = 10  # seconds to connect to one server


class DatabaseAddress(NamedTuple):
    """Where a database is: one set of libpq's settings for each server that may have it."""

    shown: str  #: without a password
    schema: str
    servers: tuple[bytes, ...]
    timeout: float  #: seconds to connect to one of them


def parse(url: str, options: Mapping[str, Any], root: Path) -> DatabaseAddress:
    """Return the address that ``database.url`` and the settings beside it name."""
    shown = without_password(url)
    try:
        given = parsed(url)
    except ValueError:
        raise InvalidInput(
            f"database.url is no URL that PostgreSQL knows: {shown}",
            hint="it is like postgresql://USER@HOST/DATABASE; other signs than letters and digits"
            " are written as %40",
        ) from None
    settings = _DEFAULTS | given
    if file := options["password_file"]:
        settings["password"] = _password(root / file)
    schema = options["schema"].replace("{root}", _name(root))
    if not 0 < len(schema.encode()) <= _LONGEST or "\0" in schema:
        raise InvalidInput(f"database.schema is {schema!r}, and has to have 1 to {_LONGEST} bytes")
    timeout = settings.pop("connect_timeout", "")
    seconds = float(timeout) if timeout.isdecimal() and int(timeout) else _TIMEOUT
    place = f"{shown}, schema {schema}" if schema != "debrepo" else shown
    return DatabaseAddress(place, schema, _servers(settings), seconds)


def _servers(settings: dict[str, str]) -> tuple[bytes, ...]:
    """Return the settings for each server: libpq would wait for the first one until the end."""
    lists = {name: settings[name].split(",") for name in _PLACES if settings.get(name)}
    count = max(map(len, lists.values()), default=1)
    if count > 1:
        settings.setdefault("target_session_attrs", "read-write")
    found = []
    for number in range(count):
        own = {name: values[number % len(values)] for name, values in lists.items()}
        found.append(_spelled(settings | own))
    return tuple(found)


def _spelled(settings: Mapping[str, str]) -> bytes:
    """Return settings as libpq reads them."""
    pairs = (
        (name, value.replace("\\", "\\\\").replace("'", "\\'")) for name, value in settings.items()
    )
    return " ".join(f"{name}='{value}'" for name, value in pairs).encode()


def _password(path: Path) -> str:
    try:
        return path.read_text("utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not text in UTF-8"
        raise InvalidInput(
            f"cannot read the password of the database in {path}: {why}",
            hint="database.password_file names that file",
        ) from None


def _name(root: Path) -> str:
    """Return a short name that is the root's own."""
    return blake2b(str(root.resolve()).encode(errors="surrogateescape"), digest_size=8).hexdigest()

"""Credentials: who to be at which archive, read from files that apt and curl have as well."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urlsplit

from debrepo.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_PORTS = {"http": 80, "https": 443, "ftp": 21, "ftps": 990}
_CLEAR = ("http", "ftp")  # schemes in which everybody on the way can read a password


class Login(NamedTuple):
    """What to identify with; a token is sent instead of a password."""

    user: str = ""
    password: str = ""
    token: str = ""
    certificate: str = ""  #: the file of a client certificate, in PEM
    key: str = ""  #: the file of its key; empty: in the same file

    def __repr__(self) -> str:  # it shows up in tracebacks
        return f"Login({self.user!r})"


class _Entry(NamedTuple):
    scheme: str  # empty: any that is encrypted; "*": any
    host: str  # empty: any
    port: int  # 0: any
    path: str
    login: Login

    def fits(self, scheme: str, host: str, port: int, path: str) -> bool:
        if self.scheme != "*" and scheme != self.scheme and (self.scheme or scheme in _CLEAR):
            return False
        if self.host and (host != self.host or self.port not in (0, port)):
            return False
        return path.startswith(self.path)


class Logins:
    """Logins by URL; the first that fits counts."""

    def __init__(self, entries: Iterable[_Entry] = ()) -> None:
        self._entries = tuple(entries)

    def __or__(self, other: Logins) -> Logins:
        """Return the entries of both, those of ``other`` after these."""
        return Logins(self._entries + other._entries)

    def __bool__(self) -> bool:
        return bool(self._entries)

    def find(self, url: str) -> Login | None:
        """Return what to identify with at a URL; what the URL itself has comes first."""
        if "@" in url:
            parts = urlsplit(url)
            if parts.username is not None:
                return Login(unquote(parts.username), unquote(parts.password or ""))
        if not self._entries:
            return None
        return self._find(*_place(url))

    def _find(self, scheme: str, host: str, port: int, path: str) -> Login | None:
        for entry in self._entries:
            if entry.fits(scheme, host, port, path):
                return entry.login
        return None

    @classmethod
    def at(cls, url: str, login: Login) -> Logins:
        """Return a login for all that is below the host of ``url``, at this scheme and port."""
        scheme, host, port, _ = _place(url)
        return cls([_Entry(scheme, host, port, "", login)])

    @classmethod
    def read(cls, path: Path, *, clear: bool = False) -> Logins:
        """Read a file in the syntax of apt's ``auth.conf``, which is that of ``.netrc`` and more.

        A machine without a scheme is meant for encrypted connections only, unless ``clear``.
        Raise `InvalidInput` where it cannot be read.
        """
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError:
            raise InvalidInput(f"{path} is not text in UTF-8") from None
        except OSError as error:
            raise InvalidInput(f"cannot read {path}: {os.strerror(error.errno or 0)}") from None
        return cls(_entries(text, path, "*" if clear else ""))


def bare(url: str) -> str:
    """Return a URL without the credentials in it, to be shown and logged."""
    scheme, mark, rest = url.partition("://")
    if not mark:
        return url
    host, slash, path = rest.partition("/")
    return scheme + mark + host.rpartition("@")[2] + slash + path


def without_password(url: str) -> str:
    """Return a URL without the passwords in it, to be shown; who and where stays."""
    scheme, mark, rest = url.partition("://")
    if not mark:
        return url
    rest, question, query = rest.partition("?")
    end = len(rest.split("/", 1)[0])
    login, at, host = rest[:end].rpartition("@")
    if not at and "@" in rest:  # a password with a slash in it
        login, at, host = rest.rpartition("@")
        end = len(rest)
    user = login.partition(":")[0]
    kept = [one for one in query.split("&") if "password" not in one.partition("=")[0].lower()]
    return (
        scheme + mark + user + at + host + rest[end:] + (question if query else "") + "&".join(kept)
    )


def _place(url: str) -> tuple[str, str, int, str]:
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = None
    return (
        parts.scheme,
        (parts.hostname or "").lower(),
        port or _PORTS.get(parts.scheme, 0),
        parts.path,
    )


def _entries(text: str, path: Path, scheme: str) -> Iterator[_Entry]:
    """Yield what a file says; it names no value, as one may be a password in the wrong place."""
    machine: str | None = None
    values: dict[str, str] = {}
    words = iter(_words(text))
    for word in words:
        if word in ("machine", "default"):
            if machine is not None:
                yield _entry(machine, values, scheme)
            machine, values = ("", {}) if word == "default" else (next(words, ""), {})
        elif word in ("login", "password", "account") and machine is not None:
            value = next(words, None)
            if value is None:
                raise InvalidInput(f"{path}: nothing follows {word}")
            values[word] = value
        else:
            raise InvalidInput(
                f"{path}: machine, login or password expected",
                hint="see apt_auth.conf(5) for the syntax",
            )
    if machine is not None:
        yield _entry(machine, values, scheme)


def _words(text: str) -> Iterator[str]:
    """Yield the words of a file without comments and macros."""
    macro = False
    for line in text.splitlines():
        words = line.split()
        if macro:
            macro = bool(words)
        elif words and words[0] == "macdef":
            macro = True
        elif words and not words[0].startswith("#"):
            yield from words


def _entry(machine: str, values: dict[str, str], scheme: str) -> _Entry:
    login = Login(values.get("login", ""), values.get("password", ""))
    given, mark, rest = machine.partition("://")
    if not mark:
        given, rest = scheme, machine
    host, slash, path = rest.partition("/")
    name, colon, port = host.partition(":")
    number = int(port) if colon and port.isdecimal() else 0
    return _Entry(given, name.lower(), number, slash + path if path else "", login)

"""Targets: who is told of events, and how, as the configuration says."""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as NotBase64
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from debrepo.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterable

    from debrepo.config import Config

_NAME = re.compile(r"[A-Za-z0-9_-]{1,100}")
_URL = re.compile(r"[!-~]+")  # a proxy or a log would read others as it likes
_ENCODED = "whsec_"  # before a secret in base64, as Standard Webhooks has them


class NotifiedTarget(NamedTuple):
    """A webhook or a command; the settings ``notify.to.*`` say what each field means."""

    name: str
    url: str = ""
    command: tuple[str, ...] = ()
    events: tuple[str, ...] = ("*",)
    names: tuple[str, ...] = ("*",)
    secret: str = ""
    timeout: int = 10

    def wants(self, event: str, names: Iterable[str]) -> bool:
        """Return whether it is to be told of an event of something with these names."""
        return any(fnmatchcase(event, pattern) for pattern in self.events) and any(
            fnmatchcase(name, pattern) for name in names for pattern in self.names
        )

    @property
    def key(self) -> bytes:
        """The secret as it is used to sign."""
        if self.secret.startswith(_ENCODED):
            return b64decode(self.secret.removeprefix(_ENCODED), validate=True)
        return self.secret.encode()


@lru_cache(maxsize=4)
def configured(config: Config) -> tuple[NotifiedTarget, ...]:
    """Return the targets, sorted by name; raise `InvalidInput` where one cannot be used."""
    return tuple(_target(config, name) for name in sorted(config.names("notify.to")))


def get(config: Config, name: str) -> NotifiedTarget:
    """Return the target called ``name``."""
    for target in configured(config):
        if target.name == name:
            return target
    raise NotFound(
        f"no target called {name[:100]} is configured", hint=f"add [notify.to.{name[:100]}]"
    )


def _target(config: Config, name: str) -> NotifiedTarget:
    target = NotifiedTarget(name, **config.section(f"notify.to.{name}"))
    where = f"notify.to.{name}"
    if not _NAME.fullmatch(name):
        raise InvalidInput(
            f"{name[:100]!r} cannot be the name of a target", hint="use letters, digits, _ and -"
        )
    if bool(target.url) == bool(target.command):
        raise InvalidInput(f"{where} needs either url or command")
    if target.url and (fault := _fault(target.url)):
        raise InvalidInput(f"{where}.url {fault}", hint="use http://HOST/PATH or https://HOST/PATH")
    if target.timeout < 1:
        raise InvalidInput(f"{where}.timeout has to be a number of seconds")
    try:
        _ = target.key
    except (NotBase64, ValueError):
        raise InvalidInput(
            f"{where}.secret is not base64 after {_ENCODED}", hint='run "openssl rand -base64 32"'
        ) from None
    return target


def _fault(url: str) -> str:
    """Return why nothing can be sent to a URL; empty if it can."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return "is malformed"
    if parts.scheme not in ("http", "https"):
        return "is neither http nor https"
    if not parts.hostname or not _URL.fullmatch(url):
        return "is malformed"
    if parts.username is not None or parts.password is not None:
        return "has a user or a password, which lists and logs would show"
    return "has a fragment" if parts.fragment else ""

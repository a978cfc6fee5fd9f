"""What transports are opened with, as the configuration says."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from debrepo.credentials import Login, Logins
from debrepo.errors import InvalidInput, NotFound
from debrepo.transport import Pace, TransportOptions

if TYPE_CHECKING:
    from debrepo.session import Session


def transport_options(
    session: Session, url: str, *, credentials: str = "", limit: int = 0
) -> TransportOptions:
    """Return the options for an archive at ``url``.

    ``credentials`` is the NAME of the settings ``mirror.credentials.NAME``, for the host of that
    URL; ``limit`` is in KiB a second, 0 as configured.
    """
    settings = session.config.section("mirror")
    return TransportOptions(
        logins=logins(session, url, credentials),
        proxy=settings["proxy"],
        no_proxy=settings["no_proxy"],
        ca_file=_path(session, settings["ca_file"]),
        connections=_at_least("connections", settings["connections"], 1),
        connect_timeout=_at_least("connect_timeout", settings["connect_timeout"], 1),
        stall_timeout=_at_least("stall_timeout", settings["stall_timeout"], 1),
        pace=Pace(1024 * (limit or _at_least("download_limit", settings["download_limit"], 0))),
    )


def logins(session: Session, url: str, credentials: str) -> Logins:
    """Return who to be where: named credentials, then ``auth.conf`` files, then a netrc."""
    settings = session.config.section("mirror")
    found = Logins.at(url, _named(session, credentials)) if credentials else Logins()
    own = session.root / "auth.conf"
    if own.exists():
        found |= Logins.read(own)
    if settings["auth_conf"]:
        found |= Logins.read(Path(_path(session, settings["auth_conf"])))
    if settings["netrc"]:
        found |= Logins.read(Path(_path(session, settings["netrc"])), clear=True)
    return found


def _named(session: Session, name: str) -> Login:
    if name not in session.config.names("mirror.credentials"):
        raise NotFound(
            f"no credentials {name} are configured",
            hint=f"add [mirror.credentials.{name}] to {session.root / 'debrepo.toml'}",
        )
    given = session.config.section(f"mirror.credentials.{name}")
    return Login(
        given["user"],
        given["password"] or _first_line(session, given["password_file"]),
        given["token"] or _first_line(session, given["token_file"]),
        _path(session, given["certificate"]),
        _path(session, given["key"]),
    )


def _first_line(session: Session, name: str) -> str:
    if not name:
        return ""
    path = _path(session, name)
    try:
        return Path(path).read_text("utf-8").partition("\n")[0].strip()
    except UnicodeDecodeError:
        raise InvalidInput(f"{path} is not text in UTF-8") from None
    except OSError as error:
        raise InvalidInput(f"cannot read {path}: {os.strerror(error.errno or 0)}") from None


def _path(session: Session, name: str) -> str:
    """Return a path from the configuration; relative ones are below the root."""
    return os.fspath(session.root / Path(name).expanduser()) if name else ""


def _at_least(name: str, value: int, least: int) -> int:
    if value < least:
        raise InvalidInput(f"mirror.{name} has to be at least {least}, found {value}")
    return value

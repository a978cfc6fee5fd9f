"""Access to archives: which may be mirrored, by what way, and who to be there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from debrepo.credentials import Login, Logins
from debrepo.errors import InvalidInput, NotFound
from debrepo.transport import Pace, TransportOptions

if TYPE_CHECKING:
    from debrepo.config import Config
    from debrepo.session import Session
    from debrepo_mirror.mirror import Mirror


def check(session: Session, mirror: Mirror) -> None:
    """Raise `InvalidInput` where a mirror may not be of its archive, or its credentials are not.

    Who calls through a server can make it read whatever it can reach: files of its machine
    have to be allowed by the configuration then.
    """
    allowed = session.config["mirror.urls"]
    if allowed and not mirror.url.startswith(tuple(_ended(url) for url in allowed)):
        raise InvalidInput(
            f"the configuration does not allow mirrors of {mirror.url}",
            hint=f"mirror.urls allows: {', '.join(allowed)}",
        )
    if session.actor and not allowed and mirror.url.startswith("file:"):
        raise InvalidInput(
            f"a server does not mirror its own files: {mirror.url}",
            hint="list what it may mirror in mirror.urls",
        )
    if mirror.credentials:
        where = _section(session.config, mirror.credentials)["url"]
        if not Logins.at(_ended(where), Login("_")).find(mirror.url):
            raise InvalidInput(
                f"the credentials {mirror.credentials} are for {where}, not for {mirror.url}"
            )


def _ended(url: str) -> str:
    return url.rstrip("/") + "/"


def options(session: Session, mirror: Mirror, pace: Pace | None = None) -> TransportOptions:
    """Return what a transport is opened with for a mirror; the secrets are not shown by it."""
    config = session.config
    return TransportOptions(
        logins=_logins(session, mirror),
        proxy=config["mirror.proxy"],
        no_proxy=config["mirror.no_proxy"],
        ca_file=config["mirror.ca_file"],
        connections=max(1, config["mirror.connections"]),
        connect_timeout=config["mirror.connect_timeout"],
        stall_timeout=config["mirror.stall_timeout"],
        pace=pace or Pace(config["mirror.download_limit"] * 1024),
    )


def _logins(session: Session, mirror: Mirror) -> Logins:
    found = Logins()
    if mirror.credentials:
        said = _section(session.config, mirror.credentials)
        names = ("user", "password", "token", "certificate", "key")
        found |= Logins.at(_ended(said["url"]), Login(*(said[name] for name in names)))
    own = session.root / "auth.conf"
    files = [*([own] if own.exists() else []), *map(Path, session.config["mirror.auth_files"])]
    for file in files:
        found |= Logins.read(file)
    return found


def _section(config: Config, name: str) -> dict[str, str]:
    if name not in config.names("mirror.credentials"):
        raise NotFound(
            f"no credentials called {name[:80]}",
            hint=f"configure mirror.credentials.{name[:80]}.url",
        )
    section: dict[str, str] = config.section(f"mirror.credentials.{name}")
    if not section["url"]:
        raise InvalidInput(
            f"the credentials {name} do not say where they are for",
            hint=f"configure mirror.credentials.{name}.url",
        )
    return section

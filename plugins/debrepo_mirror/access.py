"""Access to archives: which may be mirrored, by what way, and who to be there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from debrepo.credentials import Login, Logins, bare
from debrepo.errors import InvalidInput, NotFound
from debrepo.transport import Pace, TransportOptions, is_below

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
    if not is_allowed(session.config, mirror.url):
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


def is_allowed(config: Config, url: str) -> bool:
    """Tell whether the configuration allows mirrors of an archive."""
    allowed = config["mirror.urls"]
    return not allowed or is_below(url, allowed)


def _ended(url: str) -> str:
    return url.rstrip("/") + "/"


def options(session: Session, credentials: str, pace: Pace | None = None) -> TransportOptions:
    """Return what a transport is opened with; the secrets are not shown by it."""
    config = session.config
    least = {"connections": 1, "connect_timeout": 1, "stall_timeout": 1, "download_limit": 0}
    for name, value in least.items():
        if config[f"mirror.{name}"] < value:
            given = config[f"mirror.{name}"]
            raise InvalidInput(f"mirror.{name} has to be at least {value}, found {given}")
    if "@" in config["mirror.proxy"]:
        proxy = bare(config["mirror.proxy"])
        raise InvalidInput(
            "mirror.proxy has a password in it, and is shown with the configuration",
            hint=f"write it into auth.conf: machine {proxy} login NAME password PASSWORD",
        )
    return TransportOptions(
        logins=_logins(session, credentials),
        proxy=config["mirror.proxy"],
        no_proxy=config["mirror.no_proxy"],
        ca_file=_path(session, config["mirror.ca_file"]),
        connections=config["mirror.connections"],
        connect_timeout=config["mirror.connect_timeout"],
        stall_timeout=config["mirror.stall_timeout"],
        pace=pace or Pace(config["mirror.download_limit"] * 1024),
        allowed=config["mirror.urls"],
    )


def _logins(session: Session, credentials: str) -> Logins:
    found = Logins()
    if credentials:
        said = _section(session.config, credentials)
        login = Login(
            said["user"],
            said["password"] or _first_line(session, said["password_file"]),
            said["token"] or _first_line(session, said["token_file"]),
            _path(session, said["certificate"]),
            _path(session, said["key"]),
        )
        found |= Logins.at(_ended(said["url"]), login)
    own = session.root / "auth.conf"
    named = [Path(_path(session, name)) for name in session.config["mirror.auth_files"]]
    for file in [*([own] if own.exists() else []), *named]:
        found |= Logins.read(file)
    if session.config["mirror.netrc"]:
        file = Path(_path(session, session.config["mirror.netrc"]))
        found |= Logins.read(file, clear=True)
    return found


def _path(session: Session, name: str) -> str:
    """Return a path that the configuration names; a relative one is below the root."""
    return str(session.root / Path(name).expanduser()) if name else ""


def _first_line(session: Session, name: str) -> str:
    if not name:
        return ""
    path = Path(_path(session, name))
    try:
        return path.read_text("utf-8").partition("\n")[0].strip()
    except UnicodeDecodeError:
        raise InvalidInput(f"{path} is not text in UTF-8") from None
    except OSError as error:
        raise InvalidInput(f"cannot read {path}: {error.strerror}") from None


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

"""Planning: the files and commands that a server needs, the first first."""

from __future__ import annotations

import pwd
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING, NamedTuple

from debrepo.errors import NotFound
from debrepo_setup import own_files, proxies, units
from debrepo_setup.choices import REMEMBERED, Choices, as_toml

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

TOKEN = Path("/etc/debrepo/admin.token")


class PlannedFile(NamedTuple):
    """A file that is to say something."""

    path: Path
    text: str
    owner: str = ""  #: empty: root
    stamped: bool = False  #: whether it tells that it was changed by hand
    once: bool = False  #: whether it belongs to the administrator from the moment it is there


class PlannedDirectory(NamedTuple):
    """A directory that is to be there."""

    path: Path
    owner: str = ""


class PlannedCommand(NamedTuple):
    """A command that is to run, when one of these files was written; without any, always."""

    words: tuple[str, ...]
    after: tuple[Path, ...] = ()


class PlannedToken(NamedTuple):
    """The first token of an administrator, in a file that only root can read."""

    path: Path


Planned = PlannedFile | PlannedDirectory | PlannedCommand | PlannedToken


def plan(choices: Choices, storages: Sequence[Path], prefix: Path, *, token: bool) -> list[Planned]:
    """Return all that a server needs, whether or not it is there; paths are without the prefix."""
    return [
        *_account(choices, storages),
        *_files(choices, storages, prefix),
        *[PlannedToken(TOKEN)] * token,
        *_commands(choices),
    ]


def _account(choices: Choices, storages: Sequence[Path]) -> Iterator[Planned]:
    if not _is_user(choices.user):
        words = ("--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin")
        yield PlannedCommand(("useradd", *words, "--home-dir", choices.root, choices.user))
    for path in [Path(choices.root), *storages]:
        yield PlannedDirectory(path, choices.user)


def _is_user(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def _files(choices: Choices, storages: Sequence[Path], prefix: Path) -> Iterator[Planned]:
    if choices.public_url:
        where = f"{choices.public_url.rstrip('/')}/repos/-"
        text = f'[storage.fs.default]\npublic_url = "{where}"\n'
        yield PlannedFile(Path(choices.root, "debrepo.toml"), text, choices.user, once=True)
    yield PlannedFile(REMEMBERED, as_toml(choices))
    parts = {
        units.SERVICE: units.service_part(choices, storages),
        units.SOCKET: units.socket_part(choices),
    }
    for name, part in parts.items():
        if not any((prefix / place.relative_to("/") / name).exists() for place in units.PACKAGED):
            yield _stamped(units.OURS / name, units.unit(name))
        yield _stamped(_drop_in(name), part)
    if choices.proxy in proxies.PLACES:
        yield _stamped(proxies.PLACES[choices.proxy], proxies.part(choices))
    if choices.proxy == "caddy":
        yield PlannedFile(Path("/etc/caddy/Caddyfile"), "import debrepo.caddy\n", once=True)


def _stamped(path: Path, text: str) -> PlannedFile:
    return PlannedFile(path, own_files.stamped(text), stamped=True)


def _drop_in(name: str) -> Path:
    return units.OURS / f"{name}.d/debrepo-setup.conf"


def _commands(choices: Choices) -> Iterator[PlannedCommand]:
    service = (units.OURS / units.SERVICE, _drop_in(units.SERVICE))
    socket = (units.OURS / units.SOCKET, _drop_in(units.SOCKET))
    yield PlannedCommand(("systemctl", "daemon-reload"))
    # systemd refuses to listen elsewhere while the service holds the socket.
    yield PlannedCommand(("systemctl", "stop", units.SERVICE), socket)
    yield PlannedCommand(("systemctl", "restart", units.SOCKET), socket)
    yield PlannedCommand(("systemctl", "enable", "--now", units.SOCKET))
    yield PlannedCommand(("systemctl", "try-restart", units.SERVICE), service)
    if choices.proxy == "nginx":
        yield PlannedCommand(("nginx", "-t", "-q"))
    if choices.proxy in proxies.PLACES:
        yield PlannedCommand(("systemctl", "reload-or-restart", choices.proxy))


def check_proxy(choices: Choices) -> None:
    """Raise if the web server is not there, or could not start with its certificate."""
    if choices.proxy == "none":
        return
    if which(choices.proxy) is None:
        raise NotFound(
            f"there is no {choices.proxy} on this machine",
            hint=f'run "apt-get install {choices.proxy}"',
        )
    secure = choices.url.scheme == "https"
    for path in (choices.tls_certificate, choices.tls_key) if secure else ():
        if path and not Path(path).exists():
            raise NotFound(
                f"there is no {path}, without which {choices.proxy} does not start",
                hint=f'run "certbot certonly --nginx -d {choices.url.hostname}", or name others'
                " with --tls-certificate and --tls-key",
            )

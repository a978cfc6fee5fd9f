"""Choices: how a server is to be set up, remembered for the next time."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import SplitResult, urlsplit

from debrepo.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping

PROXIES = ("none", "nginx", "caddy")
#: Where the choices are kept, so that a later run needs to name only what changes.
REMEMBERED = Path("/etc/debrepo/setup.toml")

_USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
_PATH = re.compile(r"/[\w./@+~:-]*", re.ASCII)
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252})|\[[0-9A-Fa-f:]+\]")


class Choices(NamedTuple):
    """How a server is set up."""

    user: str = "debrepo"
    root: str = "/var/lib/debrepo"
    listen: str = "unix:/run/debrepo.sock"
    public_url: str = ""
    proxy: str = "none"
    tls_certificate: str = ""
    tls_key: str = ""
    command: str = ""  #: the program that the unit runs

    @property
    def url(self) -> SplitResult:
        """The public URL in its parts."""
        return urlsplit(self.public_url)

    @property
    def socket(self) -> str:
        """The path of the Unix socket that is listened on, or nothing."""
        return self.listen.removeprefix("unix:") if self.listen.startswith("unix:") else ""

    @property
    def address(self) -> tuple[str, str]:
        """The host and the port that are listened on where that is no socket of a path."""
        host, _, port = self.listen.rpartition(":")
        return host, port


def chosen(remembered: Path, given: Mapping[str, str | None], command: str) -> Choices:
    """Return what is given, else what is remembered, else the defaults; checked."""
    known = _read(remembered)
    known |= {name: text for name, text in given.items() if text is not None}
    known.setdefault("command", command)
    if known.get("proxy") == "nginx" and "tls_certificate" not in known:
        host = urlsplit(known.get("public_url", "")).hostname or ""
        place = f"/etc/letsencrypt/live/{host}"  # where certbot puts them
        known |= {"tls_certificate": f"{place}/fullchain.pem", "tls_key": f"{place}/privkey.pem"}
    return _checked(Choices(**known))


def as_toml(choices: Choices) -> str:
    """Return the choices as they are remembered; no value needs a quote in TOML."""
    return "".join(f'{name} = "{value}"\n' for name, value in choices._asdict().items())


def _read(path: Path) -> dict[str, str]:
    try:
        known = tomllib.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise InvalidInput(f"cannot read {path}: {error.strerror}") from None
    except ValueError as error:
        raise InvalidInput(f"cannot read {path}: {error}") from None
    odd = [name for name, value in known.items() if not isinstance(value, str)]
    odd += sorted(known.keys() - set(Choices._fields))
    if odd:
        raise InvalidInput(
            f"{path} has an odd {odd[0]}",
            hint=f"it can have texts for {', '.join(Choices._fields)}",
        )
    return known


def _checked(choices: Choices) -> Choices:
    if not _USER.fullmatch(choices.user):
        raise InvalidInput(f"not the name of a user: {choices.user[:80]!r}", hint="as in: debrepo")
    if choices.proxy not in PROXIES:
        raise InvalidInput(
            f"no proxy called {choices.proxy[:80]!r}", hint=f"there are: {', '.join(PROXIES)}"
        )
    _check_path("the root", choices.root)
    _check_path("the program", choices.command.partition(" ")[0])
    if not choices.command.isprintable() or any(mark in choices.command for mark in "\"\\%$'"):
        raise InvalidInput(f"not a command for a unit: {choices.command[:80]!r}")
    _check_listen(choices)
    _check_url(choices)
    for name in ("tls_certificate", "tls_key"):
        if path := getattr(choices, name):
            _check_path(f"--{name.replace('_', '-')}", path)
    if bool(choices.tls_certificate) != bool(choices.tls_key):
        raise InvalidInput(
            "a certificate needs its key", hint="give --tls-certificate and --tls-key"
        )
    return choices


def _check_path(what: str, text: str) -> None:
    if not _PATH.fullmatch(text) or ".." in text.split("/"):
        raise InvalidInput(
            f"{what} cannot be {text[:80]!r}",
            hint="give an absolute path of letters, digits and ./@+~:-_",
        )


def _check_listen(choices: Choices) -> None:
    if choices.socket:
        _check_path("the socket", choices.socket)
        return
    host, port = choices.address
    good = not host or _HOST.fullmatch(host)
    if not good or not port.isdecimal() or not 0 < int(port) < 65536:
        raise InvalidInput(
            f"cannot listen on {choices.listen[:80]!r}",
            hint="give HOST:PORT, :PORT or unix:PATH to --listen",
        )


def _check_url(choices: Choices) -> None:
    if not choices.public_url:
        if choices.proxy != "none":
            raise InvalidInput(
                f"{choices.proxy} has to know its own address",
                hint="give --public-url https://repo.example.org",
            )
        return
    try:
        url = choices.url
        host, _ = url.hostname or "", url.port
    except ValueError:
        url, host = urlsplit(""), ""
    plain = not (url.path.strip("/") or url.query or url.fragment or url.username)
    if url.scheme not in {"http", "https"} or not _HOST.fullmatch(host) or not plain:
        raise InvalidInput(
            f"not the URL of a server: {choices.public_url[:80]!r}",
            hint="give one without a path, as in https://repo.example.org",
        )

"""A connection to an SFTP server that is made again when it ends."""

from __future__ import annotations

import errno
import socket
import threading
import time
from typing import TYPE_CHECKING, NamedTuple, Self, TypeVar
from urllib.parse import unquote, urlsplit

import paramiko
from paramiko.ssh_exception import AuthenticationException, BadHostKeyException, SSHException

from debrepo.errors import InvalidInput, NotFound, RemoteError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

T = TypeVar("T")

_ATTEMPTS = 6
_FIRST_PAUSE = 0.3  # seconds; each later one doubles it


class SftpPlace(NamedTuple):
    """Where to publish, and how to get there."""

    host: str
    directory: str  #: absolute, without a slash at its end
    port: int = 22
    user: str | None = None
    key_file: str | None = None
    known_hosts: str | None = None
    timeout: float = 60

    @classmethod
    def parse(cls, url: str) -> Self:
        """Return the place that a URL names; raise `InvalidInput` if it is no such URL."""
        try:
            parts = urlsplit(url)
            port = parts.port or 22
        except ValueError:
            parts, port = urlsplit(""), 22
        if parts.scheme != "sftp" or not parts.hostname or not parts.path or parts.password:
            raise InvalidInput(
                f"not the URL of an SFTP directory: {url!r}",
                hint="it looks like: sftp://user@host/srv/www/debian",
            )
        user = unquote(parts.username) if parts.username else None
        return cls(parts.hostname, unquote(parts.path).rstrip("/"), port, user)

    def __str__(self) -> str:
        return f"sftp://{self.host}:{self.port}{self.directory}"


class Connection:
    """One connection for all threads of a process; it opens on first use."""

    def __init__(self, place: SftpPlace, pause: Callable[[float], None] = time.sleep) -> None:
        self.place = place
        self.pause = pause
        self._lock = threading.Lock()
        self._ssh: paramiko.SSHClient | None = None
        self._sftp: paramiko.SFTPClient | None = None

    def run(self, action: Callable[[paramiko.SFTPClient], T], path: str = "") -> T:
        """Return what ``action`` returns; do it again if the connection ends meanwhile.

        ``path`` is what errors are about. Raise `NotFound` where it is missing.
        """
        pause = _FIRST_PAUSE
        for attempt in range(_ATTEMPTS):
            if attempt:
                self.pause(pause)
                pause *= 2
            try:
                sftp = self._opened()
                try:
                    return action(sftp)
                except OSError as error:
                    if _is_answer(error, sftp):
                        raise self._refused(error, path) from None
                    raise
            except (OSError, EOFError, SSHException) as error:
                self.close()
                last = error
        said = str(last) or type(last).__name__
        raise RemoteError(f"{self.place}: failed {_ATTEMPTS} times: {said}")

    def close(self) -> None:
        """End the connection; the next call makes another one."""
        with self._lock:
            ssh, self._ssh, self._sftp = self._ssh, None, None
        if ssh is not None:
            ssh.close()

    def _opened(self) -> paramiko.SFTPClient:
        with self._lock:
            if self._sftp is None:
                self._ssh = self._connected()
                self._sftp = self._ssh.open_sftp()
                channel = self._sftp.get_channel()
                if channel is not None:
                    channel.settimeout(self.place.timeout)
            return self._sftp

    def _connected(self) -> paramiko.SSHClient:
        place = self.place
        ssh = paramiko.SSHClient()
        try:
            if place.known_hosts:
                ssh.load_host_keys(place.known_hosts)
            else:
                ssh.load_system_host_keys()
        except OSError as error:
            raise InvalidInput(f"cannot read {place.known_hosts}: {error.strerror}") from None
        ssh.set_missing_host_key_policy(_Unknown(place))
        try:
            ssh.connect(
                place.host,
                place.port,
                place.user,
                key_filename=place.key_file,
                allow_agent=not place.key_file,
                look_for_keys=not place.key_file,
                timeout=place.timeout,
                banner_timeout=place.timeout,
                auth_timeout=place.timeout,
            )
        except BadHostKeyException:
            ssh.close()
            raise InvalidInput(
                f"{place.host} has another key than the one that is known",
                hint="ask its administrator before you change known_hosts",
            ) from None
        except AuthenticationException as error:
            ssh.close()
            raise InvalidInput(
                f"{place} does not let us in: {error}", hint="set key_file"
            ) from None
        except FileNotFoundError:
            ssh.close()
            raise InvalidInput(f"there is no key in {place.key_file}") from None
        except BaseException:
            ssh.close()
            raise
        transport = ssh.get_transport()
        if transport is not None and isinstance(transport.sock, socket.socket):
            # Otherwise each small request waits until the one before is confirmed.
            transport.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return ssh

    def _refused(self, error: OSError, path: str) -> NotFound | InvalidInput | RemoteError:
        """Return our error for what the server has answered."""
        if error.errno == errno.ENOENT:
            return NotFound(f"no file {path} at {self.place}")
        if error.errno == errno.EACCES:
            return InvalidInput(
                f"{self.place} does not allow this for {path}", hint="give its user write access"
            )
        return RemoteError(f"{self.place} refuses {path}: {error}")


class _Unknown(paramiko.MissingHostKeyPolicy):
    def __init__(self, place: SftpPlace) -> None:
        self._place = place

    def missing_host_key(self, client: object, hostname: str, key: object) -> None:
        port = f"-p {self._place.port} " if self._place.port != 22 else ""
        raise InvalidInput(
            f"the host key of {hostname} is not known",
            hint=f'run "ssh-keyscan {port}{self._place.host}", and compare the key',
        )


def _is_answer(error: OSError, sftp: paramiko.SFTPClient) -> bool:
    """Whether the server has said so, rather than ended the connection."""
    channel = sftp.get_channel()
    alive = channel is not None and not channel.closed and channel.get_transport().is_active()
    return alive and not isinstance(error, TimeoutError | ConnectionError)


def is_there(sftp: paramiko.SFTPClient, path: str) -> bool:
    """Whether there is a file or a directory."""
    try:
        sftp.stat(path)
    except FileNotFoundError:
        return False
    return True


def opened_place(url: str, options: dict[str, object], root: Path) -> SftpPlace:
    """Return the place of a URL, with what the settings say beside it."""
    from pathlib import Path

    def file(name: str) -> str | None:
        text = str(options.get(name) or "")
        return str(root / Path(text).expanduser()) if text else None

    return SftpPlace.parse(url)._replace(
        key_file=file("key_file"),
        known_hosts=file("known_hosts"),
        timeout=float(str(options.get("timeout") or 60)),
    )

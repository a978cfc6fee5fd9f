"""A PostgreSQL server for tests: Debian's programs, with a data directory of its own."""

from __future__ import annotations

import ctypes
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: The role of debrepo, which owns its databases and is no superuser; a password with odd signs.
USER, PASSWORD = "debrepo", "a secret/with@odd:signs%"

_QUOTED = "a%20secret%2Fwith%40odd%3Asigns%25"
_SETTINGS = {
    "max_connections": "200",
    "shared_buffers": "32MB",
    "logging_collector": "off",
    "log_line_prefix": "%m [%p] %a ",
}
_MEMORY, _ROOM = Path("/dev/shm"), 1 << 30  # bytes


def programs() -> Path | None:
    """Return the directory of the newest PostgreSQL of this machine."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")]
    return max(found, key=lambda path: float(path.parent.name), default=None)


class Server:
    """A server, at a port of loopback and at a Unix socket in `directory`, that comes and goes."""

    def __init__(self, directory: Path, settings: Mapping[str, str]) -> None:
        found = programs()
        assert found, "PostgreSQL is not installed"
        self.programs = found
        self.directory = directory
        self.port = _free_port()
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def data(self) -> Path:
        return self.directory / "data"

    @property
    def log(self) -> str:
        """What the server wrote."""
        return (self.directory / "log").read_text()

    def url(
        self,
        database: str = "debrepo",
        *,
        user: str = USER,
        password: str = _QUOTED,
        host: str = "",
    ) -> str:
        """Return the URL of a database: by TCP, with the password, or by the socket without."""
        if host == "socket":
            return f"postgresql://{user}@:{self.port}/{database}?host={self.directory}"
        secret = f":{password}" if password else ""
        return f"postgresql://{user}{secret}@{host or '127.0.0.1'}:{self.port}/{database}"

    def create(self, database: str) -> str:
        """Make a database, and return its URL."""
        self.sql(f'CREATE DATABASE "{database}" OWNER {USER}', "postgres")
        return self.url(database)

    def sql(self, statements: str, database: str = "debrepo") -> str:
        """Run SQL as the superuser; return rows as lines, with fields between bars."""
        return self._run(
            "psql", "-XAtqw", "-v", "ON_ERROR_STOP=1", "-d",
            self.url(database, user="postgres", host="socket"), "-c", statements,
        )  # fmt: skip

    def start(self) -> None:
        """Start the server, and return once it answers."""
        given = [f"--{name}={value}" for name, value in self._settings.items()]
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    self.programs / "postgres", "-D", self.data, "-p", str(self.port),
                    "-h", "127.0.0.1", "-k", self.directory, *given,
                ],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", process_group=0,
                preexec_fn=_die_with_parent, **_as_user(),
            )  # fmt: skip
        self._until("ready")

    def stop(self, mode: str = "fast") -> None:
        """Stop the server as Debian does; ``immediate``: without a checkpoint; or ``smart``."""
        assert self._process
        signals = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}
        self._process.send_signal(signals[mode])
        self._process.wait(60)
        self._process = None

    def restart(self, mode: str = "fast") -> None:
        self.stop(mode)
        self.start()

    def kill(self) -> None:
        """Kill each process of the server with SIGKILL, as if the machine had gone."""
        assert self._process
        pid = self._process.pid
        self._process.send_signal(signal.SIGSTOP)  # or it starts others meanwhile
        children = _children(pid)
        for child in [pid, *children]:
            os.kill(child, signal.SIGKILL)
        self._process.wait(60)
        self._process = None
        deadline = monotonic() + 60
        while any(Path(f"/proc/{child}").exists() for child in children):
            assert monotonic() < deadline, "processes of the server do not end"
            sleep(0.01)

    def close(self) -> None:
        """Stop the server if it runs, and delete its data."""
        if self._process:
            self.stop("immediate")
        shutil.rmtree(self.directory)

    def disconnect(self, database: str = "debrepo") -> int:
        """End all connections to a database; return how many there were."""
        ended = self.sql(
            "SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity"
            f" WHERE datname = '{database}' AND pid <> pg_backend_pid()",
            "postgres",
        )
        return int(ended)

    @contextmanager
    def refusing(self, database: str = "debrepo") -> Iterator[None]:
        """End all connections to a database, and let nobody connect to it for a while."""
        allow = f'ALTER DATABASE "{database}" ALLOW_CONNECTIONS '
        self.sql(allow + "false", "postgres")
        try:
            self.disconnect(database)
            yield
        finally:
            self.sql(allow + "true", "postgres")

    def replica(self, settings: Mapping[str, str] | None = None) -> Server:
        """Start a streaming replica of this server; `promote` makes it a primary."""
        other = Server(_directory(), self._settings | (settings or {}))
        try:
            source = f"host={self.directory} port={self.port} user=postgres"
            self._run(
                "pg_basebackup", "-w", "--no-sync", "-c", "fast", "-X", "stream", "-R",
                "-d", source, "-D", str(other.data),
            )  # fmt: skip
            other.start()
        except BaseException:
            other.close()
            raise
        return other

    def promote(self) -> None:
        """Make a replica a primary; return once it takes writes."""
        self.sql("SELECT pg_promote(true, 60)", "postgres")
        assert self.sql("SELECT pg_is_in_recovery()", "postgres").strip() == "f"

    def _make(self) -> None:
        password = self.directory / "password"
        password.write_text("superuser")
        password.chmod(0o644)
        self._run(
            "initdb", "-D", str(self.data), "-U", "postgres", "--pwfile", str(password),
            "--no-sync", "--encoding=UTF8", "--locale=C",
            "--auth-local=trust", "--auth-host=scram-sha-256",
        )  # fmt: skip

    def _until(self, state: str) -> None:
        """Wait for what the server keeps up to date in the last line of this file."""
        assert self._process
        deadline = monotonic() + 60
        while not self._says(state):
            assert self._process.poll() is None, self.log
            assert monotonic() < deadline, self.log
            sleep(0.01)

    def _says(self, state: str) -> bool:
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        assert self._process
        mine = bool(lines) and lines[0] == str(self._process.pid)
        return mine and len(lines) >= 8 and lines[7].strip() == state

    def _run(self, program: str, *words: str) -> str:
        done = subprocess.run(
            [self.programs / program, *words],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd="/", timeout=120,
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"}, **_as_user(),
        )  # fmt: skip
        assert done.returncode == 0, f"{done.stdout}{done.stderr}"
        return done.stdout


@contextmanager
def server(*, fast: bool = True, settings: Mapping[str, str] | None = None) -> Iterator[Server]:
    """Run a server, with the role `USER` and an empty database ``debrepo``.

    With ``fast``, it is in memory if there is room. It ends with the process that started it,
    however that ends.
    """
    made = Server(_directory(fast=fast), _SETTINGS | (settings or {}))
    try:
        made._make()
        made.start()
        made.sql(f"CREATE ROLE {USER} LOGIN PASSWORD '{PASSWORD}'", "postgres")
        made.create("debrepo")
        yield made
    finally:
        made.close()


def _directory(*, fast: bool = False) -> Path:
    """Make a directory with a short name, as a socket in it has 107 bytes for its path."""
    in_memory = fast and _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _ROOM
    made = Path(tempfile.mkdtemp(prefix="pg-", dir=_MEMORY if in_memory else None))
    if os.geteuid() == 0:
        entry = pwd.getpwnam(_user())
        os.chown(made, entry.pw_uid, entry.pw_gid)
    return made


def _user() -> str:
    """Return the user for the server, which refuses to run as root."""
    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError:
        return "nobody"


def _as_user() -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    entry = pwd.getpwnam(_user())
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _free_port() -> int:
    """Return a port that nothing has, and below those which the kernel gives to connections."""
    for offset in range(10_000):
        port = 20_000 + (os.getpid() * 7 + offset) % 10_000
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("all ports are taken")


_prctl = partial(ctypes.CDLL(None).prctl, 1)  # PR_SET_PDEATHSIG


def _die_with_parent() -> None:
    _prctl(signal.SIGQUIT)


def _children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(word) for word in listed.split()]

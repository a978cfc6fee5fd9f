"""A PostgreSQL server of its own, from Debian's packages, which can be restarted and replaced."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from processes import Failed, descendants, free_port, started

if TYPE_CHECKING:
    from collections.abc import Iterable

ROLE = DATABASE = "debrepo"
#: What the server does at these signals: wait for no client, or end as in a crash.
STOP = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT}
_SETTINGS = {
    "unix_socket_directories": "''",
    "listen_addresses": "'127.0.0.1'",
    "max_connections": "200",
    "wal_level": "replica",
    "hot_standby": "on",
    "log_min_messages": "warning",
}
_LONGEST = 60.0  # seconds until a server answers


def programs() -> Path | None:
    """Return where the programs of the newest PostgreSQL on this machine are."""
    found = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    newest = max(found, key=lambda one: int(one.parent.parent.name), default=None)
    return newest.parent if newest else None


class PostgreSQL:
    """A server with its data in a directory; root runs it as the user postgres."""

    def __init__(self, place: Path, name: str = "postgresql") -> None:
        found = programs()
        if found is None:
            raise Failed('no PostgreSQL on this machine; run "apt-get install postgresql"')
        self.programs = found
        self.place = place / name
        self.data = self.place / "data"
        self.port = free_port()
        self.passwords = place / "pgpass"  #: for clients: PGPASSFILE
        self._owner = {"user": "postgres", "group": "postgres", "extra_groups": []}
        if os.geteuid() != 0:
            self._owner = {}
        self._process: subprocess.Popen[bytes] | None = None
        self.place.mkdir(parents=True)
        if self._owner:
            shutil.chown(self.place, "postgres", "postgres")

    @property
    def url(self) -> str:
        """The address for clients, without the password."""
        return url([self])

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def create(self) -> None:
        """Make the data directory, with a role, a database and a password."""
        password = secrets.token_urlsafe(18)
        # For the role's name at any server: a replica that takes over has the same.
        self.passwords.write_text(f"*:*:*:{ROLE}:{password}\n")
        self.passwords.chmod(0o600)
        given = self.place / "password"
        given.write_text(password)
        if self._owner:
            shutil.chown(given, "postgres", "postgres")
        self._run(
            "initdb", "-D", self.data, "-U", ROLE, "-A", "scram-sha-256", "--pwfile", given,
            "-E", "UTF8", "--locale", "C", "--no-sync",
        )  # fmt: skip
        given.unlink()
        self.set(_SETTINGS)

    def set(self, settings: dict[str, str]) -> None:
        """Add settings to the configuration; the next start or `reload` reads them."""
        with (self.data / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = {value}\n" for name, value in settings.items())

    def start(self) -> None:
        """Start the server, and return once it answers."""
        words = [self.programs / "postgres", "-D", self.data, "-p", str(self.port)]
        deadline = time.monotonic() + _LONGEST
        while not self._answers():
            # After a crash the memory of the last server may still be in use for a moment.
            if self._process is None or self._process.poll() is not None:
                self._process = started(words, self.place / "log", **self._owner)
            if time.monotonic() > deadline:
                raise Failed(f"PostgreSQL did not start: {self.log()}")
            time.sleep(0.05)

    def stop(self, how: str = "fast") -> None:
        """End the server: ``fast``, or ``immediate`` as in a crash."""
        if self._process is not None:
            self._process.send_signal(STOP[how])
            self._process.wait()
            self._process = None

    def kill(self) -> None:
        """Kill the server and its processes at once, as when a machine is lost."""
        assert self._process is not None
        children = descendants(self._process.pid)
        for pid in (self._process.pid, *children):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()
        self._process = None

    def restart(self, how: str) -> float:
        """Restart the server, and return for how many seconds it was away."""
        began = time.monotonic()
        self.stop(how)
        self.start()
        return time.monotonic() - began

    def create_database(self) -> None:
        """Make the database which the URL names."""
        self.sql(f"CREATE DATABASE {DATABASE}")

    def sql(self, statement: str, database: str = "postgres") -> str:
        """Run a statement, and return what it answers, without headings."""
        words = ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-U", ROLE]
        words += ["-p", str(self.port), "-d", database, "-c", statement]
        done = self._client(words)
        if done.returncode:
            raise Failed(f"psql: {done.stderr.strip()}")
        return done.stdout.strip()

    def replica(self, place: Path) -> PostgreSQL:
        """Return a started replica, which has what a commit has written before it is answered."""
        replica = PostgreSQL(place, "replica")
        words = ["pg_basebackup", "-D", str(replica.data), "-R", "-X", "stream", "-c", "fast"]
        words += ["-h", "127.0.0.1", "-p", str(self.port), "-U", ROLE]
        done = self._client(words)
        if done.returncode:
            raise Failed(f"pg_basebackup: {done.stderr.strip()}")
        # The server's user may not read the password file of the client.
        (replica.data / "pgpass").write_text(self.passwords.read_text())
        (replica.data / "pgpass").chmod(0o600)
        settings = replica.data / "postgresql.auto.conf"
        text = re.sub(r"passfile=(\S+)", f"passfile={replica.data}/pgpass", settings.read_text())
        settings.write_text(text)
        if self._owner:
            for path in (replica.data, *replica.data.rglob("*")):
                shutil.chown(path, "postgres", "postgres")
        replica.start()
        self.set({"synchronous_standby_names": "'*'"})
        self.sql("SELECT pg_reload_conf()")
        deadline = time.monotonic() + _LONGEST
        while self.sql("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'") != "1":
            if time.monotonic() > deadline:
                raise Failed(f"the replica does not follow: {replica.log()}")
            time.sleep(0.05)
        return replica

    def promote(self) -> None:
        """Make a replica the primary, and return once it takes writes."""
        self.sql("SELECT pg_promote()")

    def log(self) -> str:
        """Return the end of what the server has logged."""
        return (self.place / "log").read_text(errors="replace")[-2000:]

    def _answers(self) -> bool:
        return (
            self._process is not None
            and self._process.poll() is None
            and not (
                self._client(
                    ["pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]
                ).returncode
            )
        )

    def _client(self, words: list[str]) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {"PGPASSFILE": str(self.passwords), "LC_ALL": "C.UTF-8"}
        words = [str(self.programs / words[0]), *words[1:]]
        return subprocess.run(words, env=environment, capture_output=True, text=True, check=False)

    def _run(self, program: str, *words: object) -> None:
        done = subprocess.run(
            [str(self.programs / program), *map(str, words)],
            cwd=self.place,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            **self._owner,  # type: ignore[call-overload]  # what it takes as root
        )
        if done.returncode:
            raise Failed(f"{program}: {done.stdout.strip()}")


def url(servers: Iterable[PostgreSQL]) -> str:
    """Return the address of the one among some servers that takes writes."""
    several = list(servers)
    hosts = ",".join(f"127.0.0.1:{one.port}" for one in several)
    choice = "?target_session_attrs=read-write" if len(several) > 1 else ""
    return f"postgresql://{ROLE}@{hosts}/{DATABASE}{choice}"

"""A place for a root, commands that run in processes of their own, and their end."""

from __future__ import annotations

import importlib
import os
import pkgutil
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from contextlib import closing, suppress
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from plugins.publish.client import Client

from debrepo.cli import build_cli
from debrepo.plugins import load_plugins
from debrepo.session import Session
from debrepo_admin.checks import problems

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import click
    from pluggy import PluginManager


#: Directories of what another run calls otherwise, or makes when it likes.
_PASSING = frozenset({"db", "gnupg", "cache", "dists", "snapshots", "to"})


_DATED = re.compile(r"^(Date|Valid-Until): |\.diff/")


class Ended(NamedTuple):
    """How far commands have come."""

    done: int  #: how many have ended as they should
    killed: bool
    seconds: float
    said: str


class Place:
    """A directory with a root, and what else its commands need."""

    def __init__(self, path: Path, keys: Sequence[str], home: Path) -> None:
        self.base = path
        self.keys = keys
        self.home = home  # of the secret keys

    def path(self, name: str) -> Path:
        return self.base / name

    def directory(self, name: str) -> Path:
        """Return a directory, which is empty."""
        path = self.path(name)
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        return path

    def begin(self) -> None:
        """Make the root, with two secret keys of which the first signs."""
        subprocess.run(["cp", "-a", self.home, self.directory("root") / "gnupg"], check=True)
        self.configure()

    def configure(self, *lines: str) -> None:
        """Write the configuration; lines before the first table may say what signs."""
        keys = [] if lines and lines[0].startswith("signing") else [self.keys[0]]
        own = [f'signing.gpg.keys = ["{key}"]' for key in keys]
        self.path("root/debrepo.toml").write_text("\n".join([*own, *lines]) + "\n")

    def words(self, command: str) -> list[str]:
        old, new = self.keys
        words = shlex.split(command.format(place=self.base, old=old, new=new))
        return words if words[0] == "--root" else ["--root", str(self.path("root")), *words]

    def run(self, command: str, codes: Sequence[int] = (0,)) -> None:
        """Run a command to its end, which has to be one of these."""
        ended = run([self.words(command)], codes)
        assert ended.done == 1, f"{command}: {ended.said}"

    def call(self, operation: str, root: str = "root", **arguments: object) -> object:
        with closing(Session(self.path(root), plugins())) as session:
            return session.call(operation, **arguments)

    def facts(self, root: str = "root") -> dict[str, object]:
        """Return what somebody could miss, by what to call it."""
        if not (self.path(root) / "db").exists():
            return {}
        with closing(Session(self.path(root), plugins())) as session:
            return _facts(session)

    def faults(self, root: str = "root", *, verify: bool, served: bool = True) -> list[str]:
        """Return what is wrong with a root, and with what clients are served."""
        if not (self.path(root) / "db").exists():
            return []
        with closing(Session(self.path(root), plugins())) as session:
            found = list(problems(session, files=True))
            for one in session.call("publish.list") if served else ():
                if verify:
                    where = {"distribution": one.distribution, "place": one.place}
                    seen = session.call("publish.verify", **where, files=True)
                    found += [f"{one}: {problem}" for problem in seen.problems]
                for name in (one.distribution, *one.aliases):
                    found += self._broken(session, one.prefix, name)
            return found

    def files(self) -> set[str]:
        """Return the names of all files, but for what depends on the moment."""
        found = (path.relative_to(self.base) for path in self.base.rglob("*") if path.is_file())
        return {str(path) for path in found if _PASSING.isdisjoint(path.parts)}

    def _broken(self, session: Session, prefix: str, distribution: str) -> list[str]:
        """Return what a client of a distribution fails at."""
        client = Client(session.root / "public" / prefix, distribution, self._text)
        try:
            client.packages()
        except AssertionError as error:
            return [f"{prefix} {distribution}: {error!r}"]
        return []

    def _text(self, inrelease: bytes) -> bytes:
        """Return what a file says that one of the keys has signed."""
        keyring = str(self.home.parent / "both.gpg")
        done = subprocess.run(
            ["gpgv", "--keyring", keyring, "--output", "-"],
            input=inrelease,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


def _facts(session: Session) -> dict[str, object]:
    found: dict[str, object] = {}
    for kind in ("repo", "snapshot"):
        for one in session.call(f"{kind}.list"):
            name = getattr(one, kind).name
            shown = session.call(f"{kind}.show", name=name, with_packages=True)
            found[f"{kind} {name}"] = sorted(map(str, shown.packages))
    with session.db.read() as txn:
        for batch in session.hook.debrepo_served_lists(txn=txn):
            for one in batch:
                found[f"served {one.name} {one.component}"] = one.set_id.hex()
    for one in session.call("publish.list"):
        where = {"distribution": one.distribution, "place": one.place}
        shown = session.call("publish.show", **where, past=False, signers=True)
        signed = [each.fingerprint for each in shown.signers]
        for name in (one.distribution, *one.aliases):
            found[f"release {one.prefix} {name}"] = _release(session.root, one.prefix, name)
        found[f"publication {one}"] = (one._replace(live=0), sorted(signed))
    for one in session.call("db.trash"):
        found[f"trash {one.key}"] = True
    for one in session.call("retention.list"):
        found[f"policy {one.repo}"] = one
    for one in session.call("repo.list"):
        for each in session.call("repo.override.list", name=one.repo.name):
            found[f"override {one.repo.name} {each[:2]}"] = each
    for one in session.call("key.rotate.show"):
        found[f"rotation {one.old}"] = (one.new, one.stage)
    return found


def _release(root: Path, prefix: str, distribution: str) -> str:
    """Return what a Release file says, but for dates, and patches, which are named by them."""
    path = root / "public" / prefix / "dists" / distribution / "Release"
    lines = path.read_text().splitlines() if path.exists() else []
    return "\n".join(line for line in lines if not _DATED.search(line))


@cache
def plugins() -> PluginManager:
    """Return the plugins, which take longer to load than many a command."""
    return load_plugins()


@cache
def command_line() -> click.Command:
    """Return the command line of all plugins."""
    return build_cli(plugins())


@cache
def load_everything() -> None:
    """Import all modules, so that no process that is killed does."""
    for top in {name for name, *_ in ((m.name,) for m in pkgutil.iter_modules())}:
        if top == "debrepo" or top.startswith("debrepo_"):
            package = importlib.import_module(top)
            for found in pkgutil.walk_packages(getattr(package, "__path__", []), f"{top}."):
                if "testing" not in found.name and not found.name.endswith("__main__"):
                    with suppress(ImportError):
                        importlib.import_module(found.name)


def run(
    commands: Sequence[Sequence[str]], codes: Sequence[int] = (0,), *, after: float | None = None
) -> Ended:
    """Run commands in a process of their own, and kill that so many seconds after its start."""
    load_everything()
    command_line()
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    with tempfile.TemporaryFile() as log:
        start = time.monotonic()
        child = _forked(commands, codes, writer, log.fileno())
        os.close(writer)
        if after is not None:
            time.sleep(after)
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        seconds = time.monotonic() - start
        done = 0
        with suppress(BlockingIOError):  # a helper may still hold the other end
            done = len(os.read(reader, len(commands)))
        os.close(reader)
        log.seek(0)
        said = log.read().decode(errors="replace")
    return Ended(done, os.WIFSIGNALED(status), seconds, said)


def _forked(commands: Sequence[Sequence[str]], codes: Sequence[int], writer: int, log: int) -> int:
    """Start a process that runs commands, and writes a byte for each that ends as it should."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads: the child uses none
        child = os.fork()
    if child:
        return child
    try:
        os.dup2(log, 1)
        os.dup2(log, 2)
        sys.stdout, sys.stderr = open(1, "w"), open(2, "w")  # noqa: SIM115  # not pytest's
        for words in commands:
            code = _code(words)
            if code not in codes:
                os.write(2, b"exit code %d\n" % code)
                break
            os.write(writer, b".")
    except BaseException:
        os.write(2, traceback.format_exc().encode())
    finally:
        os._exit(0)  # nothing of pytest runs twice


def _code(words: Sequence[str]) -> int:
    try:
        command_line().main(list(words), prog_name="debrepo")
    except SystemExit as ended:
        sys.stdout.flush()
        sys.stderr.flush()
        return int(ended.code or 0)
    return 0

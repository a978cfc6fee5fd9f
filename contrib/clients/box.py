"""A box: a chroot under an overlay, in which one client runs for a limited time."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path

SECONDS = 90  # that a command may take
_COMPLAINT = re.compile(r"^(E:|.*\b(error|fail|fatal|mismatch|unable|cannot|can't|no such))", re.I)
#: A warning about what the client was not asked to do is none about the archive.
_WARNING = re.compile(r"^(W: |warning: (?!--rsync-extra))", re.IGNORECASE)
_PLACES = re.compile(r"(https?://)?(127\.0\.0\.\d|localhost)([:_]\d+)?")


class Failed(Exception):
    """A client did not do what it was asked for; the text says why."""


class NotMeant(Exception):
    """The client has nothing to do with what is published."""


class Box:
    """A system whose changes are thrown away in the end."""

    def __init__(self, chroot: Path, scratch: Path) -> None:
        self.root = scratch / "root"
        self.log = scratch / "log"
        self.warnings: list[str] = []
        self._scratch = scratch
        self._chroot = chroot
        self._started: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        for name in ("root", "layers/upper", "layers/work"):
            (self._scratch / name).mkdir(parents=True)
        layers = self._scratch / "layers"
        options = f"lowerdir={self._chroot},upperdir={layers}/upper,workdir={layers}/work"
        _mount("-t", "overlay", "overlay", "-o", options, self.root)
        _mount("-t", "proc", "proc", self.root / "proc")
        _mount("--rbind", "/dev", self.root / "dev")
        for path in (self.root / "etc/apt/sources.list", *self._sources()):
            path.unlink(missing_ok=True)
        self.write("/etc/hosts", "127.0.0.1 localhost\n")
        return self

    def _sources(self) -> list[Path]:
        return list((self.root / "etc/apt/sources.list.d").glob("*"))

    def __exit__(self, *_: object) -> None:
        for process in self._started:
            _end(process)
        subprocess.run(["umount", "--recursive", "--lazy", self.root], check=True)
        shutil.rmtree(self._scratch / "layers")

    def version(self, package: str) -> str:
        """Return the version of an installed package, without epoch, or nothing."""
        command = ["dpkg-query", f"--admindir={self._chroot}/var/lib/dpkg", "-Wf", "${Version}"]
        done = subprocess.run([*command, package], capture_output=True, text=True, check=False)
        return done.stdout.partition(":")[2] or done.stdout

    def write(self, path: str, text: str | bytes) -> None:
        """Write a file of the system."""
        target = self.root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text.encode() if isinstance(text, str) else text)

    def run(self, *words: str, can_fail: bool = False, **environment: str) -> str:
        """Run a command to its end, and return all that it said."""
        process = self._popen(words, environment, subprocess.PIPE)
        try:
            said = process.communicate(timeout=SECONDS)[0].decode(errors="replace")
        except subprocess.TimeoutExpired:
            _end(process)
            raise Failed(f"{words[0]} did not end within {SECONDS} seconds") from None
        finally:
            _end(process)
        with self.log.open("a") as log:
            log.write(f"$ {' '.join(words)}\n{said}\n-> {process.returncode}\n")
        self.warnings += [_plain(line) for line in said.splitlines() if _WARNING.match(line)]
        if process.returncode and not can_fail:
            raise Failed(_why(said) or f"{words[0]} ended with {process.returncode}")
        return said

    def start(self, *words: str, port: int) -> None:
        """Start a server, and wait until it listens."""
        with self.log.open("ab") as log:
            log.write(f"$ {' '.join(words)} &\n".encode())
            log.flush()
            process = self._popen(words, {}, log.fileno())
        self._started.append(process)
        until = time.monotonic() + 20
        while not _listens(port):
            if process.poll() is not None or time.monotonic() > until:
                raise Failed(f"{words[0]} does not listen")
            time.sleep(0.1)

    def _popen(
        self, words: tuple[str, ...], environment: dict[str, str], output: int
    ) -> subprocess.Popen[bytes]:
        given = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C.UTF-8",
            "DEBIAN_FRONTEND": "noninteractive", "USER": "root",
        } | environment  # fmt: skip
        return subprocess.Popen(
            ["chroot", self.root, "env", "--chdir=/tmp", *words],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=given,
            start_new_session=True,
        )


def _mount(*words: object) -> None:
    subprocess.run(["mount", *map(str, words)], check=True)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill what a command has started, too."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _why(said: str) -> str:
    """Return the first complaint of a client, else its last line."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    found = next((line for line in lines if _COMPLAINT.match(line)), lines[-1] if lines else "")
    return _plain(found)


def _plain(line: str) -> str:
    return " ".join(_PLACES.sub("SERVER", line).replace("|", "/").split())[:200]

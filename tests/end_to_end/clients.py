"""Real clients, each in a directory of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self

#: The system whose programs are run; `contrib/test --apt` makes one that is not this machine's.
SYSTEM = Path(os.environ.get("DEBREPO_TEST_CHROOT") or "/")
ENVIRONMENT = {
    name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")
} | {"LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}


def run(*words: object, cwd: Path | None = None, exit_code: int = 0, **environment: str) -> str:
    """Run a program of the `SYSTEM`; return all that it said."""
    if str(SYSTEM) != "/":
        words = ("chroot", SYSTEM, "env", f"--chdir={cwd or '/'}", *words)
    done = subprocess.run(
        [str(word) for word in words],
        cwd=cwd,
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=ENVIRONMENT | environment,
    )
    assert done.returncode == exit_code, done.stdout
    return done.stdout


def which(program: str) -> str | None:
    """Return where a program of the `SYSTEM` is, or ``None``."""
    if str(SYSTEM) == "/":
        return shutil.which(program)
    return shutil.which(program, path=f"{SYSTEM}/usr/bin:{SYSTEM}/usr/sbin")


class Apt:
    """apt on a system that lives in a directory: its own lists, cache and dpkg database."""

    def __init__(self, home: Path, source: str, architecture: str = "amd64") -> None:
        self.home = home
        for name in (
            "etc/apt/apt.conf.d", "etc/apt/preferences.d", "etc/apt/sources.list.d",
            "var/lib/apt/lists/partial", "var/cache/apt/archives/partial", "var/lib/dpkg",
            "var/log/apt", "downloads",
        ):  # fmt: skip
            (home / name).mkdir(parents=True)
        (home / "var/lib/dpkg/status").touch()
        (home / "apt.conf").write_text(
            f'Dir "{home}";\n'
            f'Dir::State::status "{home}/var/lib/dpkg/status";\n'
            f'DPkg::Options {{ "--root={home}"; "--log={home}/var/log/dpkg.log"; }};\n'
            f'APT::Architecture "{architecture}";\nAPT::Architectures {{ "{architecture}"; }};\n'
            'APT::Sandbox::User "root";\nAcquire::Languages "none";\nAPT::Get::Assume-Yes "true";\n'
        )
        self.trust(source)

    def trust(self, source: str) -> None:
        """Use this source, and no other."""
        (self.home / "etc/apt/sources.list.d/test.sources").write_text(source)

    def __call__(self, program: str, *words: str, exit_code: int = 0) -> str:
        return run(
            program,
            *words,
            cwd=self.home / "downloads",
            exit_code=exit_code,
            APT_CONFIG=str(self.home / "apt.conf"),
        )

    def update(self) -> str:
        """Run ``apt-get update``; a warning is a failure too."""
        said = self("apt-get", "-o", "APT::Update::Error-Mode=any", "update")
        assert "W: " not in said, said
        return said

    def candidate(self, package: str) -> str:
        """Return the version that apt would install."""
        lines = self("apt-cache", "policy", package).splitlines()
        found = [line.split()[-1] for line in lines if line.strip().startswith("Candidate:")]
        return found[0] if found else ""


class WebServer:
    """A plain web server on a directory, that remembers what it was asked for."""

    def __init__(self, directory: Path) -> None:
        self.asked: list[str] = []
        asked = self.asked

        class Handler(SimpleHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                asked.append(self.path)

        self._server = ThreadingHTTPServer(
            ("127.0.0.1", 0), partial(Handler, directory=str(directory))
        )
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

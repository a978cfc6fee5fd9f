"""Pytest fixtures for routes: ``pytest_plugins = ["debrepo_server.testing"]``."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from starlette.testclient import TestClient

from debrepo_server.access import Access
from debrepo_server.app import build

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from debrepo.session import Session


@pytest.fixture
def api(session: Session) -> Iterator[TestClient]:
    """Return a client, with all permissions, of a server in this process."""
    app = build(session, Access(session, trusting=True))
    with TestClient(app, base_url="http://127.0.0.1:8080") as client:
        yield client


class RunningServer(NamedTuple):
    """A server in a process of its own."""

    url: str
    process: subprocess.Popen[str]

    def stop(self) -> int:
        """Stop it, and return its exit code."""
        self.process.terminate()
        return self.process.wait(60)


@pytest.fixture
def serving(
    debrepo_root: Path, debrepo_disabled: list[str]
) -> Iterator[Callable[..., RunningServer]]:
    """Start servers: ``serving("--require-token").url``; with ``root=`` on another root."""
    started: list[subprocess.Popen[str]] = []

    def start(*options: str, **more: Any) -> RunningServer:
        listen = () if "--listen" in options or "pass_fds" in more else ("--listen", "127.0.0.1:0")
        words = ["--root", str(more.pop("root", debrepo_root)), "serve", *listen, *options]
        command = more.pop("command", [sys.executable, "-m", "debrepo"])
        if debrepo_disabled:
            more["env"] = {
                **more.get("env", os.environ),
                "DEBREPO_DISABLE": ",".join(debrepo_disabled),
            }
        process = subprocess.Popen(
            [*command, *words], stderr=subprocess.PIPE, text=True, bufsize=1, **more
        )
        started.append(process)
        assert process.stderr is not None
        said = ""
        for line in process.stderr:
            said += line
            if line.startswith("Listening on "):
                threading.Thread(target=process.stderr.read, daemon=True).start()
                return RunningServer(line.removeprefix("Listening on ").rstrip(".\n"), process)
        raise AssertionError(f"the server ended with {process.wait()}: {said}")

    yield start
    for process in started:
        process.kill()
        process.wait()
        if process.stderr:
            process.stderr.close()

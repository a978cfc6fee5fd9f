"""The S3 server of every run, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SERVE = """
import logging, sys
from werkzeug.serving import make_server
from moto.server import DomainDispatcherApplication, create_backend_app
logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = make_server(
    "127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=True
)
print(server.server_port, flush=True)
server.serve_forever()
"""


@contextmanager
def moto(log: Path) -> Iterator[int]:
    """Run the server; yield its port."""
    with log.open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", _SERVE], stdout=subprocess.PIPE, stderr=errors
        )
        try:
            assert process.stdout
            line = process.stdout.readline()
            assert line, log.read_text()
            yield int(line)
        finally:
            process.kill()
            process.communicate()


def request(port: int, method: str, target: str, body: bytes = b"") -> None:
    """Ask the server itself, past the proxy, without a signature."""
    for attempt in range(5):
        connection = HTTPConnection("127.0.0.1", port)
        try:
            connection.request(method, target, body)
            answer = connection.getresponse()
            said = answer.read()
        except OSError:
            time.sleep(0.1 * attempt)
            continue
        finally:
            connection.close()
        assert answer.status < 300, f"{method} {target}: {said!r}"
        return
    raise AssertionError(f"no answer to {method} {target}")

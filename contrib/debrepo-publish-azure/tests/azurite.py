"""Azurite, the emulator of Azure's storage, from npm."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

#: Where ``npm install azurite`` was run, if the program is not on the path.
VARIABLE = "DEBREPO_TEST_AZURITE"
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


def program() -> str | None:
    """Return the emulator, if it is there."""
    beside = Path(os.environ.get(VARIABLE, ".")) / "node_modules/.bin/azurite-blob"
    return str(beside) if beside.exists() else shutil.which("azurite-blob")


@contextmanager
def azurite(log: Path):
    """Run the emulator; yield its port."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [
        program(), "--silent", "--inMemoryPersistence", "--skipApiVersionCheck",
        "--disableTelemetry", "--blobPort", str(port),
    ]  # fmt: skip
    with log.open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, cwd=log.parent)
    try:
        for _ in range(600):
            assert process.poll() is None, log.read_text()
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except ConnectionRefusedError:
                time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait()

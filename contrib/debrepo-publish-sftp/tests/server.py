"""OpenSSH's server, with its SFTP server, for the user who runs the tests."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

SSHD = "/usr/sbin/sshd"

#: The SFTP server inside sshd is started by no shell, which would read the files of its user first.
CONFIGURATION = """
ListenAddress 127.0.0.1
Port {port}
HostKey {place}/host_key
AuthorizedKeysFile {place}/key.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
MaxStartups 1000
MaxSessions 1000
Subsystem sftp internal-sftp
"""


def hurry(seconds):
    time.sleep(seconds / 20)


def missing() -> str:
    """Return why there can be no server, or nothing."""
    if not Path(SSHD).exists():
        return "needs sshd (Debian: openssh-server)"
    return "" if shutil.which("ssh-keygen") else "needs ssh-keygen (Debian: openssh-client)"


class RunningSshd(NamedTuple):
    """A server, what lets clients in, and a directory to publish to."""

    port: int
    user: str
    key: Path
    place: Path

    def known_hosts(self, port: int) -> Path:
        """Return a file that says that this server is the one on a port."""
        kind, key, *_ = (self.key.parent / "host_key.pub").read_text().split()
        path = self.key.parent / f"known_hosts.{port}"
        if not path.exists():
            path.write_text(f"[127.0.0.1]:{port} {kind} {key}\n")
        return path


@contextmanager
def sshd(place: Path):
    """Run sshd on a free port."""
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # where it separates privileges
    for name in ("host_key", "key"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(place / name)]
        subprocess.run(command, check=True)
    (place / "www").mkdir()
    for _ in range(5):  # somebody else may be as fast in taking the port
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        text = CONFIGURATION.format(place=place, port=port)
        (place / "sshd_config").write_text(text)
        command = [SSHD, "-D", "-f", str(place / "sshd_config"), "-E", str(place / "log")]
        process = subprocess.Popen(command)
        try:
            if _answers(process, port):
                yield RunningSshd(port, getpass.getuser(), place / "key", place / "www")
                return
        finally:
            process.terminate()
            process.wait()
    raise AssertionError((place / "log").read_text())


def _answers(process, port) -> bool:
    for _ in range(500):
        if process.poll() is not None:
            return False
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.02)
        else:
            return True
    return False

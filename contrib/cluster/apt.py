"""apt with a system of its own in a directory: the configuration of this machine stays."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from processes import Failed

if TYPE_CHECKING:
    from pathlib import Path


class Apt:
    """apt that knows one source."""

    def __init__(self, home: Path, source: str) -> None:
        self.home = home
        for name in (
            "etc/apt/apt.conf.d", "etc/apt/preferences.d", "etc/apt/sources.list.d",
            "var/lib/apt/lists/partial", "var/cache/apt/archives/partial", "var/lib/dpkg",
            "var/log/apt", "downloads",
        ):  # fmt: skip
            (home / name).mkdir(parents=True)
        (home / "var/lib/dpkg/status").touch()
        (home / "etc/apt/sources.list.d/cluster.sources").write_text(source)
        (home / "apt.conf").write_text(
            f'Dir "{home}";\nDir::State::status "{home}/var/lib/dpkg/status";\n'
            f'DPkg::Options {{ "--root={home}"; "--log={home}/var/log/dpkg.log"; }};\n'
            'APT::Architecture "amd64";\nAPT::Architectures { "amd64"; };\n'
            'APT::Sandbox::User "root";\nAcquire::Languages "none";\nAcquire::Retries "0";\n'
            'APT::Get::Assume-Yes "true";\nAPT::Update::Error-Mode "any";\n'
        )

    def __call__(self, program: str, *words: str) -> str:
        """Run one of apt's programs; what it warns of is a failure."""
        environment = {
            name: text for name, text in os.environ.items() if not name.lower().endswith("_proxy")
        } | {"APT_CONFIG": str(self.home / "apt.conf"), "LC_ALL": "C.UTF-8"}
        done = subprocess.run(
            [program, *words],
            cwd=self.home / "downloads",
            env=environment | {"DEBIAN_FRONTEND": "noninteractive"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode or "\nW: " in f"\n{done.stdout}":
            raise Failed(f"{program} {' '.join(words)}: {done.stdout.strip()}")
        return done.stdout

    def install(self, *names: str) -> str:
        """Install packages below the directory; without root's rights, unpack them there."""
        if os.geteuid() == 0:
            return self("apt-get", "install", *names)
        said = self("apt-get", "download", *names)
        for path in (self.home / "downloads").glob("*.deb"):
            subprocess.run(["dpkg-deb", "--extract", str(path), str(self.home)], check=True)
        return said

"""Chroots: a Debian release with the clients that it has, made once."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

CACHE = Path(os.environ.get("DEBREPO_TEST_CLIENTS") or "/var/tmp/debrepo-clients")
SUITES = ("bookworm", "trixie", "sid")

#: Where pip puts apt-mirror of PyPI, which is another program than that of Debian.
PYPI = Path("opt/pypi")

PACKAGES = (
    "apt-cacher-ng", "apt-file", "apt-mirror", "approx", "aptitude", "aptly", "bzip2",
    "ca-certificates", "cdebootstrap", "command-not-found", "curl", "dctrl-tools", "debmirror",
    "debootstrap", "devscripts", "dose-distcheck", "dpkg-dev", "gpg", "gpgv", "libsolv-perl",
    "mmdebstrap", "mount", "nala", "python3-apt", "python3-debian", "reprepro", "sqv",
    "xz-utils", "zstd",
)  # fmt: skip


def make(suite: str) -> None:
    """Make the chroot of a release, unless it is there."""
    target = CACHE / suite
    if target.exists():
        return
    partial = CACHE / f"{suite}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.parent.mkdir(parents=True, exist_ok=True)
    print(f"making a chroot of {suite} in {target}", file=sys.stderr)
    no_service = r'printf "#!/bin/sh\nexit 101\n" >"$1/usr/sbin/policy-rc.d"'
    command = ["mmdebstrap", "--mode=root", "--variant=apt", "--quiet", "--skip=check/empty"]
    command += [
        f"--aptopt={option}" for option in ('APT::Install-Recommends "false"', "Acquire::Retries 3")
    ]
    command += ["--dpkgopt=path-exclude=/usr/share/man/*"]
    command += [f"--customize-hook={no_service}; chmod +x $1/usr/sbin/policy-rc.d"]
    for package in PACKAGES:  # one by one: a release need not have them all
        install = f'chroot "$1" apt-get -qq install {package} </dev/null >/dev/null'
        command += [f"--customize-hook={install} || echo {suite} has no {package}"]
    _run([*command, suite, str(partial), _mirror()], DEBIAN_FRONTEND="noninteractive")
    _from_pypi(partial)
    partial.rename(target)


def _mirror() -> str:
    """Return the mirror of Debian that apt uses on this machine."""
    wanted = ("Created-By: Packages", "Origin: Debian", "Label: Debian")
    said = _run(["apt-get", "indextargets", "--format", "$(REPO_URI)", *wanted])
    found = sorted(set(said.split()))
    if not found:
        sys.exit("apt on this machine has no mirror of Debian")
    return found[0]


def _from_pypi(chroot: Path) -> None:
    """Install apt-mirror of PyPI, for the Python of the chroot, with the pip of this machine."""
    (python,) = {path.name for path in (chroot / "usr/lib").glob("python3.*")}
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(chroot / PYPI)]
    command += ["--python-version", python.removeprefix("python"), "--only-binary", ":all:"]
    try:
        _run([*command, "apt-mirror"])
    except subprocess.CalledProcessError as error:
        print(f"no apt-mirror of PyPI in {chroot}: {error}", file=sys.stderr)


def _run(command: list[str], **environment: str) -> str:
    done = subprocess.run(
        command, check=True, text=True, stdout=subprocess.PIPE, env=os.environ | environment
    )
    return done.stdout

"""Programs that judge a package: two releases of dpkg, apt, aptly and reprepro."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from end_to_end.clients import ENVIRONMENT

#: What a chroot needs to install a package with dpkg.
_UNSTABLE = ("dpkg", "tar", "coreutils", "dash", "diffutils", "libc-bin")
_ARCHITECTURES = "amd64\ni386\nnoarch\nAmd64\nmusl-linux-amd64\n"
_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


class Dpkg:
    """dpkg, of the running system or of one that lies in a directory."""

    def __init__(self, system: Path = Path("/")) -> None:
        self.system = system
        self._chroot = [] if str(system) == "/" else ["chroot", str(system)]

    @property
    def version(self) -> str:
        """The first two numbers of its version."""
        said = self._run("dpkg-query", "--version")[1]
        return ".".join(said.split("version ")[1].split(".")[:2])

    def installs(self, deb: bytes) -> bool:
        """Tell whether it installs a package on an empty system that has all dependencies."""
        return self.install(deb)[0]

    def install(self, deb: bytes) -> tuple[bool, str]:
        """Install a package on an empty system; return whether it did, and what it said."""
        (self.system / "tmp").mkdir(exist_ok=True)
        directory = Path(tempfile.mkdtemp(dir=self.system / "tmp"))
        try:
            (directory / "pkg.deb").write_bytes(deb)
            admin = directory / "root/var/lib/dpkg"
            for name in ("info", "updates"):
                (admin / name).mkdir(parents=True)
            (admin / "status").touch()
            (admin / "arch").write_text(_ARCHITECTURES)
            inside = Path("/") / directory.relative_to(self.system)
            return self._run(
                "dpkg", f"--root={inside}/root", "--force-depends", "--force-not-root",
                "--force-script-chrootless", "--log=/dev/null", "-i", f"{inside}/pkg.deb",
            )  # fmt: skip
        finally:
            shutil.rmtree(directory, ignore_errors=True)

    def _run(self, *words: str) -> tuple[bool, str]:
        process = subprocess.Popen(
            [*self._chroot, *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={"PATH": _PATH, "LC_ALL": "C.UTF-8"},
            start_new_session=True,
        )
        try:
            said = process.communicate(timeout=30)[0]
        except subprocess.TimeoutExpired:  # dpkg 1.21 waits forever for an empty stream of zstd
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            return False, "it does not end"
        return process.returncode == 0, said.decode(errors="replace")


def todays_dpkg(cache: Path) -> Dpkg | None:
    """Return dpkg as it is in Debian unstable, fetched with apt once; ``None`` if it cannot be."""
    if os.getuid() or not shutil.which("apt-get"):
        return None
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        system = cache / "system"
        if not (system / "complete").exists() and not _fetch(cache, system):
            return None
    return Dpkg(system)


def _fetch(cache: Path, system: Path) -> bool:
    shutil.rmtree(system, ignore_errors=True)
    for name in ("lists/partial", "archives/partial", "system/var/lib/dpkg"):
        (cache / name).mkdir(parents=True, exist_ok=True)
    mirror = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Origin: Debian", "Label: Debian"],
        check=False,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    if not mirror:
        return False
    (cache / "sources.list").write_text(f"deb [trusted=yes] {mirror[0]} sid main\n")
    (cache / "apt.conf").write_text(
        f'Dir::Etc::sourcelist "{cache}/sources.list";\nDir::Etc::sourceparts "-";\n'
        f'Dir::State::lists "{cache}/lists";\nDir::State::status "/dev/null";\n'
        f'Dir::Cache "{cache}";\nAPT::Sandbox::User "root";\nAcquire::Languages "none";\n'
    )
    environment = os.environ | {"APT_CONFIG": str(cache / "apt.conf")}
    install = ("install", "--download-only", "--no-install-recommends", "--yes", *_UNSTABLE)
    for words in (("update",), install):
        try:
            subprocess.run(
                ["apt-get", "-qq", *words],
                check=True,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=120,
            )
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
            return False
    for name in ("bin", "sbin", "lib", "lib64"):
        (system / "usr" / name).mkdir(parents=True, exist_ok=True)
        (system / name).symlink_to(f"usr/{name}")
    for deb in (cache / "archives").glob("*.deb"):
        subprocess.run(["dpkg-deb", "-x", deb, system], check=True)
    (system / "dev").mkdir(exist_ok=True)
    (system / "dev/null").touch()
    (system / "complete").touch()
    return True


def _stanza(name: str) -> bytes:
    return (
        f"Package: {name}\nVersion: 1.0\nArchitecture: all\nMaintainer: A <a@example.org>\n"
        f"Filename: pool/{name}.deb\nSize: 100\nSHA256: {'0' * 64}\nDescription: x\n\n"
    ).encode()


def apt_reads(stanzas: list[bytes], home: Path) -> bool:
    """Tell whether apt reads an index with these stanzas in it, without a warning."""
    index = home / "archive/dists/x/main/binary-amd64/Packages"
    for directory in (
        index.parent, home / "etc/apt/apt.conf.d", home / "etc/apt/preferences.d",
        home / "var/lib/apt/lists/partial", home / "var/cache/apt/archives/partial",
        home / "var/lib/dpkg",
    ):  # fmt: skip
        directory.mkdir(parents=True)
    (home / "var/lib/dpkg/status").touch()
    tail = f"\nFilename: pool/pkg.deb\nSize: 10\nSHA256: {'1' * 64}\n\n".encode()
    content = b"".join([_stanza("first"), *(stanza + tail for stanza in stanzas), _stanza("last")])
    index.write_bytes(content)
    (index.parents[2] / "Release").write_text(
        "Suite: x\nCodename: x\nArchitectures: amd64\nComponents: main\n"
        "Date: Sat, 28 Nov 2026 00:00:00 UTC\nSHA256:\n"
        f" {hashlib.sha256(content).hexdigest()} {len(content)} main/binary-amd64/Packages\n"
    )
    (home / "sources.list").write_text(f"deb [trusted=yes] file:{home}/archive x main\n")
    (home / "apt.conf").write_text(
        f'Dir "{home}";\nDir::State::status "{home}/var/lib/dpkg/status";\n'
        f'Dir::Etc::sourcelist "{home}/sources.list";\nDir::Etc::sourceparts "-";\n'
        'Dir::Bin::Methods "/usr/lib/apt/methods";\nAPT::Architecture "amd64";\n'
        'APT::Architectures { "amd64"; };\nAPT::Sandbox::User "root";\nAcquire::Languages "none";\n'
    )
    environment = ENVIRONMENT | {"APT_CONFIG": str(home / "apt.conf")}
    for words in (("apt-get", "update"), ("apt-cache", "policy", "first", "last")):
        done = subprocess.run(
            words, check=False, capture_output=True, text=True, env=environment, timeout=60
        )
        said = done.stdout + done.stderr
        if done.returncode or "\nW: " in f"\n{said}" or "\nE: " in f"\n{said}":
            return False
    return said.count("Candidate: 1.0") == 2


def aptly_adds(debs: list[bytes], home: Path) -> list[bool]:
    """Tell of each package whether aptly adds it to a repository."""
    home.mkdir()
    (home / "aptly.conf").write_text(f'{{"rootDir": "{home}/root"}}')
    aptly = ("aptly", f"-config={home}/aptly.conf", "repo")
    subprocess.run([*aptly, "create", "r"], check=True, capture_output=True)
    paths = [home / f"{number}.deb" for number in range(len(debs))]
    for path, deb in zip(paths, debs, strict=True):
        path.write_bytes(deb)
    done = subprocess.run(
        [*aptly, "add", "-force-replace", "r", *paths], check=False, capture_output=True, text=True
    )
    failed = done.stdout.partition("Some files were skipped")[2] + done.stderr
    return [f"/{path.name}" not in failed for path in paths]


def reprepro_adds(debs: list[bytes], home: Path) -> list[bool]:
    """Tell of each package whether reprepro adds it to a distribution of its own."""
    found = []
    for number, deb in enumerate(debs):
        base = home / str(number)
        (base / "conf").mkdir(parents=True)
        (base / "conf/distributions").write_text(
            "Codename: x\nArchitectures: amd64 i386 noarch Amd64 musl-linux-amd64\n"
            "Components: main\n"
        )
        (base / "pkg.deb").write_bytes(deb)
        command = ["reprepro", "-b", base, "-S", "misc", "-P", "optional", "includedeb", "x"]
        done = subprocess.run(
            [*command, base / "pkg.deb"], check=False, capture_output=True, timeout=60
        )
        found.append(done.returncode == 0)
    return found

"""Set R: real packages, a seeded sample of those that apt can download, and a large one."""

from __future__ import annotations

import hashlib
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

SEED = 7  # the same names for as long as the archive is the same
LARGEST = 30_000_000  # bytes; what is larger says more about one package than about most
_AT_ONCE = 50  # names for one apt-get
_MEGABYTE = 1_000_000


class Skipped(Exception):
    """The set cannot be had here; the message is the word that says why."""


class Real(NamedTuple):
    """Where the set is."""

    all: Path
    large: Path


def make(corpus: Path, count: int, large: int) -> Real:
    """Return the set below ``corpus``, made first where it is not there yet."""
    real = Real(corpus / f"R-{count}", corpus / f"large-{large}.deb")
    corpus.mkdir(parents=True, exist_ok=True)
    if not real.all.exists():
        partial = real.all.with_suffix(".partial")
        partial.mkdir(exist_ok=True)
        _download(partial, count)
        partial.rename(real.all)
    if not real.large.exists():
        _build(real.large, large)
    return real


def describe(real: Real) -> str:
    """Return what somebody needs in order to tell whether two sets are the same."""
    files = sorted(real.all.iterdir())
    digest, total = hashlib.sha256(), 0
    for file in files:
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
        total += file.stat().st_size
    return (
        f"{len(files)} packages, {total / 1e6:.0f} MB, SHA256 {digest.hexdigest()[:16]}; "
        f"the large one has {real.large.stat().st_size / 1e6:.0f} MB"
    )


def _download(target: Path, count: int) -> None:
    """Let apt download ``count`` packages; go on with what an earlier call has left."""
    names = _names()
    chosen = sorted(random.Random(SEED).sample(names, min(count, len(names))))
    for start in range(0, len(chosen), _AT_ONCE):
        options = ["-qq", "-o", "APT::Sandbox::User=root", "-o", "Acquire::Retries=2"]
        command = ["apt-get", *options, "download", *chosen[start : start + _AT_ONCE]]
        done = subprocess.run(command, cwd=target, capture_output=True, text=True, check=False)
        if done.returncode:
            print(done.stderr, file=sys.stderr)
            raise Skipped("offline")


def _names() -> list[str]:
    """Return the names that apt knows, without those of very large packages."""
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise Skipped("apt-less")
    done = subprocess.run(["apt-cache", "dumpavail"], capture_output=True, text=True, check=True)
    known: dict[str, int] = {}
    for stanza in done.stdout.split("\n\n"):
        name = re.search(r"^Package: (\S+)$", stanza, re.MULTILINE)
        size = re.search(r"^Size: (\d+)$", stanza, re.MULTILINE)
        if name and size:
            known[name[1]] = int(size[1])
    names = sorted(name for name, size in known.items() if size <= LARGEST)
    if not names:
        raise Skipped("listless")  # "apt-get update" has not been run
    return names


def _build(target: Path, megabytes: int) -> None:
    """Build a package of so many megabytes that no compression makes smaller."""
    tree = target.with_suffix(".tree")
    shutil.rmtree(tree, ignore_errors=True)
    (tree / "DEBIAN").mkdir(parents=True)
    fields = {
        "Package": "large",
        "Version": "1.0",
        "Architecture": "amd64",
        "Section": "misc",
        "Priority": "optional",  # reprepro wants both
        "Maintainer": "Somebody <somebody@example.org>",
        "Description": "noise",
    }
    text = "".join(f"{name}: {value}\n" for name, value in fields.items())
    (tree / "DEBIAN" / "control").write_text(text)
    noise = tree / "usr" / "share" / "large"
    noise.mkdir(parents=True)
    source = random.Random(SEED)
    for number in range(megabytes):
        (noise / str(number)).write_bytes(source.randbytes(_MEGABYTE))
    partial = target.with_suffix(".partial")
    command = ["dpkg-deb", "--root-owner-group", "-Zxz", "-z1", "--build", str(tree), str(partial)]
    subprocess.run(command, check=True, capture_output=True)
    shutil.rmtree(tree)
    partial.rename(target)


if __name__ == "__main__":
    try:
        make(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
    except Skipped as reason:
        print(reason)
        sys.exit(3)

"""Between the first name and the last nothing happens but renames."""

import re
import shutil
import subprocess
import sys

import pytest

from debrepo.testing.packages import build_deb
from debrepo_gpg.signer import GpgSigner

_RENAME = re.compile(r'rename(?:at2?)?\(.*"([^"]+)"(?:, \w+)?\) += 0$')


@pytest.fixture
def run(tmp_path):
    """Run a command of its own: ``run("repo", "list", under=("strace",))``."""
    home = tmp_path / "gnupg"
    GpgSigner(home).create(
        [
            *("Key-Type: EDDSA", "Key-Curve: ed25519", "Key-Usage: sign"),
            *("Name-Real: Archive", "Expire-Date: 0", "%no-protection", "%commit"),
        ]
    )
    root = tmp_path / "root"
    root.mkdir()
    (root / "debrepo.toml").write_text(f'signing.gpg.home = "{home}"\n')

    def run_command(*words, under=()):
        command = [*under, sys.executable, "-m", "debrepo", "--root", root, *words]
        subprocess.run(command, check=True, capture_output=True)

    return run_command


@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
@pytest.mark.skipif(not shutil.which("gpg"), reason="needs gpg")
def test_nothing_is_opened_written_or_waited_for_between_the_first_name_and_inrelease(
    run, tmp_path
):
    incoming = tmp_path / "incoming"
    incoming.mkdir()
    run("repo", "create", "tools", "--distribution", "stable")
    for name, architecture in (("hello", "amd64"), ("other", "arm64")):
        run("repo", "add", "tools", build_deb(incoming, name, "1.0", architecture))
    run("publish", "repo", "tools")
    run("repo", "add", "tools", build_deb(incoming, "hello", "2.0", "amd64"))
    run("repo", "add", "tools", build_deb(incoming, "other", "2.0", "arm64"))
    log = tmp_path / "log"
    trace = ("strace", "-f", "-qq", "-s", "300", "-e", "trace=file,desc", "-o", log)
    run("publish", "update", "stable", under=trace)
    calls = [line.split(None, 1)[1] for line in log.read_text().splitlines()]
    calls = [call for call in calls if not call.startswith(("mmap(", "munmap(", "---", "+++"))]
    names = [(at, found[1]) for at, call in enumerate(calls) if (found := _RENAME.match(call))]
    names = [(at, path) for at, path in names if "/dists/" in path and "/by-hash/" not in path]
    assert [path.rpartition("/")[2] for _, path in names][-3:] == [
        "Release",
        "Release.gpg",
        "InRelease",
    ]
    assert len(names) > 6
    between = calls[names[0][0] : names[-1][0] + 1]
    assert [call for call in between if not _RENAME.match(call)] == []

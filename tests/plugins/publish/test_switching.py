"""Between the first name and the last nothing happens but renames, and a kill there is survived."""

import re
import shutil
import subprocess
import sys

import pytest

from debrepo.testing.packages import build_deb
from debrepo_gpg.signer import GpgSigner

_RENAME = re.compile(r'rename(?:at2?)?\(.*"([^"]+)"(?:, \w+)?\) += 0$')


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run a command of its own: ``run("repo", "list", under=("strace",))``."""
    monkeypatch.delenv("SOURCE_DATE_EPOCH")  # commands of their own go by the real clock
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

    def run_command(*words, under=(), exit_code=0):
        command = [*under, sys.executable, "-m", "debrepo", "--root", root, *words]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        assert result.returncode == exit_code, result.stderr
        return result.stdout

    return run_command


@pytest.fixture
def publish(run, tmp_path):
    """Add two packages of a version, and publish: ``publish("2.0", under=("strace",))``."""
    incoming = tmp_path / "incoming"
    incoming.mkdir()
    run("repo", "create", "tools", "--distribution", "stable")

    def publish_version(version, *words, **how):
        for name, architecture in (("hello", "amd64"), ("other", "arm64")):
            run("repo", "add", "tools", build_deb(incoming, name, version, architecture))
        run("publish", *(words or ("update", "stable")), **how)

    publish_version("1.0", "repo", "tools")
    return publish_version


def renames(log):
    """Return the paths in a log of strace that something was renamed to."""
    found = map(_RENAME.search, log.read_text().splitlines())
    return [match[1] for match in found if match]


@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
@pytest.mark.skipif(not shutil.which("gpg"), reason="needs gpg")
def test_nothing_is_opened_written_or_waited_for_between_the_first_name_and_inrelease(
    publish, tmp_path
):
    log = tmp_path / "log"
    trace = (
        "strace",
        "-f",
        "--seccomp-bpf",
        "-qq",
        "-s",
        "300",
        "-e",
        "trace=file,desc",
        "-o",
        log,
    )
    publish("2.0", under=trace)
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


@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
@pytest.mark.skipif(not shutil.which("gpgv"), reason="needs gpg and gpgv")
@pytest.mark.parametrize("left", [1, 2, 4])
def test_kill_between_the_first_name_and_inrelease_is_finished(run, publish, tmp_path, left):
    log = tmp_path / "log"
    # Without -f: strace would wait for the agent of gpg, which outlives the kill for a while.
    trace = ("strace", "-qq", "-s", "300", "-e", "trace=rename", "-o", log)
    publish("2.0", under=trace)
    assert renames(log)[-1].endswith("/InRelease")
    kill = f"inject=rename:signal=KILL:when={len(renames(log)) - left}"
    publish("3.0", under=(*trace, "-e", kill), exit_code=-9)
    assert not renames(log)[-1].endswith("/InRelease")
    said = run("publish", "verify", "stable", exit_code=6)
    assert "generation 3 was left half done, while names were being replaced" in said
    run("publish", "repair", "stable")
    assert "There are no problems" in run("publish", "verify", "stable")
    assert run("publish", "show", "stable").count("(live)") == 1

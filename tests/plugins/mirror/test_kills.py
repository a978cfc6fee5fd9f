"""Updates that are killed: the next one finishes, and little is fetched twice."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest

#: How often an update is killed: 200 shows more than a suite has time for.
ROUNDS = int(os.environ.get("DEBREPO_TEST_KILLS", "20"))
_CONNECTIONS = 8
_PARTS = 4


def started(root):
    heed = ["env", "--default-signal=INT"]  # which a shell turns off in the background
    command = [*heed, sys.executable, "-m", "debrepo", "--root", root, "mirror", "update", "debian"]
    quiet = subprocess.DEVNULL
    return subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet)


def killed(process, server, chance, requests):
    """Kill an update when a request has begun, or a little later."""
    try:
        if chance.random() < 0.7:
            server.wait_for(chance.randrange(1, requests))
        time.sleep(chance.uniform(0, 0.3) if chance.random() < 0.5 else 0)
    finally:
        process.kill()
        process.wait()


@pytest.mark.timeout(120 + 6 * ROUNDS)
@pytest.mark.parametrize("part", range(_PARTS))
def test_update_that_is_killed_is_finished_by_the_next(
    mirror, names, server, archive, debrepo, debrepo_root, part
):
    chance = random.Random(part)
    mirror("update", "debian")
    for turn in range(ROUNDS // _PARTS):
        for number in range(6):
            content = chance.randbytes(chance.choice([10, 600_000]))
            archive.deb(f"new{turn}-{number}", content=content)
        if turn % 2:
            archive.stanzas["main/binary-amd64/Packages"].pop(0)
        before = set(names())
        archive.write()
        server.clear()
        server._started.clear()
        process = started(debrepo_root)
        killed(process, server, chance, 8)
        assert set(names()) in (before, _listed(archive))
        debrepo("db", "check")
        mirror("update", "debian")
        assert set(names()) == _listed(archive)
        debrepo("db", "check")
        _check_fetched(server, archive)
        debrepo("db", "cleanup", "--no-trash")


def _listed(archive):
    text = archive.index("main/binary-amd64/Packages").decode()
    pairs = zip(
        (line[9:] for line in text.splitlines() if line.startswith("Package: ")),
        (line[9:] for line in text.splitlines() if line.startswith("Version: ")),
        strict=True,
    )
    return {f"{name}_{version}" for name, version in pairs}


def _check_fetched(server, archive):
    """At most one file of each connection has been fetched twice."""
    twice = 0
    for path in {seen.path for seen in server.asked("pool/*")}:
        size = (archive.root / path).stat().st_size
        twice += max(0, sum(server.received(path)) - size) > 0
    assert twice <= _CONNECTIONS


def test_update_that_is_interrupted_keeps_what_has_come(
    mirror, names, server, archive, debrepo, debrepo_root
):
    server.fault("pool/*/gamma*", "hold", keep=10)
    process = started(debrepo_root)
    server.wait_for(1, "pool/*/gamma*")
    server.wait_for(1, "pool/*/alpha*")
    server.wait_for(1, "pool/*/beta*")
    process.send_signal(signal.SIGINT)
    assert process.wait() == 130  # as of each command that is interrupted
    mirror("search", "debian", exit_code=3)
    debrepo("db", "check")
    server.clear()
    mirror("update", "debian")
    assert len(names()) == 3
    assert {seen.path.rpartition("/")[2] for seen in server.asked("pool/*")} >= {
        "gamma_1.0_amd64.deb"
    }

"""Publish again and again to a disk with ever less space left, and look at what clients get.

Run this in a mount namespace of its own: ``unshare -rm python full_disk.py ROOT blocks``.
"""

import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

from plugins.publish.client import Client
from plugins.publish.conftest import Paper

from debrepo.errors import DebrepoError
from debrepo.plugins import load_plugins
from debrepo.session import Session
from debrepo.testing.packages import build_deb

PAGE = 4096
ROUNDS = 60


def ready(root):
    """Return a session with two snapshots, of which the first is published on a small disk."""
    (root / "debrepo.toml").write_text('signing.signer = "paper"\n')
    plugins = load_plugins()
    plugins.register(Paper(), "paper")
    session = Session(root, plugins)
    for name in ("a", "b"):
        session.call("repo.create", name=name)
        incoming = root / "incoming" / name
        incoming.mkdir(parents=True)
        for number, architecture in enumerate(("amd64", "arm64", "all")):
            fields = {"Description": text(name, number)}
            path = build_deb(incoming, f"{name}{number}", "1.0", architecture, fields=fields)
            assert [o.status for o in session.call("repo.add", name=name, paths=[path])] == [
                "added"
            ]
    return session


def text(name, number):
    """Return what takes several blocks, however it is compressed, in the indexes of ``b`` alone."""
    return random.Random(number).randbytes(3 * PAGE).hex() if name == "b" else "small"


def publish(session, name):
    options = {"keep_generations": 0, "grace": 0}
    return session.call(
        "publish.switch",
        distribution="stable",
        kind="repo",
        names=[name],
        components=["main"],
        options=options,
    )


def leave_blocks(public, number):
    """Fill the disk but for so many blocks."""
    ballast = public / "ballast/file"
    with ballast.open("wb") as file:
        while (free := os.statvfs(public).f_bfree - number) > 0:
            file.write(bytes(PAGE * free))
            file.flush()


def leave_inodes(public, number):
    """Make files until there can be only so many more."""
    for name in range(max(os.statvfs(public).f_ffree - number, 0)):
        (public / "ballast" / str(name)).touch()


LEAVE = {"blocks": leave_blocks, "inodes": leave_inodes, "root": leave_blocks}


def check_names(public, *live):
    """Return which of two sets of packages all names lead to; fail if they do not agree."""
    client = Client(public)
    client.check_names()
    (found,) = {name[0] for name, _, _ in client.packages()}
    assert found in live
    return found


def check_refusal(error):
    assert error.exit_code == 8, repr(error)
    paths = [word for word in str(error).replace(":", " ").split() if "/" in word]
    assert len(paths) <= 1, repr(error)


def main(root, what):
    public = root / "public"
    small, options = (root, "size=16M") if what == "root" else (public, "size=4M,nr_inodes=400")
    public.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", small], check=True)
    public.mkdir(exist_ok=True)
    session = ready(root)
    session.call("publish.create", kind="repo", names=["a"], distribution="stable")
    publish(session, "b")
    live, refused = "b", 0
    for left in range(ROUNDS):
        other = {"a": "b", "b": "a"}[live]
        (public / "ballast").mkdir()
        LEAVE[what](public, left)
        try:
            publish(session, other)
            live = other
        except DebrepoError as error:
            refused += 1
            check_refusal(error)
            if what == "root":  # there was space to publish it, and none to record that
                live = check_names(public, "a", "b")
            check_names(public, live)
        finally:
            shutil.rmtree(public / "ballast")
        check_names(public, live)
    publish(session, "a")
    publish(session, "b")
    check_names(public, "b")
    assert not [path for path in public.rglob(".debrepo-partial-*") if path.stat().st_size]
    sys.stdout.write(f"{refused} of {ROUNDS} refused\n")


if __name__ == "__main__":
    os.environ["SOURCE_DATE_EPOCH"] = "1800000000"
    try:
        main(Path(sys.argv[1]), sys.argv[2])
    finally:
        shutil.rmtree(Path(sys.argv[1]) / "db", ignore_errors=True)

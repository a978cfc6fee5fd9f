"""Cleanups beside adds: neither fails because of the other, and what was added stays."""

import itertools
import subprocess
import sys
from contextlib import ExitStack, suppress

import pytest

from debrepo.catalog import CONDEMNED
from debrepo.errors import NotFound
from debrepo.ingest import ingest
from debrepo.testing.packages import build_deb
from debrepo_admin import garbage as admin_garbage
from debrepo_admin.checks import problems
from debrepo_local.adding import commit

STEPS = ["found", "chunks", "packages", "condemned", "read again"]


def collect(session, *, trash_can=False, **given):
    return admin_garbage.collect(session, dry_run=False, trash_can=trash_can, **given)


@pytest.fixture
def hello(tmp_path):
    return build_deb(tmp_path)


@pytest.fixture
def other(session):
    """Return somebody else's session; one process opens the database once."""
    return session.acting(actor="other")


@pytest.fixture
def garbage(session, hello):
    """Make a repository whose only package was taken out again, and lies there as garbage."""
    session.call("repo.create", name="r")
    add(session, hello)
    session.call("repo.remove", name="r", queries=["hello"])


def add(session, *paths, name="r"):
    outcomes = list(session.call("repo.add", name=name, paths=paths))
    assert [one.status for one in outcomes] == ["added"] * len(paths), outcomes


def members(session, name="r"):
    shown = session.call("repo.show", name=name, with_packages=True)
    return [key.display for key in shown.packages]


def in_order(session):
    return not list(problems(session, files=True))


def at(wanted, action):
    """Return what does ``action`` once a cleanup has reached a step."""
    return lambda step: action() if step == wanted else None


@pytest.mark.parametrize("step", STEPS)
def test_garbage_that_is_added_again_during_a_cleanup_stays(session, other, garbage, hello, step):
    collect(session, reached=at(step, lambda: add(other, hello)))
    assert members(session) == ["hello_1.0_amd64"]
    assert in_order(session)


@pytest.mark.parametrize("step", STEPS[:3])
def test_garbage_that_is_added_again_on_its_way_to_the_trash_stays(
    session, other, garbage, hello, step
):
    collect(session, trash_can=True, reached=at(step, lambda: add(other, hello)))
    assert members(session) == ["hello_1.0_amd64"]
    assert in_order(session)
    assert session.call("db.trash") == []


@pytest.mark.parametrize("step", STEPS)
def test_what_is_restored_while_the_trash_is_emptied_is_whole_or_gone(
    session, other, garbage, hello, step
):
    collect(session, trash_can=True)
    done = []

    def bring_back():
        with suppress(NotFound):
            done.extend(other.call("db.restore", everything=True, repo="r").packages)

    collect(session, reached=at(step, bring_back))
    assert len(members(session)) == len(done)
    assert bool(done) == (step in STEPS[:3])
    assert in_order(session)


@pytest.mark.parametrize("step", STEPS)
def test_package_that_comes_and_goes_during_a_cleanup_is_no_half_package(
    session, other, garbage, hello, step
):
    def come_and_go():
        add(other, hello)
        other.call("repo.remove", name="r", queries=["hello"])

    collect(session, reached=at(step, come_and_go))
    assert in_order(session)
    collect(session)
    assert list(session.pool) == []


MOMENTS = ["before", *STEPS, "after"]


@pytest.mark.parametrize(("read", "committed"), [*itertools.combinations(MOMENTS, 2)])
@pytest.mark.parametrize("known", [True, False], ids=["garbage", "new"])
def test_file_that_was_read_at_one_moment_is_there_at_the_next(
    session, other, garbage, hello, tmp_path, known, read, committed
):
    wanted = hello if known else build_deb(tmp_path, "new")
    held = ExitStack()
    batch = []

    def act(moment):
        if moment == read:
            pool = held.enter_context(other.pool.reserving())
            batch.extend(ingest(pool, [wanted]))
            pool.sync()
        if moment == committed:
            commit(other, "r", batch, force_replace=False)
            held.close()

    act("before")
    collect(session, reached=act)
    act("after")
    assert len(members(session)) == 1
    assert in_order(session)


def test_part_of_a_source_that_only_the_pool_has_stays_while_it_is_added(session, other):
    digest = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"
    other.pool.put(digest, b"hello\n")
    with other.pool.reserving() as pool:
        assert pool.reserve(digest)
        collect(session)
        assert digest in session.pool
    assert collect(session).files == 1


def test_files_that_are_reserved_ahead_stay_from_when_they_are_put_here(session, other):
    digest = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"
    with other.pool.reserving() as pool:
        pool.reserve_ahead({digest, "0" * 64})
        for _ in range(2):
            pool.put(digest, b"hello\n")
            collect(session)
            assert list(session.pool) == [digest]
    assert collect(session).files == 1


def test_one_cleanup_works_at_a_time(session, garbage):
    seen = []
    collect(session, reached=lambda _: seen.extend(session.leases.held()))
    assert {lease.what for lease in seen} == {"db:cleanup"}
    assert not session.leases.held()


def test_what_a_killed_process_reserved_goes_and_its_claim_with_it(session, debrepo_root, hello):
    program = (
        "import os, sys; from pathlib import Path; from debrepo.pool import Pool\n"
        "from debrepo.ingest import ingest\n"
        "with Pool(Path(sys.argv[1])).reserving() as pool:\n"
        "    list(ingest(pool, [Path(sys.argv[2])])); os._exit(1)\n"
    )
    subprocess.run([sys.executable, "-c", program, debrepo_root / "pool", hello], check=False)
    assert len(list((debrepo_root / "pool" / "claims").iterdir())) == 1
    assert collect(session).files == 1
    assert not list((debrepo_root / "pool" / "claims").iterdir())


def test_what_a_killed_cleanup_condemned_is_judged_anew(session, garbage, hello):
    def condemned():
        with session.db.read() as txn:
            return len(txn[CONDEMNED])

    with session.db.write() as txn:
        txn[CONDEMNED].put_many((bytes.fromhex(digest), b"") for digest in session.pool)
    assert condemned() == 1
    add(session, hello)
    assert condemned() == 0
    with session.db.write() as txn:
        txn[CONDEMNED].put_many((bytes.fromhex(digest), b"") for digest in session.pool)
    assert collect(session).files == 0
    assert in_order(session)


class Distracted:
    """A signer without keys, that has something else to do first."""

    def __init__(self, action):
        self.action = action

    def resolve(self, keys):
        action, self.action = self.action, lambda: None
        action()
        return []


def test_publish_whose_packages_went_meanwhile_publishes_what_is_there_now(
    session, other, hello, tmp_path, monkeypatch
):
    session.call("repo.create", name="r", distribution="stable")
    add(session, hello, build_deb(tmp_path, "gone"))

    def lose_a_package():
        other.call("repo.remove", name="r", queries=["gone"])
        assert collect(other).files == 1

    monkeypatch.setitem(session.__dict__, "signer", Distracted(lose_a_package))
    published = session.call("publish.create", kind="repo", names=["r"])
    assert published.packages == 1
    assert in_order(session)


ADDER = """
import sys
from pathlib import Path
from debrepo.plugins import load_plugins
from debrepo.session import Session
root, name, rounds, *paths = sys.argv[1:]
session = Session(Path(root), load_plugins())
paths = list(map(Path, paths))
for number in range(int(rounds)):
    for path in paths:
        for outcome in session.call("repo.add", name=name, paths=[path]):
            assert outcome.status == "added", outcome
    if number < int(rounds) - 1:
        session.call("repo.remove", name=name, queries=["Name (% *)"])
"""

CLEANER = """
import sys
from pathlib import Path
from debrepo.plugins import load_plugins
from debrepo.session import Session
session = Session(Path(sys.argv[1]), load_plugins())
while not Path(sys.argv[2]).exists():
    session.call("db.cleanup", trash=False)
"""


def start(program, *words):
    command = [sys.executable, "-c", program, *map(str, words)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def test_three_cleanups_and_five_adders_in_loops_do_one_another_no_harm(session, tmp_path):
    shared = [build_deb(tmp_path, f"shared{number}") for number in range(2)]
    names = [f"r{number}" for number in range(5)]
    for name in names:
        session.call("repo.create", name=name)
    enough = tmp_path / "enough"
    cleaners = [start(CLEANER, session.root, enough) for _ in range(3)]
    adders = [
        start(ADDER, session.root, name, 12, build_deb(tmp_path, name), *shared) for name in names
    ]
    failures = [process.communicate()[1] for process in adders]
    enough.touch()
    failures += [process.communicate()[1] for process in cleaners]
    assert "".join(failures) == ""
    for name in names:
        assert len(members(session, name)) == 3
    assert in_order(session)

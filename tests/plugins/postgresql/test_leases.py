"""Leases as rows: nodes wait for one another, and notice when they were too late."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from uuid import uuid4

import pytest

from debrepo.errors import DatabaseBusy, InvalidInput, LeaseLost
from debrepo_postgresql.store import PostgresqlStore

OPTIONS = {
    "password_file": "",
    "reconnect": 30,
    "transaction_timeout": 60,
    "connections": 8,
    "lease_seconds": 30,
}
HOLD = f"""
import pathlib, sys
from debrepo.errors import LeaseLost
from debrepo_postgresql.store import PostgresqlStore
url, schema, root = sys.argv[1:]
options = {OPTIONS} | {{"schema": schema, "lease_seconds": 1}}
store = PostgresqlStore.open(url, options, pathlib.Path(root), read_only=False)
keeper = store.lease_keeper()
with keeper.hold("publish ."):
    print("held", flush=True)
    sys.stdin.readline()
    try:
        with store.transaction(write=True) as txn:
            txn.put(b"x", (txn.get(b"x") or b"") + b"late")
    except LeaseLost as error:
        print("write:", error, flush=True)
    try:
        keeper.check()
    except LeaseLost as error:
        print("check:", error, flush=True)
"""


@pytest.fixture
def schema(postgresql):
    name = f"s{uuid4().hex}"
    yield name
    postgresql.sql(f"DROP SCHEMA IF EXISTS {name} CASCADE")


@pytest.fixture
def node(postgresql, schema, tmp_path):
    """Open the database for a node, whose root has a name."""
    with ExitStack() as stack:

        def open_(name, **options):
            given = OPTIONS | {"schema": schema} | options
            root = tmp_path / name
            root.mkdir(exist_ok=True)
            store = PostgresqlStore.open(postgresql.url(), given, root, read_only=False)
            stack.callback(store.close)
            read(store)
            return store

        yield open_


@pytest.fixture
def holder(node, postgresql, schema, tmp_path):
    """Another process, on another node, that holds the lease on ``publish .``."""
    node("other")  # which makes the tables
    command = [sys.executable, "-c", HOLD, postgresql.url(), schema, tmp_path / "other"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def read(store):
    with store.transaction(write=False) as txn:
        return txn.get(b"x")


def write(store, value):
    with store.transaction(write=True) as txn:
        txn.get(b"x")
        txn.put(b"x", value)


def taken_over(one, other, name="publish ."):
    """Let a node hang that holds a lease, and another one take it over; return that lease."""
    one.lease_keeper().close()  # it renews nothing from now on
    return other.lease_keeper().hold(name, wait=60)


def test_lease_says_who_holds_it_on_which_node(node, tmp_path):
    one, other = node("one"), node("other")
    with one.lease_keeper().hold("publish .") as lease:
        assert other.lease_keeper().held() == [lease]
        assert (lease.what, lease.pid) == ("publish .", os.getpid())
        assert lease.node == str(tmp_path / "one")
        assert lease.host == os.uname().nodename
        said = rf"^publish \. is in use by .+ on .+ \(process {os.getpid()}\) since 2"
        with pytest.raises(DatabaseBusy, match=said):
            other.lease_keeper().hold("publish .", wait=0).__enter__()
        with other.lease_keeper().hold("publish x", wait=0):
            assert [one.what for one in other.lease_keeper().held()] == ["publish .", "publish x"]
    assert other.lease_keeper().held() == []


def test_who_waits_is_told_once_and_gets_it_when_it_is_released(node):
    one, other, told = node("one"), node("other"), []
    lease = one.lease_keeper().hold("publish .")
    first = lease.__enter__()

    def note(holder):
        told.append(holder)
        lease.__exit__(None, None, None)

    with other.lease_keeper().hold("publish .", note=note) as second:
        assert other.lease_keeper().held() == [second]
    assert told == [first]


def test_waiting_has_an_end(node):
    one, other = node("one"), node("other")
    with one.lease_keeper().hold("publish ."), pytest.raises(DatabaseBusy, match="in use by"):
        other.lease_keeper().hold("publish .", wait=0.05).__enter__()


def test_second_hold_in_one_thread_is_an_error_not_a_deadlock(node):
    keeper = node("one").lease_keeper()
    with keeper.hold("a"), pytest.raises(RuntimeError, match="holds the lease on a already"):
        keeper.hold("a").__enter__()


@pytest.mark.parametrize("name", ["", "a/b", "Größe", "%", "x" * 900, "a\0b", "a\udcffb"])
def test_any_name_can_be_leased(node, name):
    keeper = node("one").lease_keeper()
    with keeper.hold(name) as lease:
        assert lease.what == name
        assert len(keeper.held()) == 1


def test_threads_of_nodes_wait_for_one_another(node):
    nodes = [node("one"), node("other")]
    inside, most = [], []

    def work(number):
        with nodes[number % 2].lease_keeper().hold("counter"):
            inside.append(number)
            most.append(len(inside))
            inside.remove(number)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(20)))
    assert most == [1] * 20


def test_lease_costs_one_question_to_take_and_one_to_release(node):
    one = node("one")
    write(one, b"0")
    before = one.round_trips
    write(one, b"1")
    cost, before = one.round_trips - before, one.round_trips
    with one.lease_keeper().hold("publish ."):
        write(one, b"2")
        one.lease_keeper().check()
    assert one.round_trips - before <= cost + 2


def test_fence_grows_from_holder_to_holder(node, postgresql, schema):
    one, fences = node("one"), []
    for _ in range(3):
        with one.lease_keeper().hold("publish ."):
            fences.append(int(postgresql.sql(f"SELECT fence FROM {schema}.leases")))
    assert fences == sorted(set(fences))


def test_lease_of_a_node_that_lives_is_renewed(node, postgresql, schema):
    expires = f"SELECT expires FROM {schema}.leases"
    with node("one", lease_seconds=3).lease_keeper().hold("publish ."):
        before = postgresql.sql(expires)
        for _ in range(2):
            while (now := postgresql.sql(expires)) == before:
                pass
            assert now > before
            before = now


def test_lease_outlives_a_restart_of_the_server(node, postgresql):
    one = node("one", lease_seconds=30)
    with one.lease_keeper().hold("publish .") as lease:
        postgresql.restart()
        one.lease_keeper().check()
        write(one, b"after")
        assert one.lease_keeper().held() == [lease]
    assert one.lease_keeper().held() == []


def test_lease_of_a_killed_node_is_free_when_its_time_is_over(node, holder):
    one = node("one")
    with pytest.raises(DatabaseBusy):
        one.lease_keeper().hold("publish .", wait=0).__enter__()
    holder.kill()
    holder.wait()
    with one.lease_keeper().hold("publish .", wait=60) as lease:
        assert one.lease_keeper().held() == [lease]
        write(one, b"mine")
    assert read(one) == b"mine"


def test_lease_of_a_killed_process_is_free_at_once_on_its_own_node(node, holder):
    same = node("other", lease_seconds=600).lease_keeper()
    with pytest.raises(DatabaseBusy):
        same.hold("publish .", wait=0).__enter__()
    holder.kill()
    holder.wait()
    assert same.held() == []
    with same.hold("publish .", wait=0) as lease:
        assert same.held() == [lease]


def test_stopped_process_loses_its_lease_to_another_one_of_its_node(node, holder):
    same, third = node("other", lease_seconds=3), node("other")
    holder.send_signal(signal.SIGSTOP)
    with same.lease_keeper().hold("publish ."):
        write(same, b"mine")
        holder.kill()
        holder.wait()  # its lock below the root is free now, and the row is somebody's who lives
        with pytest.raises(DatabaseBusy):
            third.lease_keeper().hold("publish .", wait=0).__enter__()
        same.lease_keeper().check()


def test_processes_of_a_node_wait_for_one_another(node):
    one, same, told = node("one"), node("one"), []
    lease = one.lease_keeper().hold("publish .")
    lease.__enter__()

    def note(holder):
        told.append(holder.what)
        lease.__exit__(None, None, None)

    with ThreadPoolExecutor(1) as pool:
        keeper = same.lease_keeper()
        pool.submit(lambda: keeper.hold("publish .", note=note).__enter__()).result()
    assert told == ["publish ."]


def test_stopped_node_loses_its_lease_and_what_it_writes_late(node, holder):
    one = node("one")
    holder.send_signal(signal.SIGSTOP)
    with one.lease_keeper().hold("publish .", wait=60):
        write(one, b"mine")
        holder.send_signal(signal.SIGCONT)
        holder.stdin.write("\n")
        holder.stdin.flush()
        said = holder.stdout.readline(), holder.stdout.readline()
    for line, what in zip(said, ("write", "check"), strict=True):
        assert line.startswith(f"{what}: this node has lost the lease on publish .: publish . is")
        assert f"(process {os.getpid()})" in line
    assert holder.wait() == 0
    assert read(one) == b"mine"


def test_stopped_node_that_nobody_took_over_from_goes_on(node, holder):
    one = node("one")
    holder.send_signal(signal.SIGSTOP)
    while one.lease_keeper().held():  # its time is over then
        pass
    holder.send_signal(signal.SIGCONT)
    holder.stdin.write("\n")
    holder.stdin.flush()
    assert holder.stdout.read() == ""
    assert read(one) == b"late"


def test_work_in_a_lost_lease_changes_nothing_and_other_work_goes_on(node):
    one, other = node("one", lease_seconds=1), node("other")
    with one.lease_keeper().hold("publish ."):
        with taken_over(one, other):
            with pytest.raises(LeaseLost, match=r"publish \. is in use by"):
                write(one, b"late")
            with ThreadPoolExecutor(1) as pool:  # another thread, and so other work
                pool.submit(write, one, b"other work").result()
        with pytest.raises(LeaseLost, match="it was taken over, and is free again"):
            one.lease_keeper().check()
    assert read(one) == b"other work"
    write(one, b"later")
    assert read(other) == b"later"


def test_time_of_a_lease_has_to_be_one(node):
    with pytest.raises(InvalidInput, match=r"database\.lease_seconds is 0"):
        node("one", lease_seconds=0)

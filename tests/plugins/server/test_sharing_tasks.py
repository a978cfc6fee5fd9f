"""Tasks of several servers: each sees, cancels, orders and takes over those of the others."""

import asyncio
import threading
import time

import pytest

from debrepo.errors import InvalidInput
from debrepo.http import Answer, Caller, Job
from debrepo_server import records
from debrepo_server.beat import Beat
from debrepo_server.records import FAILED, OPEN, RUNNING, SUCCEEDED, WAITING
from debrepo_server.runner import Runner

ADMIN = Caller("root", ("admin",))
GATES: dict[str, threading.Event] = {}
BEGAN: list[str] = []


class Other:
    """A server of the same database, whose beats are those that a test makes."""

    def __init__(self, session, workers=4):
        self.runner = Runner(session, workers)
        self.runner.start()
        self.beat = Beat(session, [self.runner.sharing])

    def submit(self, name, *resources, work=None, **more):
        job = Job(f"do {name}", work or wait, {"name": name}, ADMIN, resources, **more)
        return self.runner.submit(job).record.id


@pytest.fixture
def start(session):
    GATES.clear()
    BEGAN.clear()
    started = []

    def start(workers=4):
        started.append(Other(session, workers))
        return started[-1]

    yield start
    for gate in GATES.values():
        gate.set()
    GATES["*"] = threading.Event()
    GATES["*"].set()
    for one in started:
        one.runner.halt()
        one.runner.stop()


def wait(session, name):
    BEGAN.append(name)
    gate = GATES.get("*") or GATES.setdefault(name, threading.Event())
    for _ in session.progress.track("Waiting", range(20_000), total=20_000):
        if gate.wait(0.001):
            return Answer(200, name)
    raise AssertionError(name)


def release(name):
    GATES.setdefault(name, threading.Event()).set()


def eventually(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def state(server, number):
    return server.runner.get(number).state


def test_every_server_lists_the_same_tasks_under_numbers_of_their_own(start):
    one, two = start(), start()
    numbers = [one.submit("a"), two.submit("b"), one.submit("c")]
    assert numbers == [1, 2, 3]
    eventually(lambda: len(BEGAN) == 3)
    eventually(lambda: [r.state for r in two.runner.list_()] == [RUNNING] * 3)
    shown = [[(r.id, r.name, r.state) for r in s.runner.list_()] for s in (one, two)]
    assert shown[0] == shown[1]
    assert [r.id for r in two.runner.latest(limit=2)] == [3, 2]


def test_progress_is_seen_by_others_after_a_beat_which_is_one_write(start, session):
    one, two = start(), start()
    number = one.submit("a")
    eventually(lambda: BEGAN == ["a"])
    eventually(lambda: one.runner.get(number).output)
    assert two.runner.get(number).output == ""
    before, _ = session.db.written
    one.beat.once()
    assert session.db.written[0] == before + 1
    assert two.runner.get(number).output == "Waiting..."
    assert two.runner.get(number).detail["TotalNumberOfPackages"] == 20_000


@pytest.mark.lmdb  # a server of a shared database is never alone
def test_alone_a_server_writes_no_progress(start, session):
    one = start()
    one.submit("a")
    eventually(lambda: BEGAN == ["a"])
    before, _ = session.db.written
    one.beat.once()
    assert session.db.written[0] == before


def test_running_task_is_cancelled_by_another_server(start):
    one, two = start(), start()
    number = one.submit("a")
    eventually(lambda: state(two, number) == RUNNING)
    assert two.runner.cancel(number).state == RUNNING
    one.beat.once()
    eventually(lambda: state(two, number) == FAILED)
    assert "the task was cancelled" in two.runner.get(number).output
    with pytest.raises(InvalidInput, match="has ended already"):
        two.runner.cancel(number)


def test_waiting_task_is_cancelled_by_another_server_at_once(start):
    one, two = start(), start()
    one.submit("a", "repo:web")
    number = one.submit("b", "repo:web")
    assert two.runner.cancel(number).state == FAILED
    one.beat.once()
    release("a")
    eventually(lambda: not one.runner.live())
    assert BEGAN == ["a"]
    assert "before it began" in one.runner.get(number).output


def test_tasks_on_one_thing_run_in_the_order_in_which_servers_were_asked(start):
    one, two = start(), start()
    first = one.submit("first", "repo:web")
    second = two.submit("second", "repo:web")
    third = one.submit("third", "*")
    eventually(lambda: BEGAN == ["first"])
    for server in (two, one):
        server.beat.once()
    assert [state(two, n) for n in (first, second, third)] == [RUNNING, WAITING, WAITING]
    release("first")
    eventually(lambda: state(two, first) == SUCCEEDED)
    two.beat.once()
    eventually(lambda: BEGAN == ["first", "second"])
    one.beat.once()
    assert state(two, third) == WAITING
    release("second")
    eventually(lambda: state(one, second) == SUCCEEDED)
    one.beat.once()
    eventually(lambda: BEGAN == ["first", "second", "third"])


def test_client_who_waits_gets_the_result_after_earlier_tasks_of_other_servers(start):
    one, two = start(), start()
    first = one.submit("first", "repo:web")
    eventually(lambda: BEGAN == ["first"])
    job = Job("do second", wait, {"name": "second"}, ADMIN, ("repo:web",))

    async def ask():
        asking = asyncio.ensure_future(two.runner.answer(job, None))
        while not two.runner.live():
            assert not asking.done(), asking
            await asyncio.sleep(0.005)
        two.beat.once()
        assert BEGAN == ["first"]
        release("first")
        while state(two, first) != SUCCEEDED:
            await asyncio.sleep(0.005)
        two.beat.once()
        release("second")
        return await asking

    assert asyncio.run(ask()).status_code == 200
    assert BEGAN == ["first", "second"]


def test_task_whose_client_waits_is_seen_and_cancelled_elsewhere_once_it_takes_long(start):
    one, two = start(), start()
    job = Job("do a", wait, {"name": "a"}, ADMIN, secret=True)

    async def ask():
        asking = asyncio.ensure_future(one.runner.answer(job, None))
        while not BEGAN:
            await asyncio.sleep(0.005)
        one.beat.once()
        assert two.runner.list_() == []
        one.beat.once()
        (seen,) = two.runner.list_()
        assert (seen.name, seen.state, seen.arguments) == ("do a", RUNNING, None)
        assert [r.id for r in one.runner.list_()] == [seen.id]
        two.runner.cancel(seen.id)
        one.beat.once()
        with pytest.raises(Exception, match="cancelled"):
            await asking

    asyncio.run(ask())
    assert two.runner.list_() == one.runner.list_() == []


def test_tasks_of_a_dead_server_are_resumed_or_have_failed_and_servers_agree(start, session):
    one, two, three = start(), start(), start()
    again = one.submit("again", resumable=True)
    once = one.submit("once")
    queued = one.submit("queued", "*")
    secret = one.submit("secret", "*", secret=True)
    eventually(lambda: sorted(BEGAN) == ["again", "once"])
    one.runner.node.stop()  # as its lease ends when it is killed
    two.beat.once()
    three.beat.once()
    eventually(lambda: BEGAN.count("again") == 2)
    assert [state(three, n) for n in (again, once, queued, secret)] == [
        RUNNING,
        FAILED,
        WAITING,
        FAILED,
    ]
    said = three.runner.get(once).output
    assert "that had this task has died: check what was done, and repeat the request" in said
    assert "has died before it began: send the request again" in three.runner.get(secret).output
    with session.db.read() as txn:
        assert {row.server for row in txn[OPEN].values()} == {two.runner.node.server}


def test_server_that_others_took_for_dead_changes_nothing_of_what_they_said(start, caplog):
    one, two = start(), start()
    number = one.submit("a")
    eventually(lambda: BEGAN == ["a"])
    one.runner.node.stop()
    two.beat.once()
    said = two.runner.get(number)
    release("a")
    eventually(lambda: not one.runner.live())
    assert two.runner.get(number) == said
    assert "another server has taken it over" in caplog.text


def test_task_that_was_taken_over_is_stopped_where_it_still_runs(start):
    one, two = start(), start()
    one.submit("a")
    eventually(lambda: BEGAN == ["a"])
    eventually(lambda: one.runner.live()[0].is_news())
    one.runner.node.stop()
    two.beat.once()
    one.runner.node.start()
    one.beat.once()
    eventually(lambda: not one.runner.live())


def test_server_with_nothing_to_do_takes_what_waits_elsewhere_for_a_worker(start):
    one, two = start(workers=1), start()
    one.submit("a")
    number = one.submit("b")
    waited = one.runner.submit(Job("do c", wait, {"name": "c"}, ADMIN), waited=True).record.id
    eventually(lambda: BEGAN == ["a"])
    two.beat.once()
    assert state(two, number) == WAITING
    two.beat.once()
    eventually(lambda: BEGAN == ["a", "b"])
    for _ in range(3):
        two.beat.once()
    assert state(two, waited) == WAITING  # its client waits where it is
    one.beat.once()
    assert asyncio.run(wait_for(one, number)) == ("SUCCEEDED", number)
    release("a")
    eventually(lambda: "c" in BEGAN)


async def wait_for(server, number):
    asking = asyncio.ensure_future(server.runner.wait(number))
    await asyncio.sleep(0)
    release("b")
    record = await asking
    return ("SUCCEEDED" if record.state == SUCCEEDED else record.output, record.id)


def test_all_tasks_have_ended_when_those_of_other_servers_have(start):
    one, two = start(), start()
    number = one.submit("a")
    eventually(lambda: BEGAN == ["a"])

    async def idle():
        waiting = asyncio.ensure_future(two.runner.idle())
        await asyncio.sleep(0)
        assert not waiting.done()
        release("a")
        await waiting

    asyncio.run(idle())
    assert state(two, number) == SUCCEEDED


def test_follower_on_another_server_sees_progress_and_the_end(start):
    one, two = start(), start()
    number = one.submit("a")
    eventually(lambda: BEGAN == ["a"])
    one.beat.once()

    async def follow():
        seen = []
        async for record in two.runner.follow(number):
            seen.append(record.state)
            release("a")
        return seen

    assert asyncio.run(follow()) == [RUNNING, SUCCEEDED]


def test_task_stored_by_an_older_version_is_taken_over(session, start):
    one = start()
    number = one.submit("a", resumable=True)
    eventually(lambda: BEGAN == ["a"])
    one.runner.node.stop()
    with session.db.write() as txn:
        records.OPEN.dump_key(number)
        del txn[OPEN][number]
    start()
    eventually(lambda: BEGAN == ["a", "a"])

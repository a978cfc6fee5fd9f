"""Tasks: queueing, cancelling, and what is left when a server ends."""

import json
import sys
import threading
import time

import pytest

from debrepo.errors import NotFound
from debrepo.http import Answer, Caller, Job
from debrepo_server import records
from debrepo_server.records import TASKS
from debrepo_server.runner import Runner

ADMIN = Caller("root", ("admin",))
GATE = threading.Event()
SEEN = []


@pytest.fixture
def runner(session):
    GATE.clear()
    SEEN.clear()
    runner = Runner(session)
    runner.start()
    yield runner
    GATE.set()
    runner.stop()


def wait_for_the_gate(session, name):
    SEEN.append(f"{name} began")
    assert GATE.wait(20)
    SEEN.append(f"{name} ended")


def count(session, name):
    for number in session.progress.track("Counting", range(100_000), total=100_000):
        SEEN.append(number)
        GATE.wait(0.01)


def create_repo(session, name):
    session.call("repo.create", name=name)
    return Answer(201, {"Name": name})


def fail(session, name):
    session.progress.note("trying")
    raise NotFound("no such thing")


def crash(session, name):
    raise ZeroDivisionError


def submit(runner, work, name="x", *, resources=(), caller=ADMIN, **more):
    return runner.submit(Job(f"do {name}", work, {"name": name}, caller, tuple(resources), **more))


def eventually(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_adds_whose_clients_wait_run_at_once_and_what_is_no_add_does_not(runner):
    def job(work, name, **more):
        return Job(f"do {name}", work, {"name": name}, ADMIN, **more)

    def add(name, **more):
        return runner.queue.add(runner._number(job(wait_for_the_gate, name, **more), None, ()))

    adds = [add(name, shared=("repo:web",)) for name in "abcdef"]
    other = add("other", resources=("repo:web",))
    eventually(lambda: len(SEEN) == 6)
    assert other.record.state == records.WAITING
    GATE.set()
    for task in (*adds, other):
        task.future.result(20)
    assert SEEN[-2:] == ["other began", "other ended"]


def test_adds_whose_clients_do_not_wait_keep_their_order(runner):
    tasks = [submit(runner, wait_for_the_gate, name, shared=("repo:web",)) for name in "ab"]
    eventually(lambda: SEEN)
    assert [task.state for task in runner.list_()] == [records.RUNNING, records.WAITING]
    assert runner.list_()[0].resources == ("repo:web",)
    GATE.set()
    for task in tasks:
        task.future.result(20)


def test_tasks_on_one_thing_run_one_after_another(runner):
    tasks = [submit(runner, wait_for_the_gate, n, resources=["repo:web"]) for n in "ab"]
    eventually(lambda: SEEN)
    assert [task.state for task in runner.list_()] == [records.RUNNING, records.WAITING]
    GATE.set()
    for task in tasks:
        task.future.result(20)
    assert SEEN == ["a began", "a ended", "b began", "b ended"]


def test_job_that_merges_joins_a_task_of_its_caller_that_has_not_begun(runner):
    other = Caller("user:ann", ("admin",), identity="hers")
    first = submit(runner, wait_for_the_gate, "one", resources=["r"], merges=True)
    eventually(lambda: SEEN == ["one began"])
    second = submit(runner, wait_for_the_gate, "two", resources=["r"], merges=True)
    third = submit(runner, wait_for_the_gate, "three", resources=["r"], merges=True)
    hers = submit(runner, wait_for_the_gate, "four", resources=["r"], merges=True, caller=other)
    alone = submit(runner, wait_for_the_gate, "five", resources=["r"])
    apart = submit(runner, wait_for_the_gate, "six", resources=["s"], merges=True)
    assert third is second
    assert len({one.record.id for one in (first, second, hers, alone, apart)}) == 5
    GATE.set()
    for task in (first, second, hers, alone, apart):
        task.future.result(20)
    began = [line.partition(" ")[0] for line in SEEN if line.endswith(" began")]
    assert [name for name in began if name != "six"] == ["one", "two", "four", "five"]


def test_tasks_on_different_things_run_side_by_side(runner):
    for name in "ab":
        submit(runner, wait_for_the_gate, name, resources=[name])
    eventually(lambda: len(SEEN) == 2)


def test_task_on_everything_waits_for_all_and_lets_nobody_past(runner):
    submit(runner, wait_for_the_gate, "a", resources=["a"])
    submit(runner, wait_for_the_gate, "all", resources=["*"])
    submit(runner, wait_for_the_gate, "b", resources=["b"])
    eventually(lambda: SEEN)
    assert [task.state for task in runner.list_()] == [1, 0, 0]


def test_task_that_failed_says_why(runner):
    task = submit(runner, fail)
    with pytest.raises(NotFound, match="no such thing"):
        task.future.result(20)
    record = runner.get(task.record.id)
    assert (record.state, record.status, record.value) == (records.FAILED, 404, None)
    assert record.output == "trying\nTask failed with error: no such thing"


def test_crash_of_a_task_harms_nobody_else(runner, session, caplog):
    with pytest.raises(ZeroDivisionError):
        submit(runner, crash).future.result(20)
    assert submit(runner, create_repo).future.result(20).status == 201
    assert "ZeroDivisionError" in caplog.text


def test_task_may_do_no_more_than_who_asked_for_it(runner):
    with pytest.raises(Exception, match="lacks the scope repo:x:create"):
        submit(runner, create_repo, caller=Caller("ci", ("read",))).future.result(20)


def test_running_task_is_cancelled_where_it_counts(runner):
    task = submit(runner, count)
    eventually(lambda: SEEN)
    runner.cancel(task.record.id)
    with pytest.raises(Exception, match="cancelled"):
        task.future.result(20)
    record = runner.get(task.record.id)
    assert (record.state, record.detail["TotalNumberOfPackages"]) == (records.FAILED, 100_000)


def test_waiting_task_is_cancelled_before_it_begins(runner):
    submit(runner, wait_for_the_gate, "a", resources=["r"])
    waiting = submit(runner, wait_for_the_gate, "b", resources=["r"])
    assert runner.cancel(waiting.record.id).state == records.FAILED
    GATE.set()
    eventually(lambda: "a ended" in SEEN)
    assert "b began" not in SEEN


def test_numbers_go_on_after_a_restart(runner, session):
    first = submit(runner, create_repo, "a")
    first.future.result(20)
    runner.delete(first.record.id)
    other = Runner(session)
    other.start()
    assert submit(other, create_repo, "b").record.id == first.record.id + 1
    other.stop()


def test_server_that_ends_leaves_what_can_be_done_again_to_the_next(session, monkeypatch):
    monkeypatch.setitem(sys.modules, __name__, sys.modules[__name__])
    GATE.clear()
    SEEN.clear()
    runner = Runner(session)
    runner.start()
    again = submit(runner, count, "again", resumable=True)
    once = submit(runner, count, "once")
    eventually(lambda: SEEN.count(5) == 2)
    assert sorted(runner.halt()) == ["do again", "do once"]
    runner.stop()
    with session.db.read() as txn:
        states = [txn[TASKS][task.record.id].state for task in (again, once)]
    assert states == [records.WAITING, records.FAILED]
    assert "the server is stopping" in runner.get(once.record.id).output
    other = Runner(session)
    SEEN.clear()
    other.start()
    eventually(lambda: SEEN)
    other.halt()
    other.stop()


def test_reads_do_not_wait_for_writes_nor_writes_for_them(session):
    GATE.clear()
    SEEN.clear()
    runner = Runner(session, workers=1, readers=1)
    runner.start()
    for name, reads in (("r1", True), ("r2", True), ("w1", False), ("w2", False)):
        submit(runner, wait_for_the_gate, name, resources=["*"], reads=reads)
    eventually(lambda: len(SEEN) == 2)
    assert sorted(SEEN) == ["r1 began", "w1 began"]
    GATE.set()
    runner.stop()


def left_behind(session, number, **fields):
    record = records.TaskRecord(
        id=number,
        name=f"task {number}",
        server="server:gone",
        actor="ci",
        scopes=("admin",),
        resources=(),
        work=f"{__name__}:create_repo",
        arguments={"name": f"r{number}"},
        resumable=False,
        created="2024-01-01T00:00:00+00:00",
    )._replace(**fields)
    with session.db.write() as txn:
        records.put(txn, record)


def test_record_of_an_older_version_is_read_and_belongs_to_no_token(session):
    left_behind(session, 1)
    with session.db.read() as txn:
        stored = txn[TASKS][1]
    fields = json.loads(TASKS.dump(stored))
    del fields["identity"]
    record = TASKS.load(json.dumps(fields).encode())
    assert record == stored
    assert record.belongs_to(Caller("ci", ()))  # one who logs in without a token
    assert not record.belongs_to(Caller("ci", (), identity="0f"))
    assert not record.belongs_to(Caller("ci", (), anonymous=True))


def test_server_takes_over_what_an_earlier_one_left(session, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, __name__, __import__("sys").modules[__name__])
    left_behind(session, 1)
    left_behind(session, 2, state=records.RUNNING)
    left_behind(session, 3, state=records.RUNNING, resumable=True)
    left_behind(session, 4, arguments=None)
    left_behind(session, 5, state=records.SUCCEEDED)
    runner = Runner(session)
    runner.start()
    eventually(lambda: all(record.ended for record in runner.list_()))
    assert [record.state for record in runner.list_()] == [2, 3, 2, 3, 2]
    assert "the server that had this task has died" in runner.get(2).output
    runner.stop()


def test_work_that_is_not_there_any_more_fails_and_stops_no_server(session):
    left_behind(session, 1, work="debrepo_moved.api:_create")
    runner = Runner(session)
    runner.start()
    record = runner.get(1)
    assert (record.state, record.status) == (records.FAILED, 500)
    assert "debrepo_moved" in record.output
    assert "send the request again" in record.output
    runner.stop()


def test_server_leaves_the_tasks_of_one_that_lives(session, runner):
    with session.leases.hold("server:alive"):
        left_behind(session, 1, server="server:alive", state=records.RUNNING)
        other = Runner(session)
        other.start()
        assert other.get(1).state == records.RUNNING
        other.stop()


def test_secret_arguments_are_not_written_down(runner, session):
    task = submit(runner, create_repo, "hush", secret=True)
    task.future.result(20)
    with session.db.read() as txn:
        assert txn[TASKS][task.record.id].arguments is None


def test_task_that_has_not_ended_is_not_deleted(runner):
    task = submit(runner, wait_for_the_gate)
    with pytest.raises(Exception, match="has not ended"):
        runner.delete(task.record.id)
    with pytest.raises(NotFound, match="no task has the number 99"):
        runner.get(99)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/tasks/99", 404),
        ("GET", "/api/tasks/x", 404),
        ("GET", "/api/tasks/99/wait", 400),
        ("GET", "/api/tasks/99/output", 404),
        ("GET", "/api/tasks/99999999999999999999999999/detail", 404),
        ("DELETE", "/api/tasks/99", 400),
        ("POST", "/api/tasks/99/cancel", 404),
        ("GET", "/api/tasks-wait", 200),
        ("POST", "/api/tasks-clear", 200),
    ],
)
def test_unknown_task_is_answered_as_aptly_does(api, method, path, status):
    assert api.request(method, path).status_code == status


def test_client_says_how_long_it_waits(api):
    waited = api.post("/api/repos", json={"Name": "a"}, headers={"Prefer": "wait=20"})
    assert waited.status_code == 201
    at_once = api.post("/api/repos", json={"Name": "b"}, headers={"Prefer": "respond-async"})
    assert (at_once.status_code, at_once.headers["location"]) == (202, "/api/tasks/2")
    assert api.post("/api/repos?_async=false", json={"Name": "c"}).status_code == 201
    assert api.get("/api/tasks-wait").json() == {}
    assert [task["ID"] for task in api.get("/api/tasks").json()] == [2]
    api.post("/api/tasks-clear")
    assert api.get("/api/tasks").json() == []

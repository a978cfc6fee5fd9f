"""Background jobs: what plugins have a server do by itself, and how that ends with it."""

import os
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import pytest

from debrepo import BackgroundJob, hookimpl
from debrepo.errors import InvalidInput, LeaseLost, PluginError
from debrepo.stopping import checkpoint
from debrepo_server.background import Background, brought

LOAD = SimpleNamespace(is_idle=lambda: True, has_work=lambda: False)


def eventually(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


ONE = BackgroundJob("debrepo_tested_jobs:make", 0.001, "Do something.")


@pytest.fixture
def start(session, monkeypatch):
    """Start a job that does ``work``; ``start.made`` has what it was made with."""
    started = []

    def start(work, job=ONE):
        def make(*context):
            start.made.append(context)
            return work

        monkeypatch.setitem(sys.modules, "debrepo_tested_jobs", SimpleNamespace(make=make))
        one = Background(session, LOAD, {"one": job})
        started.append(one)
        one.start()
        return one

    start.made = []
    yield start
    for one in started:
        one.stop()


def test_job_is_made_once_and_done_again_and_again(start, session):
    done = []
    start(lambda: done.append(True))
    eventually(lambda: len(done) > 5)
    assert start.made == [(session, LOAD)]


def test_failure_is_logged_once_and_tried_again(start, caplog):
    tried = []

    def work():
        tried.append(True)
        if len(tried) < 4:
            raise InvalidInput("the post office is closed")
        if len(tried) < 6:
            raise RuntimeError("the postman is ill")

    one = start(work)
    eventually(lambda: len(tried) > 6)
    one.stop()
    logged = [record.getMessage() for record in caplog.records]
    assert logged == [
        "background job one failed: the post office is closed",
        "background job one failed: the postman is ill",
    ]
    assert not caplog.records[0].exc_info
    assert caplog.records[1].exc_info
    lines = list(one.lines())
    assert 'debrepo_background_failures_total{job="one"} 5' in lines
    (success,) = [line for line in lines if line.startswith("debrepo_background_success_t")]
    assert float(success.split()[-1]) > 0


def test_job_that_runs_is_told_to_end_with_the_server(start):
    running = threading.Event()

    def work():
        running.set()
        while True:
            checkpoint()

    one = start(work)
    assert running.wait(60)
    assert one.halt() == ["background job one"]
    one.stop()
    assert not [t for t in threading.enumerate() if t.name == "background-one"]


def test_one_server_of_a_root_does_a_job_at_a_time(start, session, monkeypatch):
    done, tried = [], []
    lease = Background._lease
    monkeypatch.setattr(Background, "_lease", lambda one, n: tried.append(n) or lease(one, n))
    with session.leases.hold("background:one"):
        other = start(lambda: done.append(True), ONE._replace(alone=False))
        eventually(lambda: done)
        other.stop()
        done.clear()
        waiting = start(lambda: done.append(True))
        eventually(lambda: len(tried) > 3)
        assert not done
    eventually(lambda: done)
    waiting.stop()
    assert "background:one" not in {lease.what for lease in session.leases.held()}


def test_server_that_has_lost_the_lease_on_a_job_waits_for_it_again(start, session, monkeypatch):
    done, tried, lost = [], [], [LeaseLost("background:one is in use")]
    lease = Background._lease
    monkeypatch.setattr(Background, "_lease", lambda one, n: tried.append(n) or lease(one, n))

    def check(_):
        if done and lost:
            raise lost.pop()

    monkeypatch.setattr(type(session.leases), "check", check)
    jobs = start(lambda: done.append(len(tried)))
    eventually(lambda: 2 in done)
    jobs.stop()
    assert tried == ["one", "one"]


def test_two_plugins_with_one_job_are_an_error(session):
    class Another:
        @hookimpl
        def debrepo_background(self):
            return {"read": ONE}

    session.plugins.register(Another(), "another")
    with pytest.raises(PluginError, match="both bring the background job read"):
        brought(session)


def test_server_shows_its_jobs_among_the_metrics(api):
    text = api.get("/api/metrics").text
    assert 'debrepo_background_runs_total{job="read"} ' in text
    assert "# TYPE debrepo_background_success_timestamp_seconds gauge" in text


def test_start_of_a_server_is_told_to_plugins_and_a_failure_is_a_warning(serving, debrepo_root):
    debrepo_root.mkdir()
    (debrepo_root / "debrepo.toml").write_text('[notify.to.ci]\nurl = "gopher://example.org"\n')
    command = [sys.executable, "-m", "debrepo", "--root", str(debrepo_root), "serve"]
    with subprocess.Popen(
        [*command, "--listen", "127.0.0.1:0"], stderr=subprocess.PIPE, text=True, env=os.environ
    ) as server:
        lines = []
        for line in server.stderr:
            lines.append(line)
            if line.startswith("Listening on "):
                break
        server.terminate()
        server.stderr.read()
    assert (
        "Warning: debrepo_server_started of plugin notify failed: notify.to.ci.url is neither "
        in ("".join(lines))
    )
    assert server.returncode == 0

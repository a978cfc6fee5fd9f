"""Stopping: loops, steps and child processes that learn that they are to end."""

import subprocess
import sys
import threading

import pytest

from debrepo import packageset
from debrepo.errors import Cancelled
from debrepo.stopping import Watch, checkpoint, current, each, run, watching

SLEEPER = [sys.executable, "-c", "import sys, time; print(1, flush=True); time.sleep(600)"]


def test_nothing_stops_work_that_nobody_watches():
    checkpoint()
    items = [1, 2]
    assert each(items) is items


def test_loop_ends_soon_after_it_is_told_to():
    watch, seen = Watch(), []
    with watching(watch), pytest.raises(Cancelled, match="enough"):
        for number in each(range(100_000)):
            seen.append(number)
            if number == 1000:
                watch.stop("enough")
    assert 1000 < len(seen) < 2000


def test_first_reason_to_stop_is_the_one_that_is_told():
    watch = Watch()
    watch.stop("the task was cancelled", "as asked")
    watch.stop("the server is stopping")
    with pytest.raises(Cancelled, match="the task was cancelled") as caught:
        watch.check()
    assert caught.value.hint == "as asked"


def test_time_that_is_over_stops_the_work_and_names_the_limit():
    watch = Watch()
    watch.allow(1000, "never")
    watch.allow(-1, "this takes more than 0 seconds", "a hint")
    with watching(watch), pytest.raises(Cancelled, match="more than 0 seconds"):
        checkpoint()
    assert watch.stopped


def test_block_that_has_to_be_whole_is_not_stopped():
    watch = Watch()
    watch.stop("enough")
    with watching(watch):
        with watching(None):
            checkpoint()
        with pytest.raises(Cancelled):
            checkpoint()
    assert current() is None


def test_change_goes_on_without_its_client_but_not_when_it_is_stopped():
    watch = Watch()
    watch.changes = True
    watch.leave()
    watch.check()
    watch.stop("the server is stopping")
    with pytest.raises(Cancelled, match="the server is stopping"):
        watch.check()


def test_child_process_is_killed_with_the_work():
    watch = Watch()
    threading.Timer(0.1, watch.stop, ["enough"]).start()
    with watching(watch), pytest.raises(Cancelled, match="enough"):
        run(SLEEPER)


def test_child_process_gets_no_more_time_than_the_work():
    watch = Watch()
    watch.allow(0.1, "too long")
    with watching(watch), pytest.raises(Cancelled, match="too long"):
        run(SLEEPER)


@pytest.mark.parametrize("watch", [None, Watch()])
def test_child_process_says_what_it_says(watch):
    code = "import sys; print(sys.stdin.read()); print('no', file=sys.stderr); sys.exit(3)"
    with watching(watch):
        done = run([sys.executable, "-c", code], b"yes")
        assert (done.returncode, done.stdout, done.stderr) == (3, b"yes\n", b"no\n")
        with pytest.raises(subprocess.TimeoutExpired):
            run(SLEEPER, timeout=0.1)


def test_walk_through_a_package_set_can_be_stopped():
    store, watch = {}, Watch()
    entries = [b"p%05d\0amd64\x001\0%016x" % (number, number) for number in range(5000)]
    set_id = packageset.build(store, entries)
    seen = []
    with watching(watch), pytest.raises(Cancelled):
        for entry in packageset.entries(store, set_id):
            seen.append(entry)
            watch.stop("enough")
    assert len(seen) < 4000


def test_table_can_be_walked_to_where_it_is_stopped(session):
    session.call("repo.create", name="a")
    watch = Watch()
    watch.stop("enough")
    with watching(watch), pytest.raises(Cancelled):
        session.call("repo.list")

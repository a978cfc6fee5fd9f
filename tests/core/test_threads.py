"""Threads answer in order or as they are done, and leave nothing behind."""

import threading

import pytest
from stop_at import StopAt

from debrepo.errors import Cancelled
from debrepo.ingest import threads
from debrepo.stopping import watching


def doubling(_step):
    return lambda item: 2 * item


def running():
    return {thread.name for thread in threading.enumerate()}


def test_results_come_in_the_order_of_the_items():
    assert list(threads.in_order(doubling, range(100), 3)) == list(range(0, 200, 2))


def test_results_come_with_their_items_as_they_are_done():
    found = list(threads.as_done(doubling, range(100), 3))
    assert sorted(found) == [(item, 2 * item) for item in range(100)]


def test_a_slow_item_delays_no_other():
    others = threading.Semaphore(0)

    def make(_step):
        def work(item):
            if item == 0:
                for _ in range(20):
                    others.acquire()
            else:
                others.release()
            return item

        return work

    assert list(threads.in_order(make, range(21), 2)) == list(range(21))


def test_what_is_done_early_is_limited(monkeypatch):
    monkeypatch.setattr(threads, "_AHEAD", 3)
    assert list(threads.in_order(doubling, range(50), 4)) == list(range(0, 100, 2))


def test_what_a_thread_raises_is_raised():
    def make(_step):
        def work(item):
            if item == 7:
                raise ValueError("seven")
            return item

        return work

    before = running()
    with pytest.raises(ValueError, match="seven"):
        list(threads.in_order(make, range(100), 3))
    assert running() == before


def test_a_caller_that_loses_interest_leaves_no_thread():
    before = running()
    results = threads.as_done(doubling, iter(range(1000)), 3)
    next(results)
    results.close()
    assert running() == before


def test_an_item_ends_when_its_result_is_not_wanted_any_more():
    begun = threading.Event()

    def make(step):
        def work(item):
            if item == 0:
                return item
            begun.set()
            while True:
                step()

        return work

    results = threads.as_done(make, range(2), 2)
    next(results)
    begun.wait()
    results.close()


def test_a_thread_heeds_the_watch_of_the_one_that_started_it():
    def make(step):
        def work(item):
            step()
            return item

        return work

    with pytest.raises(Cancelled), watching(StopAt(5)):
        list(threads.in_order(make, range(100), 2))

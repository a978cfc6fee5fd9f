"""A crew of threads."""

import threading
from functools import partial

import pytest

from debrepo_publish.indexes.crew import Crew


@pytest.fixture
def crew():
    crew = Crew(2)
    yield crew
    crew.close()


def test_results_are_those_of_the_work_in_any_number(crew):
    promises = [crew.promise(partial(pow, number, 2)) for number in range(50)]
    assert [promise.result() for promise in promises] == [number**2 for number in range(50)]
    assert promises[7].result() == 49


def test_no_more_threads_than_allowed_work_at_the_same_time(crew):
    both = threading.Barrier(2)
    promises = [crew.promise(both.wait) for _ in range(10)]
    assert sorted(promise.result() for promise in promises) == [0] * 5 + [1] * 5
    threads = {crew.promise(threading.get_ident).result() for _ in range(20)}
    assert len(threads) <= 2


def test_what_the_work_raises_is_raised_by_who_waits_and_the_crew_works_on(crew):
    broken = crew.promise(partial(int, "x"))
    assert crew.promise(partial(int, "1")).result() == 1
    for _ in range(2):
        with pytest.raises(ValueError, match="invalid literal"):
            broken.result()


def test_what_nobody_has_begun_is_dropped_at_the_end(crew):
    begun, go_on, done = threading.Event(), threading.Event(), []

    def work():
        begun.set()
        go_on.wait()
        done.append("first")

    alone = Crew(1)
    alone.promise(work)
    alone.promise(partial(done.append, "second"))
    begun.wait()
    closing = threading.Thread(target=alone.close)
    closing.start()
    while not alone._over:
        pass
    go_on.set()
    closing.join()
    assert done == ["first"]

"""The ledger counts references, and knows what nothing needs any more."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from debrepo.database import Database
from debrepo.refs import TableRef
from debrepo_publish.engine import ledger
from debrepo_publish.engine.ledger import File

LONG = [*("x" * 450 + end for end in "abc"), "y" * 399, "y" * 400, "y" * 401]
PATHS = st.lists(st.sampled_from(["a", "b", "c", *LONG]), max_size=6)
STEPS = st.lists(st.tuples(st.sampled_from(["claim", "release"]), PATHS), max_size=20)


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    tables = [TableRef("publish.files", 1, "debrepo_publish.model.tables:FILES")]
    opened = Database(tmp_path_factory.mktemp("ledger") / "db", tables, map_size=1 << 24)
    yield opened
    opened.close()


@pytest.fixture
def txn(database):
    with database.write() as txn:
        for place in ("here", "there"):
            ledger.remove(txn, place, [path for path, _ in ledger.files(txn, place)])
        yield txn


def files(*paths):
    return [File(path, "00", 1) for path in paths]


@given(steps=STEPS)
@settings(max_examples=50, deadline=None)
def test_rows_are_the_sum_of_claims_and_releases(database, steps):
    expected = Counter()
    with database.write() as txn:
        for time, (step, paths) in enumerate(steps):
            if step == "claim":
                ledger.claim(txn, "sum", files(*paths))
                expected.update(paths)
                continue
            free = ledger.release(txn, "sum", paths, time)
            known = {path for path in paths if path in expected}
            for path in paths:
                expected.subtract([path] if expected[path] else [])
            assert set(free) == {path for path in known if not expected[path]}
        assert {p: held.references for p, held in ledger.files(txn, "sum")} == dict(expected)
        ledger.remove(txn, "sum", list(expected))


def test_claimed_again_is_needed_again(txn):
    ledger.claim(txn, "here", files("a"))
    assert ledger.release(txn, "here", ["a"], 10) == ["a"]
    assert ledger.unneeded(txn, "here", ["a"], 10) == ["a"]
    ledger.claim(txn, "here", files("a"))
    assert ledger.unneeded(txn, "here", ["a"], 99) == []


def test_freed_later_is_needed_until_then(txn):
    ledger.claim(txn, "here", files("a"))
    ledger.release(txn, "here", ["a"], 20)
    assert ledger.unneeded(txn, "here", ["a"], 19) == []


def test_unknown_file_is_never_unneeded(txn):
    assert ledger.unneeded(txn, "here", ["somebody's"], 99) == []
    assert ledger.release(txn, "here", ["somebody's"], 99) == []


def test_places_do_not_see_one_another(txn):
    ledger.claim(txn, "here", files("a"))
    assert list(ledger.files(txn, "there")) == []
    assert ledger.get(txn, "there", "a") is None

"""``debrepo db stats``: what takes the space, and what only one list holds."""

import json
import os
from datetime import UTC, datetime
from itertools import combinations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from debrepo.testing.packages import build_deb

NAMES = ["a", "b", "c", "d"]


@pytest.fixture
def debs(tmp_path):
    """Return packages by name, each of another size."""
    return {
        name: build_deb(tmp_path, name, paths={f"usr/{name}": os.urandom(1000 << number)})
        for number, name in enumerate(NAMES)
    }


def fill(session, debs, **lists):
    for name, packages in lists.items():
        session.call("repo.create", name=name)
        list(session.call("repo.add", name=name, paths=[debs[one] for one in packages]))


def sizes(debs, names):
    return sum(debs[name].stat().st_size for name in names)


def test_each_list_has_what_it_needs_and_what_only_it_has(session, debs):
    fill(session, debs, one="ab", two="bc", three="b")
    found = session.call("db.stats")
    rows = {row.name: (row.packages, row.bytes, row.only) for row in found.lists}
    assert rows == {
        "repo:one": (2, sizes(debs, "ab"), sizes(debs, "a")),
        "repo:three": (1, sizes(debs, "b"), 0),
        "repo:two": (2, sizes(debs, "bc"), sizes(debs, "c")),
    }
    assert found.shared == sizes(debs, "b")
    assert (found.pool_files, found.pool) == (3, sizes(debs, "abc"))


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.sets(st.sampled_from(NAMES)), max_size=4))
def test_numbers_are_those_of_counting_by_hand(session, debs, lists):
    for row in session.call("repo.list"):
        session.call("repo.drop", name=row.repo.name)
    fill(session, debs, **{f"r{number}": content for number, content in enumerate(lists)})
    found = session.call("db.stats")
    shared = set().union(*(one & other for one, other in combinations(lists, 2)))
    assert found.shared == sizes(debs, shared)
    for row, content in zip(found.lists, lists, strict=True):
        assert (row.bytes, row.only) == (sizes(debs, content), sizes(debs, content - shared))


def test_trash_garbage_and_what_publications_serve_alone_are_told_apart(session, debs):
    fill(session, debs, r="abcd")
    options = {"skip_signing": True, "keep_generations": 1}
    session.call("publish.create", kind="repo", names=["r"], distribution="x", options=options)
    session.call("repo.remove", name="r", queries=["a"])
    fill(session, debs, gone="b")
    session.call("repo.remove", name="r", queries=["b"])
    session.call("repo.drop", name="gone")
    found = session.call("db.stats")
    assert (found.past, found.trash, found.garbage) == (sizes(debs, "ab"), 0, 0)
    session.call("publish.drop", distribution="x")
    session.call("db.cleanup")
    found = session.call("db.stats")
    assert (found.past, found.trash_packages) == (0, 2)
    assert (found.trash, found.garbage) == (sizes(debs, "ab"), 0)
    session.pool.put("0" * 64, b"left over")
    assert session.call("db.stats").garbage == 9


def test_growth_is_by_the_month_in_which_files_came(session, debs):
    fill(session, debs, r="ab")
    first, second = session.pool
    for digest, month in (first, 5), (second, 7):
        when = datetime(2026, month, 3, tzinfo=UTC).timestamp()
        os.utime(session.pool.path(digest), (when, when))
    found = session.call("db.stats").growth
    assert [(row.month, row.files) for row in found] == [("2026-05", 1), ("2026-07", 1)]
    assert sum(row.bytes for row in found) == sizes(debs, "ab")


def test_tables_have_records_and_bytes(session, debs):
    fill(session, debs, r="ab")
    tables = {row.name: row for row in session.call("db.stats").tables}
    assert tables["core.packages"].records == 2
    assert tables["core.packages"].bytes > 400
    assert tables["local.repos"].records == 1


def test_command_prints_all_of_it(debrepo, debs):
    assert "Pool: 0 B" in debrepo("db", "stats").output
    debrepo("repo", "create", "r")
    debrepo("repo", "add", "r", debs["a"])
    said = debrepo("db", "stats").output
    for word in ("repo:r", "Only here", "Pool: ", "Database: ", "core.packages", "Month"):
        assert word in said
    found = json.loads(debrepo("db", "stats", "--json").output)
    assert found["lists"][0]["name"] == "repo:r"
    assert found["pool"] == sizes(debs, "a")

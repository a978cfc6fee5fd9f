"""``debrepo snapshot prune``: old snapshots go, by age, number and calendar."""

import json
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from debrepo.errors import InUse, InvalidInput
from debrepo.session import Session
from debrepo.testing.packages import build_deb
from debrepo_snapshot import operations
from debrepo_snapshot.snapshots import SNAPSHOTS

NOW = datetime.now(UTC)


@pytest.fixture
def made(debrepo, debrepo_root, debrepo_plugins, tmp_path):
    """Make snapshots of a repository, each so many days ago: ``made({"monday": 3})``."""
    debrepo("repo", "create", "web")
    debrepo("repo", "add", "web", build_deb(tmp_path))

    def make(ages, source="repo:web"):
        for name in ages:
            debrepo("snapshot", "create", name, "from", *source.split(":"))
        with closing(Session(debrepo_root, debrepo_plugins)) as session, session.db.write() as txn:
            for name, age in ages.items():
                at = age if isinstance(age, datetime) else NOW - timedelta(days=age)
                txn[SNAPSHOTS][name] = txn[SNAPSHOTS][name]._replace(created=at.isoformat())

    return make


def names(debrepo):
    return debrepo("snapshot", "list", "--raw").output.split()


def test_old_snapshots_are_dropped_by_age(debrepo, made):
    made({"new": 1, "old": 89, "older": 91})
    result = debrepo("snapshot", "prune", "--older-than", "90d")
    assert result.stdout == "dropped  older\n"
    assert "1 snapshot dropped, 2 kept." in result.stderr
    assert names(debrepo) == ["new", "old"]


def test_newest_snapshot_of_a_list_stays_however_old_it_is(debrepo, made):
    debrepo("repo", "create", "other")
    made({"a": 100, "b": 200})
    made({"other-a": 300}, source="repo:other")
    debrepo("snapshot", "prune", "--older-than", "90d")
    assert names(debrepo) == ["a", "other-a"]


def test_snapshots_of_each_list_are_counted_apart(debrepo, made):
    debrepo("repo", "create", "other")
    made({"a": 1, "b": 2, "c": 3})
    made({"other-a": 10, "other-b": 20, "other-c": 30}, source="repo:other")
    debrepo("snapshot", "prune", "--keep", "2")
    assert names(debrepo) == ["a", "b", "other-a", "other-b"]


def test_plan_that_is_printed_is_what_is_done(debrepo, made):
    made({"a": 1, "b": 2, "c": 3})
    planned = debrepo("snapshot", "prune", "--keep", "1", "--dry-run")
    assert "2 snapshots would be dropped, 1 kept; nothing was changed." in planned.stderr
    assert names(debrepo) == ["a", "b", "c"]
    assert debrepo("snapshot", "prune", "--keep", "1").stdout == planned.stdout
    assert names(debrepo) == ["a"]


def test_newest_of_each_day_week_and_month_stays(debrepo, made):
    made(
        {
            f"{month:02}{day:02}-{hour:02}": datetime(2026, month, day, hour, tzinfo=UTC)
            for month, day in ((1, 5), (1, 12), (2, 1), (2, 2), (2, 3), (3, 30), (3, 31))
            for hour in (1, 13)
        }
    )
    debrepo("snapshot", "prune", "--daily", "2", "--weekly", "3", "--monthly", "3")
    assert names(debrepo) == [
        "0112-13",  # of January, as the third month
        "0201-13",  # a Sunday, of the third week
        "0203-13",  # of February, and of the second week
        "0330-13",  # of the second day
        "0331-13",  # of all firsts
    ]
    debrepo("snapshot", "prune", "--yearly", "5")
    assert names(debrepo) == ["0331-13"]


def test_only_names_that_match_are_considered(debrepo, made):
    made({"nightly-1": 1, "nightly-2": 2, "release-1": 3, "release-[2]": 4})
    debrepo("snapshot", "prune", "--keep", "1", "--name", "nightly-*")
    assert names(debrepo) == ["nightly-1", "release-1", "release-[2]"]
    debrepo("snapshot", "prune", "--keep", "1", "--name", "release-*")
    assert names(debrepo) == ["nightly-1", "release-1"]


def test_published_protected_and_used_snapshots_stay(debrepo, made, debrepo_root):
    made({"new": 1, "published": 2, "protected": 3, "used": 4, "free": 5})
    made({"user": 1}, source="snapshot:used")
    debrepo("publish", "snapshot", "published", "--distribution", "stable", "--skip-signing")
    debrepo("snapshot", "edit", "protected", "--protected")
    result = debrepo("snapshot", "prune", "--keep", "1", "--json")
    assert json.loads(result.stdout) == {
        "dropped": ["free"],
        "held": {
            "protected": "it is protected",
            "published": "publication ./stable needs it",
            "used": "snapshot user needs it",
        },
        "kept": 5,
    }
    assert names(debrepo) == ["new", "protected", "published", "used", "user"]


def test_snapshots_go_together_with_those_that_were_made_from_them(debrepo, made):
    made({"new": 1, "old": 50})
    made({"filtered": 2, "filtered-old": 49}, source="snapshot:old")
    made({"newer-of-both": 1, "of-both": 48}, source="snapshot:filtered-old")
    debrepo("snapshot", "prune", "--keep", "1")
    assert names(debrepo) == ["filtered", "filtered-old", "new", "newer-of-both", "old"]
    debrepo("snapshot", "drop", "newer-of-both")
    debrepo("snapshot", "drop", "filtered")
    made({"a": 1}, source="snapshot:old")
    debrepo("snapshot", "drop", "a")
    result = debrepo("snapshot", "prune", "--keep", "1")
    assert result.stdout == ""  # as the newest one that was made from ``old`` needs it


def test_protected_snapshot_is_not_dropped_by_force_either(debrepo, made):
    made({"a": 1})
    debrepo("snapshot", "edit", "a", "--protected")
    assert "Protected: yes" in debrepo("snapshot", "show", "a").output
    result = debrepo("snapshot", "drop", "a", "--force", exit_code=5)
    assert result.output == (
        'Error: snapshot a is protected\nHint: run "debrepo snapshot edit a --no-protected"\n'
    )
    debrepo("snapshot", "edit", "a", "--no-protected", "--description", "gone soon")
    debrepo("snapshot", "drop", "a")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "nothing says which snapshots to keep"),
        (("--name", "*"), "nothing says which snapshots to keep"),
        (("--older-than", "90"), "'90' is no span of time"),
        (("--older-than", "-1d"), "'-1d' is no span of time"),
        (("--keep", "-1"), "cannot keep -1 snapshots by --keep"),
        (("--keep", "1", "--daily", "-2"), "cannot keep -2 snapshots by --daily"),
        (("--keep", "many"), "'many' is not a valid integer"),
    ],
)
def test_bad_input_is_refused_and_changes_nothing(debrepo, made, words, said):
    made({"a": 1, "b": 2})
    result = debrepo("snapshot", "prune", *words, exit_code=2)
    assert said in result.output
    assert names(debrepo) == ["a", "b"]


def test_snapshots_younger_than_the_calendar_stay(debrepo, made):
    made({"a": 1, "b": 2})
    assert debrepo("snapshot", "prune", "--older-than", "99999y").stdout == ""
    assert names(debrepo) == ["a", "b"]


def test_edit_of_nothing_is_wrong_usage(debrepo, made):
    made({"a": 1})
    result = debrepo("snapshot", "edit", "a", exit_code=2)
    assert "say what to change: --description or --protected" in result.output


def test_snapshot_that_another_tool_has_left_without_a_time_is_the_oldest(session):
    session.call("snapshot.create", name="a")
    session.call("snapshot.create", name="b")
    with session.db.write() as txn:
        txn[SNAPSHOTS]["b"] = txn[SNAPSHOTS]["b"]._replace(created="")
    assert [one.name for one in operations.prune(session, keep=1).dropped] == ["b"]


def test_nothing_is_dropped_where_one_cannot_be(session, monkeypatch):
    for name in ("a", "b", "c"):
        session.call("snapshot.create", name=name)
    real, dropped = operations._drop, []

    def drop(*args):
        if dropped:
            raise InUse("the second one")
        dropped.append(args)
        real(*args)

    monkeypatch.setattr(operations, "_drop", drop)
    with pytest.raises(InUse, match="the second one"):
        operations.prune(session, keep=1)
    assert len(session.call("snapshot.list")) == 3


def test_span_of_time_that_is_none_is_refused(session):
    with pytest.raises(InvalidInput, match="'1m' is no span of time"):
        operations.prune(session, older_than="1m")


@pytest.mark.parametrize("rule", ["--keep", "--daily", "--yearly"])
def test_clock_that_was_ahead_costs_no_snapshot_that_was_made_after_it(debrepo, made, rule):
    made({"old": 2, "new": 1, "ahead": -400})
    result = debrepo("snapshot", "prune", rule, "1")
    assert result.stdout == "dropped  old\n"
    assert "ahead stays: it is dated in the future." in result.stderr
    assert names(debrepo) == ["ahead", "new"]


def test_clock_that_is_behind_costs_no_snapshot(debrepo, made, monkeypatch):
    made({"a": 1, "b": 2, "c": 3})
    monkeypatch.setattr("debrepo.clock.now", lambda: 86400)
    debrepo("snapshot", "prune", "--keep", "1")
    assert names(debrepo) == ["a", "b", "c"]

"""Who has published what, how generations differ, and what is still known of them."""

import json

import pytest

from debrepo import hookimpl
from debrepo.errors import InvalidInput, NotFound
from debrepo.testing.packages import build_deb
from debrepo_publish.engine import changes
from debrepo_publish.model import publications
from debrepo_publish.model.tables import GENERATIONS, HISTORY

DAY = 86400
NOW = 1_800_000_000


class Gate:
    """A plugin that lets nothing be published."""

    @hookimpl
    def debrepo_before_commit(self):
        raise InvalidInput("not today")


@pytest.fixture
def thrice(session, add, create, update):
    """Publish three generations, of which the last brings an older version of a package."""
    add("hello")
    add("tool", "2.0")
    create(origin="First")
    add("hello", "2.0")
    add("extra", "1.0", "arm64")
    update()
    session.call("repo.remove", name="tools", queries=["extra", "tool"])
    add("tool", "1.9")
    update(origin="Third")
    return session


def history(session, **words):
    return session.call("publish.history", distribution="stable", **words)


def compare(session, start, end=0):
    return session.call("publish.compare", distribution="stable", start=start, end=end)


def test_each_publish_has_a_row_newest_first(thrice):
    rows = [(one.row.number, one.state, one.row.packages) for one in history(thrice)]
    assert rows == [(3, "live", 3), (2, "kept", 4), (1, "kept", 2)]
    assert [one.row.changes for one in history(thrice)] == [
        {"downgraded": 1, "removed": 1},
        {"added": 1, "upgraded": 1},
        {"added": 2},
    ]
    assert [one.row.why for one in history(thrice, limit=1)] == ["publish update"]


def test_row_names_the_keys_and_the_bytes_that_came(thrice, tmp_path):
    newest = history(thrice)[0].row
    assert newest.keys
    assert newest.size == build_deb(tmp_path, "tool", "1.9").stat().st_size
    assert newest.created.startswith("2027-01-15T08:00")


def test_row_names_who_asked_for_it(session, add, create, update):
    add()
    create()
    add("more")
    acting = session.acting(actor="token ci")
    acting.call("publish.update", distribution="stable")
    assert history(session)[0].row.who == "token ci"


def test_rows_stay_when_generations_are_gone(thrice, add, update, clock):
    add("late")
    clock(NOW + 9 * DAY)
    update(keep_generations=0, grace=0)
    add("later")
    clock(NOW + 10 * DAY)
    update()
    states = {one.row.number: one.state for one in history(thrice)}
    assert states == {1: "gone", 2: "gone", 3: "gone", 4: "gone", 5: "live"}
    assert history(thrice)[-1].row.changes == {"added": 2}
    with pytest.raises(NotFound, match=r"generation 2 of \./stable is not kept any more"):
        compare(thrice, 2)


def test_packages_that_the_history_alone_names_are_collected(thrice, add, update, clock):
    clock(NOW + 9 * DAY)
    add("late")
    update(keep_generations=0, grace=0)
    clock(NOW + 10 * DAY)
    add("later")
    update()
    assert thrice.call("db.cleanup").packages > 0
    assert len(history(thrice)) == 5


def test_history_is_bounded(session, add, create, update):
    session.config.override("publish.history", 2, "the test")
    add("a")
    create(keep_generations=0, grace=0)
    for name in ("b", "c", "d"):
        add(name)
        update()
    with session.db.read() as txn:
        assert [row.number for row in txn[HISTORY].values()] == [3, 4]


def test_publish_that_fails_leaves_no_row(thrice, add, update):
    add("more")
    thrice.plugins.register(Gate(), "gate")
    with pytest.raises(InvalidInput):
        update()
    with thrice.db.read() as txn:
        assert sorted(row.number for row in txn[HISTORY].values()) == [1, 2, 3]


def test_generations_without_a_row_are_listed_too(thrice):
    with thrice.db.write() as txn:
        for key in list(txn[HISTORY]):
            del txn[HISTORY][key]
    assert [(one.row.number, one.row.packages) for one in history(thrice)] == [
        (3, 3),
        (2, 4),
        (1, 2),
    ]


def test_dropped_publication_has_no_history(thrice, create):
    thrice.call("publish.drop", distribution="stable")
    with pytest.raises(NotFound, match="nothing is published as stable"):
        history(thrice)
    create()
    assert [one.row.number for one in history(thrice)] == [1]


def test_generations_are_compared_in_either_direction(thrice):
    found = {(one.change, one.name, one.before, one.after) for one in compare(thrice, 1).packages}
    assert found == {("upgraded", "hello", "1.0", "2.0"), ("downgraded", "tool", "2.0", "1.9")}
    back = {(one.change, one.name) for one in compare(thrice, 3, 1).packages}
    assert back == {("downgraded", "hello"), ("upgraded", "tool")}


def test_fields_of_generations_are_compared_and_those_marked_that_stop_apt(thrice):
    fields = [(one.name, one.before, one.after, one.stops) for one in compare(thrice, 1).fields]
    assert ("Origin", "First", "Third", True) in fields
    assert ("Architectures", "amd64", "amd64 arm64", False) in fields


def test_other_build_of_a_version_is_a_rebuild(session, add, create, update):
    add("hello")
    create()
    session.call("repo.remove", name="tools", queries=["hello"])
    add("hello", fields={"Description": "again"})
    update()
    assert [one.change for one in compare(session, 1).packages] == ["rebuilt"]
    assert history(session)[0].row.changes == {"rebuilt": 1}


def test_architecture_that_is_not_served_any_more_takes_its_packages_along(
    session, add, create, update
):
    add("hello")
    add("hello", architecture="arm64")
    create()
    update(architectures=("amd64",))
    (one,) = compare(session, 1).packages
    assert (one.change, one.architecture) == ("removed", "arm64")
    assert [one.change for one in compare(session, 2, 1).packages] == ["added"]


def test_comparing_reads_the_chunks_that_differ(session, add, create, update, small_chunks):
    for number in range(40):
        add(f"package{number}")
    create()
    add("package7", "2.0")
    update()
    with session.db.read() as txn:
        old, new = (publications.generation(txn, ". stable", number) for number in (1, 2))
        known = dict(txn[changes.CHUNKS])
        read = []

        class Reading(dict):
            def __missing__(self, digest):
                read.append(digest)
                return known[digest]

        counting = type("Txn", (), {"__getitem__": lambda _, __: Reading()})()
        assert [one.name for one in changes.between(counting, old, new)] == ["package7"]
    assert len(read) < len(known) / 2


@pytest.mark.parametrize("number", [7, -1])
def test_unknown_generation_is_an_error_that_names_those_that_are_there(thrice, number):
    with pytest.raises(NotFound, match=rf"\./stable has no generation {number}") as caught:
        compare(thrice, number)
    assert caught.value.hint == "there are: 1, 2, 3"
    with pytest.raises(NotFound, match=r"generation 7 of \./stable is not kept"):
        thrice.call("publish.show", distribution="stable", generation=7)


def test_pending_generation_is_none_of_the_history(thrice):
    with thrice.db.write() as txn:
        live = publications.generation(txn, ". stable", 3)
        txn[GENERATIONS][". stable\x000000000004"] = live._replace(number=4, state="pending")
    assert history(thrice)[0].row.number == 3


@pytest.fixture
def published(debrepo, tmp_path, monkeypatch):
    monkeypatch.setenv("DEBREPO_PUBLISH_SKIP_SIGNING", "1")
    debrepo("repo", "create", "tools")
    debrepo("repo", "add", "tools", build_deb(tmp_path, "hello", "2.0"))
    debrepo("publish", "repo", "tools", "--distribution", "stable", "--origin", "Us")
    debrepo("repo", "remove", "tools", "hello")
    debrepo("repo", "add", "tools", build_deb(tmp_path, "hello", "1.0"))


def test_commands_show_history_and_differences(debrepo, published):
    said = debrepo("publish", "update", "stable", "--dry-run", "--origin", "Them").stdout
    assert "Origin: 'Us' becomes 'Them'; apt stops until somebody confirms it" in said
    assert "downgraded main amd64 hello 2.0 -> 1.0" in said
    debrepo("publish", "update", "stable", "--origin", "Them")
    lines = debrepo("publish", "history", "stable").stdout.splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [["2", "live"], ["1", "kept"]]
    assert "1 downgraded" in lines[1]
    assert debrepo("publish", "history", "stable", "--limit", "1").stdout.count("\n") == 2
    rows = json.loads(debrepo("publish", "history", "stable", "--json").stdout)
    assert [(row["number"], row["changes"]) for row in rows] == [
        (2, {"downgraded": 1}), (1, {"added": 1}),
    ]  # fmt: skip
    assert debrepo("publish", "diff", "stable", ".", "2", "2").stdout == (
        "Clients saw no difference between these generations of ./stable.\n"
    )


def test_markdown_has_a_table_of_fields_and_one_of_packages(debrepo, published):
    expected = (
        "| Field  | Before | After | apt   |\n"
        "| ------ | ------ | ----- | ----- |\n"
        "| Origin | Us     | Them  | stops |\n"
        "\n"
        "| Change     | Component | Architecture | Package | Before | After |\n"
        "| ---------- | --------- | ------------ | ------- | ------ | ----- |\n"
        "| downgraded | main      | amd64        | hello   | 2.0    | 1.0   |\n"
    )
    words = ("publish", "update", "stable", "--origin", "Them")
    assert debrepo(*words, "--dry-run", "--markdown").stdout == expected
    debrepo(*words)
    assert debrepo("publish", "diff", "stable", "1", "--markdown").stdout == expected


def test_one_generation_is_shown(debrepo, published):
    said = debrepo("publish", "show", "stable", "--generation", "1").stdout
    assert "Generation: 1\nState: live\n" in said
    assert "  main: repo:tools, 1 package\n" in said
    found = json.loads(debrepo("publish", "show", "stable", "--generation", "1", "--json").stdout)
    assert (found["number"], found["document"]["origin"]) == (1, "Us")


def test_words_that_are_no_generations_are_usage_errors(debrepo, published):
    for words, expected in (
        (("1", "x"), "'x' is not the number of a generation"),
        ((".", "x"), "'x' is not the number of a generation"),
        (("1", "2", "3"), "3 generations are too many"),
        (("1", "--url", "http://127.0.0.1:9"), "--url is compared with the next update"),
    ):
        assert expected in debrepo("publish", "diff", "stable", *words, exit_code=2).output

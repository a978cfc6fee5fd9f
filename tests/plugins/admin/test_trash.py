"""The trash: what a cleanup takes out of the database comes back until its time is over."""

import json
from contextlib import closing
from hashlib import sha256

import pytest

from debrepo import clock
from debrepo.database import bytes_table
from debrepo.plugins import load_plugins
from debrepo.session import Session
from debrepo.testing.crashes import crashes
from debrepo.testing.packages import build_deb, build_source
from debrepo_admin import garbage, trash
from debrepo_admin.checks import problems
from debrepo_admin.trash import TRASH, Trashed

DAY = 86400


@pytest.fixture
def emptied(session, tmp_path):
    """Return a session whose packages a cleanup has just put into the trash."""
    session.call("repo.create", name="r")
    paths = [build_deb(tmp_path), build_deb(tmp_path, "other"), build_source(tmp_path)]
    list(session.call("repo.add", name="r", paths=paths))
    session.call("repo.remove", name="r", queries=["Name (% *)"])
    assert session.call("db.cleanup").trashed == 3
    return session


def files(session):
    return len(list(session.pool))


def members(session):
    shown = session.call("repo.show", name="r", with_packages=True)
    return sorted(key.display for key in shown.packages)


def age(session, seconds):
    """Let what is in the trash have been there for some time."""

    def change(txn):
        for entry, row in list(txn[TRASH].items()):
            txn[TRASH][entry] = Trashed(clock.now() - seconds, row.record)

    session.db.update(change)


def test_packages_in_the_trash_are_in_no_search_and_keep_their_files(emptied):
    assert files(emptied) == 5
    assert emptied.call("package.search", queries=["Name (% *)"]) == []
    assert [one.key.name for one in emptied.call("db.trash")] == ["hello", "hello", "other"]
    assert [one.key.name for one in emptied.call("db.trash", queries=["other"])] == ["other"]
    assert not list(problems(emptied, files=True))


def test_everything_comes_back_with_its_stanza_and_files(emptied):
    done = emptied.call("db.restore", everything=True, repo="r")
    assert len(done.packages) == 3
    assert members(emptied) == ["hello_1.0-1_source", "hello_1.0_amd64", "other_1.0_amd64"]
    assert not list(problems(emptied, files=True))
    assert emptied.call("db.trash") == []
    assert emptied.call("db.cleanup").packages == 0


def test_queries_choose_by_fields_of_the_record(emptied):
    emptied.call("db.restore", queries=["Description (% *other*)"], repo="r")
    assert members(emptied) == ["other_1.0_amd64"]
    assert len(emptied.call("db.trash")) == 2


def test_packages_go_when_their_time_is_over(emptied):
    age(emptied, 7 * DAY - 60)
    assert emptied.call("db.cleanup").emptied == 0
    assert files(emptied) == 5
    age(emptied, 7 * DAY)
    done = emptied.call("db.cleanup")
    assert (done.emptied, done.files, files(emptied)) == (3, 5, 0)


def test_time_in_the_trash_does_not_begin_while_the_clock_is_behind(session, tmp_path, monkeypatch):
    now = clock.now()
    session.call("db.cleanup")
    session.call("repo.create", name="r")
    list(session.call("repo.add", name="r", paths=[build_deb(tmp_path)]))
    session.call("repo.remove", name="r", queries=["hello"])
    with monkeypatch.context() as behind:
        behind.setattr(clock, "now", lambda: now - 400 * DAY)
        assert session.call("db.cleanup").trashed == 1
    assert session.call("db.cleanup").emptied == 0
    monkeypatch.setattr(clock, "now", lambda: now + 7 * DAY - 60)
    assert session.call("db.cleanup").emptied == 0
    monkeypatch.setattr(clock, "now", lambda: now + 7 * DAY + 60)
    assert session.call("db.cleanup").emptied == 1


def test_package_that_came_back_while_the_clock_was_behind_is_trashed_for_the_whole_time(
    emptied, monkeypatch
):
    now = clock.now()
    with monkeypatch.context() as behind:
        behind.setattr(clock, "now", lambda: now - 400 * DAY)
        emptied.call("db.restore", everything=True)
        assert emptied.call("db.cleanup").trashed == 3
    assert emptied.call("db.cleanup").emptied == 0


def test_clock_that_is_behind_is_named(debrepo, monkeypatch):
    debrepo("db", "cleanup")
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now - 400 * DAY)
    assert "Warning: the clock says" in debrepo("db", "cleanup").stderr


def test_dry_run_counts_what_the_trash_would_lose(emptied):
    age(emptied, 7 * DAY)
    planned = emptied.call("db.cleanup", dry_run=True)
    assert (planned.emptied, planned.files, planned.packages) == (3, 5, 0)
    assert planned._replace(keys=()) == emptied.call("db.cleanup")


def test_dry_run_without_trash_counts_what_is_in_it(emptied):
    planned = emptied.call("db.cleanup", dry_run=True, trash=False)
    assert (planned.emptied, planned.files) == (3, 5)
    assert planned == emptied.call("db.cleanup", trash=False)


def test_package_that_was_added_again_is_not_in_the_trash_and_outlives_it(emptied, tmp_path):
    list(emptied.call("repo.add", name="r", paths=[tmp_path / "hello_1.0_amd64.deb"]))
    assert [one.key.display for one in emptied.call("db.trash")] == [
        "hello_1.0-1_source",
        "other_1.0_amd64",
    ]
    age(emptied, 8 * DAY)
    assert emptied.call("db.cleanup").emptied == 2
    assert members(emptied) == ["hello_1.0_amd64"]
    assert not list(problems(emptied, files=True))


def test_package_whose_file_was_lost_stays_in_the_trash_and_is_named(emptied, tmp_path):
    emptied.pool.delete(sha256((tmp_path / "other_1.0_amd64.deb").read_bytes()).hexdigest())
    done = emptied.call("db.restore", everything=True)
    assert [key.display for key in done.lost] == ["other_1.0_amd64"]
    assert len(emptied.call("db.trash")) == 1


def test_idle_server_deletes_what_has_been_there_long_enough(emptied):
    class Load:
        idle = False

        def is_idle(self):
            return self.idle

    load = Load()
    work = emptied.plugins.hook.debrepo_background()
    job = next(jobs["trash"] for jobs in work if "trash" in jobs).ref.load()(emptied, load)
    job()
    age(emptied, 8 * DAY)
    job()
    assert files(emptied) == 5
    load.idle = True
    job()
    assert files(emptied) == 0


def test_cleanup_killed_at_any_point_loses_no_package(session, debrepo_root, tmp_path):
    session.call("repo.create", name="r")
    list(session.call("repo.add", name="r", paths=[build_deb(tmp_path), build_source(tmp_path)]))
    session.call("repo.remove", name="r", queries=["Name (% *)"])
    session.close()

    def clean():
        with closing(Session(debrepo_root, load_plugins())) as one:
            garbage.collect(one, dry_run=False)

    for _ in crashes(clean, points=12):
        with closing(Session(debrepo_root, load_plugins())) as after:
            garbage.collect(after, dry_run=False)
            assert len(after.call("db.restore", everything=True, repo="r").packages) == 2
            assert not list(problems(after, files=True))
            after.call("repo.remove", name="r", queries=["Name (% *)"])


def test_emptying_killed_at_any_point_leaves_packages_whole_or_gone(
    session, debrepo_root, tmp_path
):
    session.call("repo.create", name="r")
    session.close()

    def clean():
        with closing(Session(debrepo_root, load_plugins())) as one:
            garbage.collect(one, dry_run=False, trash_can=False)

    for _ in crashes(clean, points=12):
        with closing(Session(debrepo_root, load_plugins())) as after:
            for one in after.call("db.trash"):
                assert after.call("db.restore", queries=[str(one.key)]).packages
            assert not list(problems(after, files=True))
            after.call("db.cleanup", trash=False)
            assert files(after) == 0
            list(after.call("repo.add", name="r", paths=[build_deb(tmp_path)]))
            after.call("repo.remove", name="r", queries=["Name (% *)"])
            after.call("db.cleanup")


# The commands.


@pytest.fixture
def filled(debrepo, debrepo_root, tmp_path):
    debrepo("repo", "create", "r")
    debrepo("repo", "add", "r", build_deb(tmp_path), build_deb(tmp_path, "other"))
    debrepo("repo", "remove", "r", "other")
    return debrepo_root


def test_cleanup_says_what_went_to_the_trash_and_restore_brings_it_back(debrepo, filled):
    said = debrepo("db", "cleanup").output.splitlines()
    assert said[0] == "Moved 1 package to the trash."
    assert said[1].startswith("Deleted 0 packages, ")
    heading, row = debrepo("db", "trash").output.splitlines()
    assert heading.split() == ["Package", "Until", "Size"]
    assert row.startswith("other_1.0_amd64")
    (listed,) = json.loads(debrepo("db", "trash", "--json").output)
    assert listed["until"] - listed["since"] == 7 * DAY
    assert debrepo("db", "restore", "other", "--repo", "r").output == "Restored 1 package to r.\n"
    assert "other" in debrepo("repo", "show", "r", "--with-packages").output
    assert debrepo("db", "trash").output == ""


def test_restore_needs_to_know_what_and_where_to(debrepo, filled):
    debrepo("db", "cleanup")
    assert 'Hint: run "debrepo db trash"' in debrepo("db", "restore", exit_code=2).output
    debrepo("db", "restore", "other", "--all", exit_code=2)
    debrepo("db", "restore", "none", exit_code=3)
    debrepo("db", "restore", "((", exit_code=2)
    debrepo("db", "restore", "--all", "--repo", "none", exit_code=3)
    assert "other" in debrepo("db", "trash").output


def test_trash_can_be_turned_off(debrepo, filled):
    (filled / "debrepo.toml").write_text('cleanup.trash = "0"\n')
    assert debrepo("db", "cleanup").output.startswith("Deleted 1 package, ")


def test_files_that_have_just_come_are_no_garbage(debrepo, filled):
    (filled / "debrepo.toml").write_text('cleanup.grace = "1h"\n')
    for words in ("--dry-run",), (), ("--no-trash",):
        assert "0 packages" in debrepo("db", "cleanup", *words).output
    (filled / "debrepo.toml").write_text("")
    assert "1 package" in debrepo("db", "cleanup").output


@pytest.mark.parametrize("name", ["grace", "trash"])
def test_setting_that_is_no_length_of_time_is_refused(debrepo, filled, name):
    (filled / "debrepo.toml").write_text(f'cleanup.{name} = "soon"\n')
    said = debrepo("db", "cleanup", exit_code=2).output
    assert f"cleanup.{name}: not a length of time: 'soon'" in said


def test_damaged_row_of_the_trash_is_named(debrepo, filled):
    debrepo("db", "cleanup")
    with closing(Session(filled, load_plugins())) as session:
        session.db.update(lambda txn: txn[bytes_table("admin.trash")].put_many([(b"x", b"short")]))
    assert "admin.trash is damaged" in debrepo("db", "trash", exit_code=8).output
    assert "admin.trash is damaged" in debrepo("db", "check", exit_code=8).output


def test_restore_that_was_killed_before_the_repository_had_the_packages_is_done_by_the_next(
    emptied,
):
    with emptied.db.read() as txn:
        entries = list(txn[TRASH])
    trash._put_back(emptied, entries, keep=True)  # the first of its three steps
    assert members(emptied) == []
    assert emptied.call("db.trash") == []
    emptied.call("db.restore", queries=["other"], repo="r")
    assert members(emptied) == ["other_1.0_amd64"]
    emptied.call("db.restore", everything=True, repo="r")
    assert members(emptied) == ["hello_1.0-1_source", "hello_1.0_amd64", "other_1.0_amd64"]
    assert list(problems(emptied, files=True)) == []

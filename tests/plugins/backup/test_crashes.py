"""Backups and restores that are killed: half a backup does not count, half a restore goes on."""

import shutil
from contextlib import closing

import pytest

from debrepo.errors import DatabaseBusy, NotFound
from debrepo.session import Session
from debrepo.testing.crashes import crashes, overtaken
from debrepo.testing.packages import build_deb
from debrepo_admin.checks import problems

POINTS = 8


def opened(root, plugins):
    return closing(Session(root, plugins))


@pytest.fixture
def to(tmp_path):
    return tmp_path / "to"


@pytest.fixture
def filled(debrepo_root, debrepo_plugins, tmp_path):
    with opened(debrepo_root, debrepo_plugins) as session:
        session.call("repo.create", name="tools")
        paths = [build_deb(tmp_path, name) for name in ("hello", "other")]
        assert [one.status for one in session.call("repo.add", name="tools", paths=paths)]
    return debrepo_root


def test_backup_that_is_killed_anywhere_does_not_count_and_the_next_one_does(
    filled, debrepo_plugins, to, tmp_path
):
    def back_up():
        with opened(filled, debrepo_plugins) as session:
            session.call("backup.create", to=str(to))

    for _ in crashes(back_up, points=POINTS):
        with opened(filled, debrepo_plugins) as session:
            try:
                found = session.call("backup.check", target=str(to), files=True)
            except NotFound:  # it has no backup, or is not even there
                found = []
            assert [one.problems for one in found] == [[] for _ in found]
            made = session.call("backup.create", to=str(to))
            checked = session.call("backup.check", target=str(to), at=made.id, files=True)
            assert [one.problems for one in checked] == [[]]
        assert not (filled / "cache" / "backup").exists()
        shutil.rmtree(to)


def test_restore_that_is_killed_anywhere_is_finished_by_the_next_one(
    filled, debrepo_plugins, to, tmp_path
):
    new = tmp_path / "new"
    with opened(filled, debrepo_plugins) as session:
        session.call("backup.create", to=str(to))

    def restore():
        with opened(new, debrepo_plugins) as session:
            session.call("backup.restore", source=str(to))

    first = True
    for _ in crashes(restore, points=POINTS):
        if not first and (not (new / "db").exists() or (new / "restoring").exists()):
            restore()
        first = False
        with opened(new, debrepo_plugins) as session:
            assert session.frozen
            assert list(problems(session, files=True, deep=False)) == []
            assert session.call("repo.show", name="tools").size == 2
        shutil.rmtree(new)


def test_pruning_that_is_killed_anywhere_leaves_the_newest_backup_whole(
    filled, debrepo_plugins, to, tmp_path
):
    def back_up():
        with opened(filled, debrepo_plugins) as session:
            session.call("backup.create", to=str(to))

    def prune():
        with opened(filled, debrepo_plugins) as session:
            session.call("backup.prune", target=str(to), keep=1)

    back_up()
    for _ in crashes(prune, points=POINTS):
        with opened(filled, debrepo_plugins) as session:
            found = session.call("backup.check", target=str(to), files=True)
            assert found[0].problems == []
            session.call("repo.create", name=f"r{len(list(to.rglob('*')))}-{len(found)}-{_}")
        back_up()


def test_cleanup_in_the_midst_of_a_backup_takes_nothing_from_it(
    filled, debrepo_plugins, to, tmp_path
):
    with opened(filled, debrepo_plugins) as session:
        debs = [tmp_path / f"{name}_1.0_amd64.deb" for name in ("hello", "other")]

        def back_up():
            made = session.call("backup.create", to=str(to))
            assert made.lacking == []

        def clean_up():
            session.call("repo.remove", name="tools", queries=["Name"])
            session.call("db.cleanup", trash=False)

        for _ in overtaken(back_up, clean_up, points=POINTS):
            found = session.call("backup.check", target=str(to), files=True)
            assert [one.problems for one in found] == [[] for _ in found]
            assert [one.status for one in session.call("repo.add", name="tools", paths=debs)]


def test_restore_that_was_killed_goes_on_with_the_same_backup(
    filled, debrepo_plugins, to, tmp_path
):
    new = tmp_path / "new"
    with opened(filled, debrepo_plugins) as session:
        first = session.call("backup.create", to=str(to)).id
        second = session.call("backup.create", to=str(to)).id
    new.mkdir()
    for half in ("frozen.1.partial", "restoring.1.partial"):  # killed before it had begun
        (new / half).touch()
        with opened(new, debrepo_plugins) as session:
            assert session.call("backup.restore", source=str(to)).id == second
        assert not list(new.glob("*.partial"))
        shutil.rmtree(new)
        new.mkdir()
    (new / "restoring").write_text(first + "\n")
    with opened(new, debrepo_plugins) as session:
        with pytest.raises(Exception, match=f"half restored, from the backup {first}"):
            session.call("backup.restore", source=str(to), at=second)
        assert session.call("backup.restore", source=str(to)).id == first


def test_restore_that_was_killed_while_it_wrote_the_database_is_finished(
    filled, debrepo_plugins, to, tmp_path
):
    new = tmp_path / "new"
    with opened(filled, debrepo_plugins) as session:
        number = session.call("backup.create", to=str(to)).id
    (new / ".db.partial").mkdir(parents=True)
    (new / ".db.partial/data.mdb").write_bytes(b"half of it")
    (new / "restoring").write_text(number + "\n")
    with opened(new, debrepo_plugins) as session:
        session.call("backup.restore", source=str(to))
        assert session.call("repo.show", name="tools").size == 2
    assert not (new / ".db.partial").exists()


def test_half_restored_root_gets_no_database_that_the_restore_would_take_for_its_own(
    filled, debrepo_plugins, to, tmp_path
):
    new = tmp_path / "new"
    with opened(filled, debrepo_plugins) as session:
        number = session.call("backup.create", to=str(to)).id
    new.mkdir()
    (new / "restoring").write_text(number + "\n")
    with opened(new, debrepo_plugins) as session:
        with pytest.raises(DatabaseBusy, match="half restored"):
            session.call("repo.create", name="early")
        assert not (new / "db").exists()
        session.call("backup.restore", source=str(to))
        assert session.call("repo.show", name="tools").size == 2

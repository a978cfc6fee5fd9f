"""A database is copied from LMDB to PostgreSQL and back, whatever happens meanwhile."""

import json
import shutil
from contextlib import closing

import pytest

from debrepo.catalog import CHUNKS
from debrepo.database import transfers
from debrepo.errors import AlreadyExists, DatabaseError
from debrepo.plugins import load_plugins
from debrepo.session import Session
from debrepo.testing.crashes import crashes
from debrepo.testing.packages import build_deb

pytestmark = pytest.mark.lmdb  # its roots begin with LMDB


@pytest.fixture
def filled(debrepo, debrepo_root, tmp_path, monkeypatch):
    """A root with a repository that is published, of which few entries go into a transaction."""
    debrepo("repo", "create", "tools", "--distribution", "stable")
    debrepo("repo", "add", "tools", build_deb(tmp_path), build_deb(tmp_path, "other"))
    debrepo("publish", "repo", "tools", "--skip-signing")
    monkeypatch.setattr(transfers, "_MOST", 8)
    return debrepo_root


def use(root, url):
    """Let a root have its database where a URL says; empty: in LMDB."""
    (root / "debrepo.toml").write_text(f"database.url = {json.dumps(url)}\n")


def copied(root, target):
    with closing(Session(root, load_plugins())) as session:
        return session.call("db.copy", target=str(target))


def test_root_moves_to_postgresql_and_back(debrepo, filled, url, tmp_path):
    there = json.loads(debrepo("db", "copy", "--json", url).stdout)
    assert "secret" not in json.dumps(there)
    shown = debrepo("repo", "show", "tools", "--with-packages").output
    shutil.move(filled / "db", tmp_path / "old")
    use(filled, url)
    assert debrepo("repo", "show", "tools", "--with-packages").output == shown
    debrepo("db", "check")
    assert "Nothing has changed" in debrepo("publish", "update", "stable").output
    debrepo("repo", "add", "tools", build_deb(tmp_path, "third"))
    shown = debrepo("repo", "show", "tools", "--with-packages").output

    back = json.loads(debrepo("db", "copy", "--json", filled / "db").stdout)
    assert back["entries"] > there["entries"]
    assert back["digest"] != there["digest"]
    use(filled, "")
    assert debrepo("repo", "show", "tools", "--with-packages").output == shown
    debrepo("db", "check")
    debrepo("publish", "update", "stable")
    assert copied(filled, tmp_path / "again").entries > 0


def test_both_sides_have_one_hash_wherever_they_are(filled, url, tmp_path):
    first = copied(filled, url)
    second = copied(filled, tmp_path / "copy")
    use(filled, url)
    third = copied(filled, tmp_path / "back")
    assert first.digest == second.digest == third.digest
    assert first.entries == second.entries == third.entries


def test_copy_that_was_used_is_not_written_over(debrepo, filled, url):
    copied(filled, url)
    assert copied(filled, url).written < 100  # what makes it a database
    use(filled, url)
    debrepo("repo", "create", "later")
    use(filled, "")
    with pytest.raises(AlreadyExists, match="was used since it was copied"):
        copied(filled, url)
    use(filled, url)
    assert "later" in debrepo("repo", "list").output


def test_copy_that_is_killed_anywhere_goes_on(filled, url, monkeypatch, tmp_path):
    wanted = copied(filled, tmp_path / "wanted")
    monkeypatch.setenv("DEBREPO_DATABASE_SCHEMA", "s0")
    for number, _ in enumerate(crashes(lambda: copied(filled, url), points=12)):
        with closing(Session(filled, load_plugins())) as session:
            found = copied(filled, url)
            assert (found.entries, found.digest) == (wanted.entries, wanted.digest)
            with closing(session.shared_store(url)) as store:
                assert _content(store) == _content(session.db._store)
        monkeypatch.setenv("DEBREPO_DATABASE_SCHEMA", f"s{number + 1}")


def _content(store):
    with store.transaction(write=False) as raw:
        found = {bytes(key): bytes(value) for key, value in raw.items(b"", b"\xff" * 512)}
    return {key: value for key, value in found.items() if not key.startswith(b"core.transfers\0")}


def test_unfinished_copy_is_no_database(debrepo, filled, url):
    with (
        closing(Session(filled, load_plugins())) as session,
        closing(session.shared_store(url)) as store,
        pytest.raises(KeyboardInterrupt),
    ):
        session.db.copy(store, reached=_interrupted_at(5))
    use(filled, url)
    said = debrepo("repo", "list", exit_code=8).output
    assert "is not finished" in said
    assert 'Hint: run "debrepo db copy TO" again where it was begun' in said


def _interrupted_at(count):
    steps = []

    def reached(step):
        steps.append(step)
        if len(steps) == count:
            raise KeyboardInterrupt

    return reached


def test_target_that_loses_its_connections_costs_another_try(postgresql, filled, url):
    database = url.rpartition("/")[2]
    ended = []

    def reached(step):
        if len(ended) < 4:
            ended.append(postgresql.disconnect(database))

    with closing(Session(filled, load_plugins())) as session:
        wanted = session.call("db.copy", target=str(filled / "other"))
        with closing(session.shared_store(url)) as store:
            assert session.db.copy(store, reached=reached).digest == wanted.digest
    assert sum(ended) >= 1


@pytest.mark.parametrize("written", [False, True])
def test_source_that_loses_its_connection_is_copied_on_or_the_next_time(
    postgresql, filled, url, tmp_path, monkeypatch, written
):
    monkeypatch.setattr(transfers, "_MOST", 1000)
    with closing(Session(filled, load_plugins())) as session, session.db.write() as txn:
        txn[CHUNKS].put_many((b"%032d" % number, b"x") for number in range(20_000))
    wanted = copied(filled, url)
    use(filled, url)
    steps = []

    def reached(step):
        steps.append(step)
        if len(steps) != 5:
            return
        if written:
            with closing(Session(filled, load_plugins())) as other:
                other.call("repo.create", name="meanwhile")
        postgresql.disconnect(url.rpartition("/")[2])

    with closing(Session(filled, load_plugins())) as session:
        if written:  # what the lost transaction saw is there no more
            with pytest.raises(DatabaseError):
                session.db.copy(tmp_path / "back", reached=reached)
            assert not (tmp_path / "back").exists()
        else:
            assert session.db.copy(tmp_path / "back", reached=reached).digest == wanted.digest
    if written:
        found = copied(filled, tmp_path / "back")
        assert wanted.entries < found.entries
        assert found.written < found.entries


def test_copy_costs_few_round_trips(filled, url, monkeypatch):
    monkeypatch.setattr(transfers, "_MOST", 5000)  # as it is otherwise
    with (
        closing(Session(filled, load_plugins())) as session,
        closing(session.shared_store(url)) as store,
    ):
        session.db.copy(store)
        assert store.round_trips <= 25

import subprocess
import sys

import lmdb
import pytest

from debrepo.database import json_table
from debrepo.errors import DatabaseError, PluginError
from debrepo.refs import TableRef

V1 = json_table("test.repos", load=dict, dump=dict)


def rename(txn):
    for name, repo in list(txn[V1].items()):
        txn[V1][name] = {"title": repo["name"]}


def count(txn):
    for name, repo in list(txn[V1].items()):
        txn[V1][name] = {**repo, "packages": 0}


def fail(txn):
    rename(txn)
    raise ZeroDivisionError


V2 = json_table("test.repos", load=dict, dump=dict, version=2, migrations=(rename,))
V3 = json_table("test.repos", load=dict, dump=dict, version=3, migrations=(rename, count))
FAILING = json_table("test.repos", load=dict, dump=dict, version=2, migrations=(fail,))
FORGETFUL = json_table("test.repos", load=dict, dump=dict, version=3, migrations=(rename,))


@pytest.fixture
def open_as(open_db, monkeypatch):
    """Open the database with one of the tables above, as a debrepo of that version would."""
    monkeypatch.setitem(sys.modules, "tables_under_test", sys.modules[__name__])

    def open_(name, **options):
        table = globals()[name]
        ref = TableRef(table.name, table.version, f"tables_under_test:{name}")
        return open_db(tables=[ref], **options)

    return open_


@pytest.fixture
def old(open_as):
    """A database that an older debrepo has left."""
    db = open_as("V1")
    db.update(lambda txn: txn[V1].update(stable={"name": "Stable"}))
    db.close()


def read(db, table):
    with db.read() as txn:
        return dict(txn[table])


def test_opening_lifts_older_records(old, open_as):
    assert read(open_as("V2"), V2) == {"stable": {"title": "Stable"}}


def test_opening_lifts_records_over_several_versions(old, open_as):
    assert read(open_as("V3"), V3) == {"stable": {"title": "Stable", "packages": 0}}


def test_records_are_lifted_once(old, open_as):
    for _ in range(2):
        db = open_as("V2")
        assert read(db, V2) == {"stable": {"title": "Stable"}}
        db.close()
    assert read(open_as("V3"), V3) == {"stable": {"title": "Stable", "packages": 0}}


def test_failing_migration_changes_nothing(old, open_as):
    with pytest.raises(ZeroDivisionError):
        open_as("FAILING")
    assert read(open_as("V1"), V1) == {"stable": {"name": "Stable"}}


def test_table_without_all_its_migrations_is_a_broken_plugin(old, open_as):
    with pytest.raises(PluginError, match=r"test\.repos has version 3, but 1 migrations"):
        open_as("FORGETFUL")


def test_migration_grows_a_map_that_is_too_small(open_as):
    db = open_as("V1", map_size=1 << 16)
    db.update(lambda txn: txn[V1].update({str(n): {"name": "x" * 900} for n in range(500)}))
    db.close()
    assert len(read(open_as("V2", map_size=1 << 16), V2)) == 500


def test_newer_records_are_refused(old, open_as):
    open_as("V3").close()
    with pytest.raises(DatabaseError) as caught:
        open_as("V2")
    assert "test.repos in " in str(caught.value)
    assert "has version 3, and this debrepo knows versions up to 2" in str(caught.value)
    assert caught.value.hint.startswith("upgrade debrepo")


def test_older_records_are_not_migrated_where_nothing_may_be_written(old, open_as):
    with pytest.raises(DatabaseError, match="cannot be migrated: it was opened for reading"):
        open_as("V2", read_only=True)


@pytest.mark.lmdb
def test_debrepo_that_runs_on_notices_a_migration_by_a_newer_one(old, open_as, tmp_path):
    db = open_as("V1")
    script = (
        "import pathlib, sys\n"
        "from debrepo.database import Database\n"
        "from debrepo.refs import TableRef\n"
        "ref = TableRef('test.repos', 2, 'test_schema:V2')\n"
        "Database(pathlib.Path(sys.argv[1]), [ref]).close()\n"
    )
    here = __file__.rpartition("/")[0]
    command = [sys.executable, "-c", f"import sys\nsys.path.append({here!r})\n{script}"]
    subprocess.run([*command, str(tmp_path / "db")], check=True)
    for _ in range(2):
        with pytest.raises(DatabaseError, match="has version 2"), db.read():
            pass
        with pytest.raises(DatabaseError, match="has version 2"), db.write():
            pass


def test_new_table_needs_no_migration(old, open_db, words):
    tables = [TableRef("test.repos", 1, ""), TableRef("test.words", 1, "")]
    db = open_db(tables=tables)
    assert read(db, words) == {}
    db.update(lambda txn: txn[words].update(a="ant"))
    assert db.stats()["tables"] == {"debrepo.schema": 4, "test.repos": 1, "test.words": 1}


def test_table_of_a_plugin_that_is_gone_stays(old, open_as, open_db):
    db = open_db(tables=[])
    db.update(lambda txn: None)
    db.close()
    assert read(open_as("V1"), V1) == {"stable": {"name": "Stable"}}


@pytest.mark.lmdb
def test_database_of_another_program_is_refused_and_not_touched(open_db, tmp_path):
    with lmdb.open(str(tmp_path / "db")) as foreign, foreign.begin(write=True) as txn:
        txn.put(b"theirs", b"1")
    before = (tmp_path / "db" / "data.mdb").read_bytes()
    with pytest.raises(DatabaseError, match="is the database of another program"):
        open_db()
    assert (tmp_path / "db" / "data.mdb").read_bytes() == before

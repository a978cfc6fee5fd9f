"""What is wrong with a database in PostgreSQL is said in one line, with what to do."""

import re
import subprocess
import sys

import pytest
from databases.postgresql import PASSWORD

from debrepo.errors import DatabaseError, DatabaseFull
from debrepo_postgresql.address import parse
from debrepo_postgresql.connection import SqlRefused
from debrepo_postgresql.failures import explain

OPTIONS = {"password_file": "", "schema": "debrepo"}


@pytest.fixture
def refused(debrepo, debrepo_root, monkeypatch):
    """Run a command on a database, and return what it says: one line, a hint, and no secret."""

    def run(url, *words, exit_code=8):
        monkeypatch.setenv("DEBREPO_DATABASE_URL", url)
        monkeypatch.setenv("DEBREPO_DATABASE_RECONNECT", "0")
        said = debrepo(*(words or ("repo", "list")), exit_code=exit_code).output
        lines = said.splitlines()
        assert [line.partition(":")[0] for line in lines] == ["Error", "Hint"], said
        assert PASSWORD not in said
        assert "secret" not in said
        return said

    return run


def test_without_a_server(refused):
    said = refused("postgresql://me:secret@127.0.0.1:1/archive")
    assert "no PostgreSQL server answers for the database in postgresql://me@127.0.0.1:1" in said
    assert "start the server" in said


def test_with_a_wrong_password(refused, postgresql):
    said = refused(postgresql.url(password="secret"))
    assert "password authentication failed" in said
    assert "database.password_file" in said


def test_without_a_password(refused, postgresql, monkeypatch, tmp_path):
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "none"))
    assert "database.password_file" in refused(postgresql.url(password=""))


@pytest.mark.parametrize("name", ["database", "user"])
def test_with_an_unknown_name(refused, postgresql, name):
    url = {
        "database": postgresql.url("nowhere"),
        "user": postgresql.url(user="nobody", host="socket"),
    }[name]
    said = refused(url)
    assert "does not exist" in said
    assert "createuser makes roles and createdb databases" in said


def test_with_a_url_that_libpq_does_not_read(refused):
    said = refused("postgresql://me:%zz-secret@host/archive", exit_code=2)
    assert "no URL that PostgreSQL knows: postgresql://me@host/archive" in said


def test_password_comes_from_a_file(debrepo, debrepo_root, postgresql, url, monkeypatch):
    debrepo_root.mkdir(parents=True, exist_ok=True)
    (debrepo_root / "password").write_text(f"{PASSWORD}\n")
    monkeypatch.setenv("DEBREPO_DATABASE_PASSWORD_FILE", "password")
    monkeypatch.setenv("DEBREPO_DATABASE_URL", re.sub(":[^:]*@", "@", url))
    debrepo("repo", "list")


def test_password_file_that_is_missing(refused, postgresql, monkeypatch):
    monkeypatch.setenv("DEBREPO_DATABASE_PASSWORD_FILE", "/nowhere")
    assert "cannot read the password" in refused(postgresql.url(), exit_code=2)


def test_without_psycopg(url, tmp_path):
    script = (
        "import sys; sys.modules['psycopg'] = None\n"
        f"sys.argv[1:] = ['--root', {str(tmp_path)!r}, 'repo', 'list']\n"
        "from debrepo.__main__ import main; main()"
    )
    (tmp_path / "debrepo.toml").write_text(f"database.url = '{url}'\n")
    command = [sys.executable, "-c", script]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 9, run.stderr
    assert "a database in PostgreSQL needs psycopg" in run.stderr
    assert "pip install 'debrepo-manager[postgresql]'" in run.stderr


def test_with_tables_of_a_newer_debrepo(refused, debrepo, postgresql, url, monkeypatch):
    monkeypatch.setenv("DEBREPO_DATABASE_URL", url)
    debrepo("repo", "list")
    postgresql.sql("UPDATE debrepo.state SET version = 99", url.rpartition("/")[2])
    said = refused(url)
    assert "have version 99" in said
    assert "upgrade debrepo" in said


def test_with_tables_of_another_program(refused, postgresql, url):
    name = url.rpartition("/")[2]
    postgresql.sql(
        "CREATE SCHEMA debrepo; CREATE TABLE debrepo.state (id int);"
        " GRANT ALL ON SCHEMA debrepo TO debrepo; GRANT ALL ON debrepo.state TO debrepo",
        name,
    )
    assert "database.schema" in refused(url)


def test_without_the_right_to_make_a_schema(refused, postgresql, url):
    name = url.rpartition("/")[2]
    postgresql.sql(f'ALTER DATABASE "{name}" OWNER TO postgres', name)
    said = refused(url)
    assert "permission denied" in said
    assert "GRANT CREATE ON DATABASE" in said


def test_on_a_server_that_only_reads(refused, debrepo, postgresql, url, monkeypatch):
    monkeypatch.setenv("DEBREPO_DATABASE_URL", url)
    debrepo("repo", "create", "tools")
    name = url.rpartition("/")[2]
    postgresql.sql(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on', "postgres")
    assert "tools" in debrepo("repo", "list").output
    said = refused(url, "repo", "create", "others")
    assert "the server only reads" in said
    assert "name the primary" in said
    postgresql.sql(f'ALTER DATABASE "{name}" RESET default_transaction_read_only', "postgres")
    debrepo("repo", "create", "others")


def test_an_empty_database_on_a_server_that_only_reads(refused, postgresql, url):
    name = url.rpartition("/")[2]
    postgresql.sql(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on', "postgres")
    assert "the server only reads" in refused(url)


def test_full_disk_says_what_to_free():
    text = 'could not extend file "base/1/2": No space left on device'
    found = explain(SqlRefused(text, "53100", 0), "postgresql://host/db")
    assert isinstance(found, DatabaseFull)
    assert "free some space there" in found.hint


def test_what_a_server_refuses_for_other_reasons_is_quoted():
    found = explain(SqlRefused("no", "12345", 0), "postgresql://host/db")
    assert isinstance(found, DatabaseError)
    assert str(found) == "the database in postgresql://host/db: no (12345)"


def test_each_server_of_a_list_is_asked_for_one_that_writes(tmp_path):
    address = parse("postgresql://me@one:1,two:2/db?connect_timeout=3", OPTIONS, tmp_path)
    assert [b"one" in server for server in address.servers] == [True, False]
    assert all(b"target_session_attrs='read-write'" in server for server in address.servers)
    assert address.timeout == 3


def test_roots_of_one_database_have_schemas_of_their_own(tmp_path):
    options = OPTIONS | {"schema": "debrepo_{root}"}
    found = {parse("postgresql:///db", options, tmp_path / name).schema for name in "ab"}
    assert len(found) == 2
    assert all(re.fullmatch("debrepo_[0-9a-f]{16}", schema) for schema in found)

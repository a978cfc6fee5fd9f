"""The PostgreSQL server of the tests comes, goes and fails as it is told to."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from databases.postgresql import programs, server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from databases.postgresql import Server

pytestmark = pytest.mark.skipif(not programs(), reason="PostgreSQL is not installed")


@pytest.fixture(scope="module")
def durable() -> Iterator[Server]:
    with server(fast=False) as running:
        yield running


def test_what_was_committed_outlives_a_server_that_is_killed(durable):
    durable.sql("CREATE TABLE kept (number int); INSERT INTO kept VALUES (1)")
    durable.kill()
    durable.start()
    durable.sql("INSERT INTO kept VALUES (2)")
    durable.restart("immediate")
    assert durable.sql("SELECT number FROM kept ORDER BY number").split() == ["1", "2"]


def test_a_replica_is_promoted(durable):
    durable.sql("CREATE TABLE copied (number int)")
    replica = durable.replica()
    try:
        with pytest.raises(AssertionError, match="read-only transaction"):
            replica.sql("INSERT INTO copied VALUES (1)")
        replica.promote()
        replica.sql("INSERT INTO copied VALUES (1)")
        assert replica.sql("SELECT number FROM copied").split() == ["1"]
    finally:
        replica.close()


def test_a_database_refuses_connections_for_a_while(durable):
    durable.create("closed")
    with durable.refusing("closed"), pytest.raises(AssertionError, match="not currently accepting"):
        durable.sql("SELECT 1", "closed")
    assert durable.sql("SELECT 1", "closed").strip() == "1"


@pytest.mark.parametrize("host", ["", "socket"])
def test_the_role_of_debrepo_has_its_database_and_is_no_superuser(durable, host):
    psql = [durable.programs / "psql", "-XAtqw", durable.url(host=host), "-c"]
    made = [*psql, f"CREATE SCHEMA by_{host or 'tcp'}"]
    assert subprocess.run(made, check=False).returncode == 0
    refused = [*psql, "CREATE ROLE another"]
    done = subprocess.run(refused, capture_output=True, text=True, check=False)
    assert "permission denied" in done.stderr


STARTS = """
import os, sys
from databases.postgresql import server
with server() as running:
    print(running.directory, flush=True)
    sys.stdin.readline()
"""


def test_a_server_ends_with_the_process_that_started_it():
    tests = str(Path(__file__).parents[1])
    process = subprocess.Popen(
        [sys.executable, "-c", STARTS],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": tests},
    )
    assert process.stdout
    directory = Path(process.stdout.readline().strip())
    server_id = int((directory / "data" / "postmaster.pid").read_text().split()[0])
    watched = os.pidfd_open(server_id)
    process.kill()
    process.communicate()
    try:
        _until_ended(watched)
    finally:
        os.close(watched)
        subprocess.run(["rm", "-r", directory], check=True)


def _until_ended(watched: int) -> None:
    import select

    ended, _, _ = select.select([watched], [], [], 60)
    assert ended, "the server goes on"

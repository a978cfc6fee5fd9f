"""Work on the database that `DatabaseContract` has done, in this process or in another one."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from debrepo.database import Database, Transaction, bytes_table
from debrepo.refs import TableRef

if TYPE_CHECKING:
    from debrepo.database.store import Store

BLOBS = bytes_table("contract.blobs")
OTHERS = bytes_table("contract.others")  # behind the first one, as its keys are


def _lift(txn: Transaction) -> None:
    for key, value in list(txn[BLOBS].items()):
        txn[BLOBS][key] = value + b"!"


#: The same table, one version later.
LIFTED = bytes_table("contract.blobs", version=2, migrations=(_lift,))

TABLES = (
    TableRef(BLOBS.name, 1, "debrepo.testing.database_work:BLOBS"),
    TableRef(OTHERS.name, 1, "debrepo.testing.database_work:OTHERS"),
)
LATER = (TableRef(BLOBS.name, 2, "debrepo.testing.database_work:LIFTED"), TABLES[1])
COUNT = b"count"


def work(store: Store, what: str, number: str) -> None:
    """Do in another process what a test of `DatabaseContract` wants."""
    with closing(database(store)) as db:
        if what == "count":
            for _ in range(int(number)):
                db.update(increase)
        while what == "pairs":  # until it is killed
            made = db.update(_pair)
            print(made, flush=True)  # noqa: T201  # the test reads it: this one is committed


def increase(txn: Transaction) -> int:
    """Count one more, and return how many there were."""
    found = int(txn[BLOBS].get(COUNT, b"0")) + 1
    txn[BLOBS][COUNT] = b"%d" % found
    return found


def _pair(txn: Transaction) -> int:
    """Write a number twice, and a few kilobytes between, in two tables."""
    number = increase(txn)
    txn[OTHERS].put_many((b"%d %d" % (number, part), b"x" * 999) for part in range(50))
    txn[OTHERS][b"last"] = b"%d" % number
    return number


def database(store: Store, tables: tuple[TableRef, ...] = TABLES) -> Database:
    """Open a database on a store."""
    return Database(Path("unused"), tables, store=store)

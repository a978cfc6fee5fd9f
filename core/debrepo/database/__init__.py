"""The package database: an ordered key-value store with transactions, and named tables.

A transaction is the unit of work. Functions that read or change the database take one
as their first argument; only an operation opens one::

    with session.db.write() as txn:
        txn[REPOS]["stable"] = LocalRepo("stable")

Readers never wait. One writer is let in at a time, across threads and processes: hold a
write transaction for as long as it takes to record a decision, never across a download, an
upload or a signature.

The store is LMDB, or one that a plugin brings, with one key space: a table is the keys that start
with its name. So a table needs no creating, and nothing here asks for more than any ordered store
can give.
"""

from debrepo.database.copying import read_entries, write_entries
from debrepo.database.database import Database
from debrepo.database.tables import Table, TableView, bytes_table, json_table
from debrepo.database.transaction import Change, Transaction

__all__ = [
    "Change",
    "Database",
    "Table",
    "TableView",
    "Transaction",
    "bytes_table",
    "json_table",
    "read_entries",
    "write_entries",
]

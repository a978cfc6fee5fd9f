"""The schema: which version the records of each table have, and migrating older ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo.database.asking import Range
from debrepo.database.tables import Table, TableView
from debrepo.errors import DatabaseError, PluginError
from debrepo.refs import TableRef

if TYPE_CHECKING:
    from collections.abc import Iterable

    from debrepo.database.store import RawTransaction
    from debrepo.database.transaction import Transaction

#: Table name to the version of its records; under the empty name, a number that changes
#: whenever one of them does.
SCHEMA: Table[str, int] = Table(
    "debrepo.schema",
    load=int,
    dump=lambda version: b"%d" % version,
    load_key=bytes.decode,
    dump_key=str.encode,
)
STAMP = b"debrepo.schema\0"  #: the key under which that number is
_UNSEEN = b"unseen"
_END = b"\xff" * 512  # behind every key


class Schema:
    """What this process knows of the tables, against what a database says of them.

    Another process may install a newer debrepo, and migrate, while this one runs: so each
    transaction starts with comparing one number.
    """

    def __init__(self, place: str, tables: Iterable[TableRef]) -> None:
        itself = TableRef(SCHEMA.name, SCHEMA.version, "debrepo.database.schema:SCHEMA")
        self.declared = {table.name: table for table in (itself, *tables)}
        self._place = place
        self._stamp: bytes | None = _UNSEEN
        self._unrecorded: tuple[str, ...] = ()

    @property
    def ahead(self) -> list[Range]:
        """What transactions look at, whatever they are for, as the tables are declared."""
        found = [_range(SCHEMA.name, 2 * len(self.declared))]
        return found + [_range(one.name, one.ahead) for one in self.declared.values() if one.ahead]

    def is_current(self, raw: RawTransaction) -> bool:
        """Return whether nothing has changed since the last `outdated` that found nothing."""
        return bool(raw.get(STAMP) == self._stamp)

    def outdated(self, raw: RawTransaction) -> dict[str, int]:
        """Return the tables with older records, and their versions.

        Raise `DatabaseError` where the records are newer, or not ours at all.
        """
        stamp = raw.get(STAMP)
        if stamp is None and next(raw.keys(b"", _END), None) is not None:
            self._refuse_unfinished(raw)
            raise DatabaseError(
                f"{self._place} is the database of another program",
                hint="choose another root directory",
            )
        stored = dict(TableView(SCHEMA, raw).range())
        older = self._older(stored)
        if not older:
            self._unrecorded = tuple(name for name in self.declared if name not in stored)
            self._stamp = stamp
        return older

    def _refuse_unfinished(self, raw: RawTransaction) -> None:
        """Raise `DatabaseError` for a copy of a database that is not whole."""
        from debrepo.database.transfers import unfinished

        source = unfinished(raw)
        if source:
            raise DatabaseError(
                f"the copy of {source} in {self._place} is not finished",
                hint='run "debrepo db copy TO" again where it was begun',
            )

    def record(self, raw: RawTransaction) -> None:
        """Write down the versions of the tables that this transaction may be the first to use."""
        if self._unrecorded:
            view = TableView(SCHEMA, raw)
            view.put_many((name, self.declared[name].version) for name in self._unrecorded)
            _restamp(view)

    def migrate(self, txn: Transaction) -> None:
        """Lift the records of all older tables to the version that is declared."""
        for name, version in self._older(dict(txn[SCHEMA].range())).items():
            declared = self.declared[name]
            table = declared.ref.load()
            if len(table.migrations) != declared.version - 1:
                raise PluginError(
                    f"the table {name} has version {declared.version}, "
                    f"but {len(table.migrations)} migrations"
                )
            for migration in table.migrations[version - 1 :]:
                migration(txn)
            txn[SCHEMA][name] = declared.version
        _restamp(txn[SCHEMA])

    def _older(self, stored: dict[str, int]) -> dict[str, int]:
        """Return the declared tables whose records are older; refuse newer ones."""
        older = {}
        for name, table in self.declared.items():
            version = stored.get(name, table.version)
            if version > table.version:
                raise DatabaseError(
                    f"the table {name} in {self._place} has version {version}, "
                    f"and this debrepo knows versions up to {table.version}",
                    hint="upgrade debrepo, or the plugin that brings the table, and restart it",
                )
            if version < table.version:
                older[name] = version
        return older


def _range(table: str, count: int) -> Range:
    """Return the range of the first entries of a table, or of the last ones."""
    name = table.encode()
    return Range(name + b"\0", name + b"\1", abs(count), reverse=count < 0)


def _restamp(view: TableView[str, int]) -> None:
    view[""] = view.get("", 0) + 1

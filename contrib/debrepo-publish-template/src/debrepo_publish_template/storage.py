"""A database file as an object store: replace the four methods by calls to your service."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from debrepo.errors import InvalidInput, RemoteError
from debrepo.object_storage import Headers, Object, ObjectStorage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    path TEXT PRIMARY KEY, data BLOB, tag INTEGER, written REAL, type TEXT, cache TEXT
) WITHOUT ROWID
"""


class TemplateStorage(ObjectStorage):
    """Objects in the rows of a table; the tag of an object counts its versions."""

    def __init__(self, file: Path, owner: str = "") -> None:
        super().__init__(owner)
        self._file = file
        self._run(_SCHEMA)

    @classmethod
    def open(cls, name: str, options: Mapping[str, object], root: Path) -> Self:
        """Check what is configured: say which setting is wrong, and what it could be."""
        file = str(options.get("file") or "")
        if not file:
            raise InvalidInput(
                f"storage template:{name} has no file", hint=f"set storage.template.{name}.file"
            )
        return cls(root / file, owner=str(root.resolve()))

    def write(
        self, path: str, body: bytes | Path, headers: Headers, *, only_if: str | None = None
    ) -> bool:
        """Store an object. A service with conditions takes ``only_if`` in a header."""
        data = body.read_bytes() if isinstance(body, Path) else body
        row = (data, time.time(), *headers, path)
        if only_if is None:
            return self._run(
                "INSERT INTO objects (data, written, type, cache, path, tag) "
                "VALUES (?, ?, ?, ?, ?, 1) ON CONFLICT (path) DO UPDATE SET tag = tag + 1, "
                "data = excluded.data, written = excluded.written, type = excluded.type, "
                "cache = excluded.cache",
                row,
            )
        if only_if:
            return self._run(
                "UPDATE objects SET data = ?, written = ?, type = ?, cache = ?, tag = tag + 1 "
                "WHERE path = ? AND tag = ?",
                (*row, int(only_if)),
            )
        return self._run(
            "INSERT OR IGNORE INTO objects (data, written, type, cache, path, tag) "
            "VALUES (?, ?, ?, ?, ?, 1)",
            row,
        )

    def read(self, path: str) -> Object | None:
        """Return an object; its age is better measured by the clock of the service."""
        for data, tag, written in self._ask(
            "SELECT data, tag, written FROM objects WHERE path = ?", path
        ):
            return Object(data, str(tag), time.time() - written)
        return None

    def remove(self, path: str) -> None:
        """Delete an object."""
        self._run("DELETE FROM objects WHERE path = ?", (path,))

    def names(self, prefix: str) -> Iterator[str]:
        """Yield paths, sorted; a service does this in pages."""
        query = "SELECT path FROM objects WHERE substr(path, 1, length(?)) = ? ORDER BY path"
        for (path,) in self._ask(query, prefix, prefix):
            yield path

    def size(self, path: str) -> int | None:
        """Return a size without reading the object: not needed, and faster."""
        found = self._ask("SELECT length(data) FROM objects WHERE path = ?", path)
        return int(found[0][0]) if found else None

    def _run(self, statement: str, values: Sequence[object] = ()) -> bool:
        """Run a statement in a transaction; tell whether it has changed something."""
        try:
            with closing(sqlite3.connect(self._file, timeout=60)) as database, database:
                return database.execute(statement, values).rowcount > 0
        except sqlite3.Error as error:  # translate what your service raises, once, here
            raise RemoteError(f"cannot write to {self._file}: {error}") from error

    def _ask(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        try:
            with closing(sqlite3.connect(self._file, timeout=60)) as database:
                return database.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise RemoteError(f"cannot read {self._file}: {error}") from error

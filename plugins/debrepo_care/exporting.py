"""Export and import: the whole database as lines of JSON, in the order of its keys."""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import closing
from typing import TYPE_CHECKING, Any, NamedTuple

from debrepo import __version__, durable
from debrepo.catalog import TABLES
from debrepo.database import Database, bytes_table
from debrepo.errors import AlreadyExists, DebrepoError, InvalidInput, cannot_write
from debrepo.refs import TableRef, declared
from debrepo.stopping import checkpoint
from debrepo_care import lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import BinaryIO

    from debrepo.database import Transaction
    from debrepo.session import Session

FORMAT = 1
_NAME = "debrepo export"
_BATCH = 2000  # records in a transaction of an import
_WALK = 1024  # records to read before their pages are unmapped
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
_LONGEST = 256 << 20  # bytes of a line


class Exported(NamedTuple):
    """What was written or read."""

    records: int
    left_out: list[str]  #: tables with secrets, which hold something


def export(session: Session, write: Callable[[bytes], object], *, secrets: bool) -> Exported:
    """Write a line that says what follows, one for each record, and one that ends them.

    All of it is of one moment, whatever others write meanwhile.
    """
    refs = _tables(session)
    chosen = [ref for ref in refs if secrets or not ref.secret]
    head = {
        "format": _NAME,
        "version": FORMAT,
        "debrepo": __version__,
        "tables": {ref.name: ref.version for ref in chosen},
        "secrets": secrets,
    }
    digest = hashlib.sha256()
    count = 0
    with session.db.read() as txn:
        left_out = [ref.name for ref in refs if ref not in chosen and txn[bytes_table(ref.name)]]
        for line in _lines(txn, chosen, head):
            data = line.encode() + b"\n"
            digest.update(data)
            write(data)
            count += 1
    end = {"records": count - 1, "sha256": digest.hexdigest()}
    write(lines.as_json(end).encode() + b"\n")
    return Exported(count - 1, left_out)


def to_file(session: Session, target: Path, *, secrets: bool) -> Exported:
    """Export into a new file, which gets its name when it is whole, and is for its owner alone."""
    try:
        if target.exists():
            raise AlreadyExists(f"{target} exists already", hint="name a file that does not")
        with durable.scratch(target.parent, f".{target.name}.") as work:
            with os.fdopen(os.open(work / "export", _NEW, 0o600), "wb") as file:
                done = export(session, file.write, secrets=secrets)
                file.flush()
                os.fsync(file.fileno())
            (work / "export").rename(target)
            durable.sync(target.parent)
    except OSError as error:
        raise cannot_write(target, error) from error
    return done


def from_file(session: Session, source: Path) -> Exported:
    """Import a file."""
    try:
        with source.open("rb") as file:
            return import_(session, file, str(source))
    except OSError as error:
        raise InvalidInput(f"cannot read {source}: {error.strerror}") from None


def _tables(session: Session) -> list[TableRef]:
    return sorted(declared(session.hook.debrepo_tables, "table", TableRef, TABLES))


def _lines(txn: Transaction, refs: list[TableRef], head: dict[str, Any]) -> Iterator[str]:
    yield lines.as_json(head)
    number = 0
    for ref in refs:
        for key, value in txn[bytes_table(ref.name)].items():
            number += 1
            if not number % _WALK:
                checkpoint()
                txn.trim()
            yield lines.dumped(ref.name, bytes(key), bytes(value))


def import_(session: Session, source: BinaryIO, name: str) -> Exported:
    """Make the database of this root from an export; there must be none yet.

    It gets its name when it is whole: what ends before leaves nothing.
    """
    target = session.root / "db"
    try:
        if target.exists():
            raise AlreadyExists(
                f"there is a database in {target} already", hint="import into another --root"
            )
        session.root.mkdir(parents=True, exist_ok=True)
        refs, size = _tables(session), session.config["database.map_size"]
        with durable.scratch(session.root, ".db.import-") as work:
            with closing(Database(work / "db", [*refs], map_size=size)) as db:
                count = _fill(db, {ref.name: ref for ref in refs}, source, name)
            (work / "db").rename(target)
            durable.sync(session.root)
    except OSError as error:
        raise cannot_write(target, error) from error
    return Exported(count, [])


def _fill(db: Database, refs: dict[str, TableRef], source: BinaryIO, name: str) -> int:
    """Read an export into a database, each record by the codec of its table."""
    reader = _Reader(source, name)
    _check_head(reader, refs)
    batch: list[tuple[str, bytes, bytes]] = []
    count = 0

    def flush() -> None:
        db.update(lambda txn: _store(txn, batch))
        batch.clear()

    while "sha256" not in (line := reader.line()):
        try:
            record = lines.loaded(line)
            _check(refs, *record)
        except DebrepoError as error:
            raise reader.complain(str(error), error.hint) from None
        batch.append(record)
        count += 1
        if len(batch) >= _BATCH:
            checkpoint()
            flush()
    flush()
    if line != {"records": count, "sha256": reader.before}:
        raise reader.complain("what comes before is not what was exported")
    if reader.more():
        raise reader.complain("there is something behind the end of the export")
    return count


def _store(txn: Transaction, batch: list[tuple[str, bytes, bytes]]) -> None:
    for table, key, value in batch:
        txn[bytes_table(table)][key] = value


def _check_head(reader: _Reader, refs: dict[str, TableRef]) -> None:
    head = reader.line()
    if head.get("format") != _NAME:
        raise reader.complain("it is no export of debrepo", 'make one with "debrepo db export"')
    by = str(head.get("debrepo", "?"))[:40]
    if head.get("version") != FORMAT:
        raise reader.complain(
            f"its format is {head.get('version')!r:.40}, and this debrepo reads {FORMAT}",
            f"it was made by debrepo {by}",
        )
    tables = head.get("tables")
    if not isinstance(tables, dict):
        raise reader.complain("it does not say which tables it has")
    for name, version in tables.items():
        if name not in refs:
            raise reader.complain(
                f"no plugin declares the table {name[:80]}",
                "install or enable the plugin that it is of",
            )
        if version != refs[name].version:
            raise reader.complain(
                f"the table {name} has version {version!r:.40}, and here {refs[name].version}",
                f"import it with debrepo {by}, which made it, and upgrade that root",
            )


def _check(refs: dict[str, TableRef], table: str, key: bytes, value: bytes) -> None:
    """Raise unless the table reads this key and this value."""
    if table not in refs:
        raise InvalidInput(f"no plugin declares the table {table[:80]}")
    codec = refs[table].ref.load()
    try:
        codec.load_key(key)
        codec.load(value)
    except Exception as error:
        raise InvalidInput(f"{table} does not hold such a record: {error!r:.200}") from None


class _Reader:
    """The lines of an export, with their numbers and the checksum of what has been read."""

    def __init__(self, source: BinaryIO, name: str) -> None:
        self._source = source
        self._name = name
        self._number = 0
        self._digest = hashlib.sha256()
        self.before = ""  #: the SHA256 of all lines before the last one

    def line(self) -> dict[str, Any]:
        """Return the next line; raise `InvalidInput` where there is none, or no object."""
        data = self._source.readline(_LONGEST)
        self._number += 1
        if not data.endswith(b"\n"):
            raise self.complain("it ends too early", "copy it again: it was cut off")
        self.before = self._digest.hexdigest()
        self._digest.update(data)
        try:
            found = json.loads(data)
        except (ValueError, RecursionError):
            raise self.complain("it is not JSON") from None
        if not isinstance(found, dict):
            raise self.complain("it is no JSON object")
        return found

    def more(self) -> bool:
        """Return whether something follows."""
        return bool(self._source.read(1))

    def complain(self, said: str, hint: str = "") -> InvalidInput:
        """Return the error for the last line."""
        return InvalidInput(f"{self._name}, line {self._number}: {said}", hint=hint)

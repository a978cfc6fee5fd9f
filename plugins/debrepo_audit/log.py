"""The audit log: who changed what and when, each record chained to the one before."""

from __future__ import annotations

import json
import os
import pwd
from _blake2 import blake2b  # hashlib would load OpenSSL for it
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from debrepo.database import Change, Table, json_table
from debrepo.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from debrepo.calls import Call
    from debrepo.database import Transaction

_FIRST = "0" * 32  # ``previous`` of the first record


class Record(NamedTuple):
    """What an operation changed in one transaction."""

    number: int
    time: str  #: ISO 8601, UTC
    actor: str
    operation: str
    scope: str  #: with the arguments filled in: ``repo:web:add``
    changes: tuple[Change, ...]
    previous: str  #: the hash of the record before
    hash: str = ""

    def is_about(self, what: str) -> bool:
        """Tell whether something is among the changes, or was operated on: ``repo:web``.

        The changes have what gets another state: an edit of properties leaves that as it is.
        """
        return any(change.what == what for change in self.changes) or any(
            scope.rpartition(":")[0] == what for scope in self.scope.split(" ")
        )

    def hashed(self) -> str:
        """Return the hash of all other fields."""
        fields = self._replace(hash="")._asdict()
        text = json.dumps(fields, separators=(",", ":"), sort_keys=True)
        return blake2b(text.encode(), digest_size=16).hexdigest()


def _load(fields: dict[str, Any]) -> Record:
    return Record(**{**fields, "changes": tuple(Change(*change) for change in fields["changes"])})


def _number(data: bytes) -> int:
    return int.from_bytes(data, "big")


def _key(number: int) -> bytes:
    return number.to_bytes(8, "big")


_named = json_table("audit.records", load=_load, dump=Record._asdict, record=Record)
RECORDS: Table[int, Record] = Table(_named.name, _named.load, _named.dump, _number, _key)


def append(txn: Transaction, call: Call) -> None:
    """Add a record of the changes of this transaction."""
    last = txn[RECORDS].last()
    number, previous = (last[0] + 1, last[1].hash) if last else (1, _FIRST)
    record = Record(
        number,
        datetime.now(UTC).isoformat(timespec="milliseconds"),
        call.actor or local_user(),
        call.operation.name,
        " ".join(call.scopes),
        tuple(txn.changes),
        previous,
    )
    txn[RECORDS][number] = record._replace(hash=record.hashed())


def newest_first(txn: Transaction, before: int = 0) -> Iterator[Record]:
    """Yield the records, newest first; those with numbers less than ``before``, if it is given."""
    for _, record in txn[RECORDS].range(stop=before or None, reverse=True):
        yield record


def faults(txn: Transaction) -> Iterator[str]:
    """Yield a line for each place where the chain is broken."""
    previous, expected = _FIRST, 1
    for number, record in txn[RECORDS].range():
        if number != expected:
            yield f"audit records {expected} to {number - 1} are missing"
        elif record.previous != previous:
            yield f"audit record {number} does not follow the one before"
        if record.hash != record.hashed() or record.number != number:
            yield f"audit record {number} was changed after it was written"
        previous, expected = record.hash, number + 1


def local_user() -> str:
    """Return the user who runs this process, and who called sudo, if anyone."""
    try:
        user = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        user = f"uid {os.geteuid()}"
    before = os.environ.get("SUDO_USER", "")
    where = f"{user}@{os.uname().nodename}"
    return f"{before} as {where}" if before else where

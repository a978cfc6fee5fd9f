"""Records of tasks: stored by one server, and resumed by the next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from debrepo.database import Table, json_table
from debrepo.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Iterator

    from debrepo.database import Transaction
    from debrepo.http import Caller

WAITING, RUNNING, SUCCEEDED, FAILED = range(4)


class TaskRecord(NamedTuple):
    """A task and its state."""

    id: int
    name: str
    server: str  #: the lease of the server that runs it
    actor: str
    scopes: tuple[str, ...]
    resources: tuple[str, ...]
    work: str  #: an import reference
    arguments: dict[str, Any] | None  #: ``None`` where they are secret
    resumable: bool
    created: str
    state: int = WAITING
    output: str = ""
    detail: dict[str, Any] = {}  # noqa: RUF012  # never changed in place
    status: int = 0
    value: Any = None
    identity: str = ""  #: as `Caller.identity`; empty in records of older versions

    @property
    def ended(self) -> bool:
        """Whether it succeeded or failed."""
        return self.state in {SUCCEEDED, FAILED}

    def belongs_to(self, caller: Caller) -> bool:
        """Whether this caller asked for it, and not an earlier owner of the same name."""
        asked = (self.actor, self.identity)
        return not caller.anonymous and asked == (caller.name, caller.identity)

    def summary(self) -> dict[str, object]:
        """Return the task as JSON for clients."""
        resources = list(self.resources) or None
        return {"Name": self.name, "ID": self.id, "State": self.state, "Resources": resources}


def _load(fields: dict[str, Any]) -> TaskRecord:
    lists = {"scopes": tuple(fields["scopes"]), "resources": tuple(fields["resources"])}
    return TaskRecord(**{**fields, **lists})


def _number(data: bytes) -> int:
    return int.from_bytes(data, "big")


def _key(number: int) -> bytes:
    return number.to_bytes(8, "big")


_named = json_table("server.tasks", load=_load, dump=TaskRecord._asdict, record=TaskRecord)
TASKS: Table[int, TaskRecord] = Table(_named.name, _named.load, _named.dump, _number, _key)

#: The greatest number given to a stored task so far.
COUNTERS = json_table(
    "server.counters", load=lambda f: int(f["last"]), dump=lambda n: {"last": n}, record=int
)


def add(txn: Transaction, record: TaskRecord) -> TaskRecord:
    """Store a new task under its number, or the next free one."""
    number = max(record.id, txn[COUNTERS].get("tasks", 0) + 1)
    txn[COUNTERS]["tasks"] = number
    numbered = record._replace(id=number)
    txn[TASKS][number] = numbered
    return numbered


def get(txn: Transaction, number: int) -> TaskRecord:
    """Return a task by its number."""
    record = txn[TASKS].get(number) if 0 < number < 1 << 63 else None
    if record is None:
        raise NotFound(f"no task has the number {number}", hint='ask "GET /api/tasks"')
    return record


def newest_first(txn: Transaction, before: int = 0) -> Iterator[TaskRecord]:
    """Yield the stored tasks, the latest first; those with numbers less than ``before``."""
    for _, record in txn[TASKS].range(stop=before or None, reverse=True):
        yield record

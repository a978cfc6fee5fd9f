"""Records of tasks: stored by one server, seen by all, and resumed by another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from debrepo.database import Table, json_table
from debrepo.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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
    reads: bool = False  #: whether it waits for no other task

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


class OpenTask(NamedTuple):
    """What servers look at, again and again, of a stored task that has not ended."""

    server: str
    running: bool
    resources: tuple[str, ...]  #: none of a task that only reads
    cancelled: bool = False  #: whether the server that runs it is to cancel it
    movable: bool = True  #: whether another server can run it: its arguments are stored


def _load_open(fields: dict[str, Any]) -> OpenTask:
    return OpenTask(**{**fields, "resources": tuple(fields["resources"])})


_named = json_table("server.tasks", load=_load, dump=TaskRecord._asdict, record=TaskRecord)
TASKS: Table[int, TaskRecord] = Table(_named.name, _named.load, _named.dump, _number, _key)

_opened = json_table("server.open", load=_load_open, dump=OpenTask._asdict, record=OpenTask)
#: The tasks that have not ended, by number.
OPEN: Table[int, OpenTask] = Table(_opened.name, _opened.load, _opened.dump, _number, _key)

#: The greatest number given to a stored task so far.
COUNTERS = json_table(
    "server.counters", load=lambda f: int(f["last"]), dump=lambda n: {"last": n}, record=int
)


def add(txn: Transaction, record: TaskRecord, *, waited: bool = False) -> TaskRecord:
    """Store a new task under its number, or the next free one; ``waited``: its client waits."""
    number = max(record.id, txn[COUNTERS].get("tasks", 0) + 1)
    txn[COUNTERS]["tasks"] = number
    numbered = record._replace(id=number)
    put(txn, numbered, movable=not waited)
    return numbered


def put(txn: Transaction, record: TaskRecord, *, movable: bool = True) -> None:
    """Store a task as it is now."""
    txn[TASKS][record.id] = record
    known = txn[OPEN].get(record.id)
    if record.ended:
        if known is not None:
            del txn[OPEN][record.id]
        return
    now = OpenTask(
        record.server,
        record.state == RUNNING,
        () if record.reads else record.resources,
        known is not None and known.cancelled,
        movable and record.arguments is not None if known is None else known.movable,
    )
    if now != known:
        txn[OPEN][record.id] = now


def change(
    txn: Transaction, number: int, server: str, to: Callable[[TaskRecord], TaskRecord]
) -> TaskRecord | None:
    """Change a task that a server has; return None if it has ended, or another has it now."""
    record = txn[TASKS].get(number)
    if record is None or record.ended or record.server != server:
        return None
    changed = to(record)
    put(txn, changed)
    return changed


def discard(txn: Transaction, number: int) -> None:
    """Delete a task."""
    txn[TASKS].discard(number)
    txn[OPEN].discard(number)


def before(txn: Transaction, record: TaskRecord) -> frozenset[int]:
    """Return the earlier tasks that other servers have, and that share a resource with this one."""
    if record.reads or not record.resources:
        return frozenset()
    return frozenset(
        number
        for number, other in txn[OPEN].range(stop=record.id or None)
        if other.server != record.server and _share(other.resources, record.resources)
    )


def _share(some: tuple[str, ...], others: tuple[str, ...]) -> bool:
    if not some or not others:
        return False
    return "*" in (*some, *others) or not set(some).isdisjoint(others)


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

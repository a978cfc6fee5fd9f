"""A transaction: a unit of work, all of which happens, or none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from debrepo.database.tables import NotedView, TableView
from debrepo.stopping import watching
from debrepo.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Mapping

    from debrepo.database.store import RawTransaction
    from debrepo.database.tables import Table

K = TypeVar("K")
V = TypeVar("V")


class Change(NamedTuple):
    """What became of something that has a name: the audit log keeps it."""

    what: str  #: ``repo:web``
    before: str  #: its package set, in hex, or whatever tells its state; empty: it is new
    after: str  #: empty: it is gone


class Transaction:
    """A unit of work: all of it happens, or none.

    It sees the database as it was when it began, whatever others write meanwhile. It is of
    no use once the block that it was opened for has been left.
    """

    def __init__(
        self,
        raw: RawTransaction,
        tables: Container[str],
        *,
        writable: bool,
        trim: Callable[[], None],
    ) -> None:
        self.writable = writable
        self.trim = trim  #: unmaps what was read; long walks call it now and then
        self._raw = raw
        self._tables = tables
        self._views: dict[str, TableView[Any, Any]] = {}
        self._actions: list[Callable[[], None]] = []
        self._last: list[Callable[[], None]] = []
        self.changes: list[Change] = []

    def note(self, what: str, before: str, after: str) -> None:
        """Say that something has changed, for the audit log: ``note("repo:web", …)``."""
        if before != after:
            self.changes.append(Change(what, before, after))

    def __getitem__(self, table: Table[K, V]) -> TableView[K, V]:
        view = self._views.get(table.name)
        if view is None or view.table is not table:
            if table.name not in self._tables:  # it would have no version, and never migrate
                raise RuntimeError(f"the table {table.name} is not declared by any debrepo_tables")
            view = self._views[table.name] = (
                NotedView(table, self._raw, self.note)
                if table.noted and self.writable
                else TableView(table, self._raw)
            )
        return view

    @property
    def far(self) -> bool:
        """Whether each question takes a round trip to another machine: ask for much at once."""
        return self._raw.far

    def preload(
        self,
        keys: Mapping[Table[Any, Any], Iterable[Any]],
        starts: Iterable[tuple[Table[Any, Any], bytes]] = (),
    ) -> None:
        """Fetch what is about to be read of several tables in one round trip, if `far`.

        ``starts`` are what keys start with: of those, the first few are fetched.
        """
        if not self._raw.far:
            return
        stored = (self[table].stored(key) for table, several in keys.items() for key in several)
        self._raw.preload(stored, [self[table].beginning(start) for table, start in starts])

    @property
    def serial(self) -> int:
        """The number of the state that is seen; each committed change gives the next one."""
        return self._raw.id()

    def after_commit(self, action: Callable[[], None]) -> None:
        """Run ``action`` once the work is on disk, and never if it does not get there.

        Actions run in the order in which they were given, all of them even when one fails;
        the first failure is raised then, and undoes nothing.
        """
        if not self.writable:
            raise RuntimeError("a transaction that only reads never commits")
        self._actions.append(action)

    def when_over(self, action: Callable[[], None]) -> None:
        """Run ``action`` after all others once the transaction is over, committed or undone."""
        self._last.append(action)

    def run_actions(self, *, committed: bool = True) -> None:
        """Do what waited for the end; the `Database` calls this."""
        failure: Exception | None = None
        with watching(None):  # it belongs to what is committed, so nothing stops it
            for action in [*(self._actions if committed else ()), *self._last]:
                try:
                    action()
                except Exception as error:  # what is committed is committed
                    failure = failure or error
        if failure:
            raise failure

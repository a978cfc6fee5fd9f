"""Watches: one for each request, to cancel its work when the client disconnects."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakSet

from debrepo.stopping import Watch

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping
    from typing import Any

_STATE = "debrepo.watch"


class Watches:
    """The watches of all requests in progress."""

    def __init__(self) -> None:
        self._all: WeakSet[Watch] = WeakSet()

    def begin(self, scope: MutableMapping[str, Any]) -> Watch:
        """Return the watch of a new request; its connection finds it in the scope."""
        watch = Watch()
        scope.setdefault("state", {})[_STATE] = watch
        self._all.add(watch)
        return watch

    def stop(self, said: str, hint: str) -> None:
        """Cancel the work of every request."""
        for watch in self._all.copy():
            watch.stop(said, hint)


def leave(state: Mapping[str, Any]) -> None:
    """Tell the work of a request, by its state, that the client has disconnected."""
    watch = state.get(_STATE)
    if watch is not None:
        watch.leave()

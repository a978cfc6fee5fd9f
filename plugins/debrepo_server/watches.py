"""Watches: every request has one, so that its work ends when nobody waits for it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakSet

from debrepo.stopping import Watch

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping
    from typing import Any

_STATE = "debrepo.watch"


class Watches:
    """The watches over the requests that a server has in hand."""

    def __init__(self) -> None:
        self._all: WeakSet[Watch] = WeakSet()

    def begin(self, scope: MutableMapping[str, Any]) -> Watch:
        """Return the watch over a new request, which its connection can find."""
        watch = Watch()
        scope.setdefault("state", {})[_STATE] = watch
        self._all.add(watch)
        return watch

    def stop(self, said: str, hint: str) -> None:
        """Tell the work of every request to end."""
        for watch in self._all.copy():
            watch.stop(said, hint)


def leave(state: Mapping[str, Any]) -> None:
    """Tell the work of a request, by its state, that its client went away."""
    watch = state.get(_STATE)
    if watch is not None:
        watch.leave()

"""The beat: once a second, a server tells others what they have to know, and hears from them."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Protocol

from debrepo.errors import DebrepoError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from debrepo.database import Transaction
    from debrepo.session import Session

_PERIOD = 1.0  # seconds

_log = logging.getLogger("debrepo.server")


class BeatPart(Protocol):
    """Something that servers of one database tell each other."""

    def news(self) -> Callable[[Transaction], None] | None:
        """Return what stores what others do not know yet; it may be run more than once."""
        ...

    def told(self) -> None:
        """Note that it is stored."""
        ...

    def hear(self) -> None:
        """Read what others have stored, and act on it."""
        ...


class Beat:
    """What a server does once a second, in one write transaction at most; in none, mostly."""

    def __init__(self, session: Session, parts: Sequence[BeatPart]) -> None:
        self._session = session
        self._parts = parts
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="beat", daemon=True)
        self._said = ""

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, when the beat under way has."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()

    def once(self) -> None:
        """Tell and hear, once."""
        found = [(part, news) for part in self._parts if (news := part.news())]

        def tell(txn: Transaction) -> None:
            for _, news in found:
                news(txn)

        if found:
            self._session.db.update(tell)
            for part, _ in found:
                part.told()
        for part in self._parts:
            part.hear()

    def _run(self) -> None:
        while not self._over.wait(_PERIOD):
            said = ""
            try:
                self.once()
            except DebrepoError as error:  # the next one tries again
                said = str(error)
                if said != self._said:
                    _log.warning("cannot tell other servers what this one does: %s", said)
            except Exception:
                _log.exception("cannot tell other servers what this one does")
            self._said = said

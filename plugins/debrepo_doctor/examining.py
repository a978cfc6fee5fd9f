"""Examining: ask every plugin how its part is, and let a server do so now and then."""

from __future__ import annotations

import time
from logging import getLogger
from typing import TYPE_CHECKING, Any

from debrepo.errors import Cancelled, DebrepoError
from debrepo.health import Checkup, Concern
from debrepo.stopping import checkpoint
from debrepo_doctor.records import EXAMINATIONS, LAST, examined

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from debrepo.background import Load
    from debrepo.session import Session
    from debrepo_doctor.records import Examination

_log = getLogger("debrepo.doctor")


def examine(session: Session, *, thorough: bool) -> list[Checkup]:
    """Return what all plugins have looked at, by area and name."""
    return sorted(_answers(session, thorough=thorough), key=lambda one: (one.area, one.name))


def _answers(session: Session, *, thorough: bool) -> Iterator[Checkup]:
    known = {"session": session, "thorough": thorough}
    for plugin in session.hook.debrepo_health.get_hookimpls():
        checkpoint()
        try:
            found: Any = plugin.function(*(known[name] for name in plugin.argnames))
            yield from _checked(found or ())
        except Cancelled:
            raise
        except (Exception, SystemExit) as error:  # a plugin may raise anything
            concern = _failure(error, plugin.plugin_name)
            yield Checkup("plugin", plugin.plugin_name, (concern,))


def _checked(found: Iterable[object]) -> Iterator[Checkup]:
    for one in found:
        if not isinstance(one, Checkup):
            raise TypeError(f"it has to list each Checkup, and lists {one!r:.80}")
        yield one


def _failure(error: BaseException, plugin: str) -> Concern:
    said = " ".join(str(error).split()) or type(error).__name__
    hint = error.hint if isinstance(error, DebrepoError) else ""
    if not isinstance(error, DebrepoError) and _log.hasHandlers():  # of a server
        _log.warning("debrepo_health of %s failed", plugin, exc_info=error)
    return Concern("error", f"it cannot say how it is: {said}", hint)


def in_background(session: Session, load: Load) -> Callable[[], None]:
    """Return what a server calls: it examines everything when that is due."""
    every = session.config["doctor.every"]

    def look() -> None:
        with session.db.read() as txn:
            last = txn[EXAMINATIONS].get(LAST)
        due = last is None or not 0 <= time.time() - last.at < every
        if every > 0 and due and not load.has_work():
            examine_and_record(session, last)

    return look


def examine_and_record(session: Session, last: Examination | None) -> None:
    """Store how everything is, and log what has become worse or well since the last time."""
    begun = time.monotonic()
    found = examine(session, thorough=False)
    now = examined(int(time.time()), time.monotonic() - begun, found)
    with session.db.write() as txn:
        txn[EXAMINATIONS][LAST] = now
    before = {(one.area, one.name): one for one in last.seen} if last else {}
    for one in now.seen:
        known = before.get((one.area, one.name))
        if one.texts and (known is None or known.texts != one.texts):
            _log.warning("%s %s: %s: %s", one.area, one.name, one.status, "; ".join(one.texts))
        elif known is not None and known.texts and not one.texts:
            _log.info("%s %s: all is well again", one.area, one.name)

"""Notices: hooks that are called when something has happened and cannot be undone."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from debrepo.errors import DebrepoError
from debrepo.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from pluggy import HookImpl

    from debrepo.background import Load
    from debrepo.database import Transaction
    from debrepo.repeats import Repeat
    from debrepo.session import Session

_LARGEST = 16 << 20  # characters of facts that are kept
_BATCH = 100  # calls at a time
#: Seconds that a command takes at its end; the next one goes on.
AT_THE_END = 30.0


class Retry(DebrepoError):
    """What a hook that is told of something raises to be told of it again.

    ``after`` is in seconds; without it, the pauses between attempts double, from ten seconds to an
    hour. The call is kept in the database, and made again by a server, or at the end of a command.
    Raised by a hook that is called before something happens, it stops that, as any error does.
    """

    def __init__(self, message: str, *, after: float = 0.0, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.after = after


class Repeated(NamedTuple):
    """What came of the calls that were due."""

    done: int = 0
    failed: int = 0  #: that are made again, or were given up
    busy: bool = False  #: whether another process makes them


def tell(session: Session, hook: str, **facts: Any) -> None:
    """Call a hook of every plugin; one that raises is a warning, and the others are called.

    ``facts`` are the arguments of the hook besides ``session``. The log of a server has the
    traceback; the user reads which plugin failed, and that the work itself is done. One that
    raises `Retry` is called again later, unless there are no facts to call it with.
    """
    known = {"session": session, **facts}
    for plugin in reversed(getattr(session.hook, hook).get_hookimpls()):
        name = str(plugin.plugin_name)
        try:
            plugin.function(*(known[name] for name in plugin.argnames))
        except Retry as error:
            kept = _keep(session, name, hook, facts, error) if facts else ""
            _warn(session, name, hook, _said(error), kept or _DONE)
        except (Exception, SystemExit) as error:  # a plugin may raise anything
            _log(hook, name, error)
            _warn(session, name, hook, _said(error), _DONE)


_DONE = "What it was told about is done."


def _warn(session: Session, plugin: str, hook: str, said: str, outcome: str) -> None:
    session.progress.warn(f"Warning: {hook} of plugin {plugin} failed: {said}. {outcome}")


def _said(error: BaseException) -> str:
    return str(error) or type(error).__name__


def _log(hook: str, plugin: str, error: BaseException) -> None:
    from logging import getLogger  # which no command line waits for

    log = getLogger("debrepo.plugins")
    if log.hasHandlers():  # of a server; else Python prints what is logged
        log.warning("%s of %s failed", hook, plugin, exc_info=error)


def _keep(session: Session, plugin: str, hook: str, facts: Mapping[str, Any], error: Retry) -> str:
    """Store a call that is to be made again, and return what the user reads about it."""
    import json
    import secrets

    from debrepo import encoding, repeats
    from debrepo.errors import DebrepoError

    now = time.time()
    try:
        text = json.dumps({name: encoding.encode(fact, str) for name, fact in facts.items()})
        if len(text) > _LARGEST:
            return f"{_DONE} It is not called again: it is told too much."
        first = repeats.Repeat(
            secrets.token_hex(6), plugin, hook, session.actor, text, now, now, 0, ""
        )
        kept = repeats.again(first, _said(error), error.after, now, float("inf"))
        most = session.config["notices.max_queued"]

        def change(txn: Transaction) -> bool:
            if repeats.count(txn, failed=False) >= most:
                return False
            repeats.put(txn, kept)
            return True

        if not session.whole.db.update(change):
            return f"{_DONE} It is not called again: {most} calls wait."
    except DebrepoError as failure:
        return f"{_DONE} It is not called again: {failure}."
    return f"{_DONE} It is called again in {_pause(kept.due - now)}."


def repeat(
    session: Session,
    *,
    now: Callable[[], float] = time.time,
    patience: float = float("inf"),
    ids: Collection[str] | None = None,
) -> Repeated:
    """Make the calls again that are due, or those with these ids, in one process at a time.

    What is left after ``patience`` seconds waits for the next time. A call that succeeds is
    removed after that: if the process is killed in between, it is made once more.
    """
    from debrepo import repeats
    from debrepo.errors import DatabaseBusy
    from debrepo.stopping import checkpoint

    done = failed = 0
    end = now() + patience
    try:
        with session.leases.hold("notices", wait=0):
            with session.whole.db.read() as txn:
                if ids is None:
                    calls = repeats.due(txn, now(), _BATCH)
                else:
                    calls = [repeats.find(txn, id_) for id_ in dict.fromkeys(ids)]
            for call in calls:
                checkpoint()
                if now() >= end:
                    break
                good = _call_again(session, call, now)
                done, failed = done + good, failed + (not good)
            before = now() - session.config["notices.keep_failed"]
            with session.whole.db.read() as txn:
                old = any(one.failed and one.created < before for one in repeats.all_(txn))
            if old:
                session.whole.db.update(lambda txn: repeats.expire(txn, before))
    except DatabaseBusy:
        return Repeated(done, failed, busy=True)
    return Repeated(done, failed)


def at_the_end(session: Session) -> None:
    """Let plugins do what remains to be done after a command, or a part of one that never ends."""
    tell(session, "debrepo_command_ended")
    repeat_at_the_end(session)


def repeat_at_the_end(session: Session) -> None:
    """Make calls again that are due when a command ends; that they cannot be is a warning."""
    from debrepo import repeats
    from debrepo.errors import DebrepoError

    if session.read_only:
        return
    try:
        with session.whole.db.glance() as txn:
            due = repeats.is_due(txn, time.time())
        if due:
            repeat(session, patience=AT_THE_END)
    except DebrepoError as error:
        session.progress.warn(f"Warning: no notice is repeated: {error}.")


def in_background(session: Session, _: Load) -> Callable[[], None]:
    """Return what a server does again and again."""
    from debrepo import repeats

    def once() -> None:
        with session.whole.db.read() as txn:
            due = repeats.is_due(txn, time.time())
        if due:
            repeat(session)

    return once


def _call_again(session: Session, call: Repeat, now: Callable[[], float]) -> bool:
    """Make one call again; return whether it succeeded, and store what becomes of it if not."""
    from debrepo import repeats
    from debrepo.errors import Cancelled

    after, final = 0.0, False
    acting = session.whole.acting(actor=call.actor, progress=session.progress)
    try:
        plugin, facts = _prepared(session, call)
        known = {"session": acting, **facts}
        plugin.function(*(known[name] for name in plugin.argnames))
    except Cancelled:
        raise
    except Retry as error:
        said, after = _said(error), error.after
    except (Exception, SystemExit) as error:  # a plugin may raise anything
        _log(call.hook, call.plugin, error)
        said, final = _said(error), True
    else:
        session.whole.db.update(lambda txn: repeats.drop(txn, call))
        return True
    age = session.config["notices.max_age"]
    later = repeats.again(call, said, after, now(), age)
    if final:
        later = later._replace(failed=True)

    def change(txn: Transaction) -> None:
        if repeats.drop(txn, call):
            repeats.put(txn, later)

    session.whole.db.update(change)
    seconds = f"It is called again in {_pause(later.due - now())}."
    _warn(session, call.plugin, call.hook, said, "It was given up." if later.failed else seconds)
    return False


def _pause(seconds: float) -> str:
    return "1 second" if round(seconds) == 1 else f"{seconds:.0f} seconds"


def _prepared(session: Session, call: Repeat) -> tuple[HookImpl, dict[str, Any]]:
    """Return the plugin's implementation, and the arguments it was called with."""
    import json
    from pathlib import Path

    from debrepo import encoding
    from debrepo.fitting import fitter, hints

    hook = getattr(session.hook, call.hook, None)
    plugins = hook.get_hookimpls() if hook is not None else []
    for plugin in plugins:
        if plugin.plugin_name == call.plugin and hook is not None and hook.spec is not None:
            types = hints(hook.spec.function)
            facts = {
                name: fitter(types[name])(encoding.decode(value, Path, types[name]))
                for name, value in json.loads(call.facts).items()
            }
            return plugin, facts
    raise Retry(f"the plugin {call.plugin} is not loaded")

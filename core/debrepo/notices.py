"""Notices: hooks that are called when something has happened and cannot be undone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from debrepo.session import Session


def tell(session: Session, hook: str, **facts: Any) -> None:
    """Call a hook of every plugin; one that raises is a warning, and the others are called.

    ``facts`` are the arguments of the hook besides ``session``. The log of a server has the
    traceback; the user reads which plugin failed, and that the work itself is done.
    """
    known = {"session": session, **facts}
    for plugin in reversed(getattr(session.hook, hook).get_hookimpls()):
        try:
            plugin.function(*(known[name] for name in plugin.argnames))
        except (Exception, SystemExit) as error:  # a plugin may raise anything
            from logging import getLogger  # which no command line waits for

            said = str(error) or type(error).__name__
            log = getLogger("debrepo.plugins")
            if log.hasHandlers():  # of a server; else Python prints what is logged
                log.warning("%s of %s failed", hook, plugin.plugin_name, exc_info=True)
            session.progress.note(
                f"Warning: {hook} of plugin {plugin.plugin_name} failed: {said}. "
                "What it was told about is done."
            )

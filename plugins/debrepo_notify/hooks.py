"""The hook of the notify plugin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo.hookspecs import hookspec

if TYPE_CHECKING:
    from debrepo.session import Session


@hookspec(firstresult=True)
def debrepo_notify_body(session: Session, target: str, event: str, body: str) -> str | None:
    """Return the body that a target gets in place of ``body``, such as a message for a chat.

    *Asks*, outside of any transaction, at each attempt to deliver. Return ``None`` for targets
    that are not yours.
    """

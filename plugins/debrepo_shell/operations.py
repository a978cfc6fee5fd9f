"""Operations: generate completion scripts and manual pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo.errors import InvalidInput
from debrepo_shell import manual, scripts

if TYPE_CHECKING:
    from debrepo.session import Session


def completion(session: Session, shell: str) -> str:
    """Return the script with which ``shell`` completes commands, options and names."""
    try:
        return scripts.SCRIPTS[shell]
    except KeyError:
        known = ", ".join(scripts.SCRIPTS)
        raise InvalidInput(f"no completion for {shell!r}", hint=f"supported: {known}") from None


def man(session: Session) -> dict[str, str]:
    """Return the manual pages of all commands, and of the configuration, by file name."""
    return manual.pages(session.plugins)

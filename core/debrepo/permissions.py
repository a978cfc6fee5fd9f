"""Permissions: callers, and the scopes that say what they may do.

A scope is words between colons: ``repo:web:add``, ``publish:prod:update``, ``read``. What is
granted may have a ``*`` for any text, and ``admin`` is everything.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, NamedTuple

from debrepo.errors import InvalidInput, NotAllowed, NotAuthenticated

if TYPE_CHECKING:
    from debrepo.calls import Call

_UPLOAD = "upload:"
_GRANT = re.compile(r"[^\s\[\]?,\0-\x1f]{1,200}")


def check_scope(text: str) -> str:
    """Return ``text``; raise `InvalidInput` unless it can be granted."""
    if not _GRANT.fullmatch(text):
        raise InvalidInput(
            f"not a scope: {text[:80]!r}",
            hint="scopes look like: read, admin, repo:web:add, publish:prod:*",
        )
    return text


class Caller(NamedTuple):
    """Who sends a request, under the name that the audit log records."""

    name: str
    scopes: tuple[str, ...]
    anonymous: bool = False
    identity: str = ""  #: tells a token from an earlier one of the same name

    def may(self, scope: str) -> bool:
        """Whether a grant covers ``scope``."""
        if scope.startswith(_UPLOAD):
            return any(_covers_upload(grant, scope) for grant in self.scopes)
        return any(grant == "admin" or fnmatchcase(scope, grant) for grant in self.scopes)

    def may_some(self, template: str) -> bool:
        """Whether there are values for the braces of ``template`` that a grant covers."""
        wild = re.sub(r"\{\w+\}", "*", template)
        return any(grant == "admin" or meets(wild, grant) for grant in self.scopes)

    def require(self, scope: str) -> None:
        """Raise `NotAllowed` unless a grant covers ``scope``."""
        if not self.may(scope):
            raise self.refusal(scope)

    def check(self, call: Call) -> None:
        """Raise `NotAllowed` unless grants cover what an operation is about to do."""
        for scope in (*call.scopes, *call.uploads):
            self.require(scope)

    def check_change(self, call: Call) -> None:
        """As `check`, but a caller who may do something may also read its result."""
        needed = call.scopes if call.operation.scope != "read" else ()
        for scope in (*needed, *call.uploads):
            self.require(scope)

    def refusal(self, scope: str) -> NotAllowed:
        """Return the error that says which scope is lacking."""
        if self.anonymous:
            return NotAuthenticated(
                f"this needs a token with the scope {scope}",
                hint="send it as a Bearer token, or as the password of Basic authentication",
            )
        return NotAllowed(
            f"{self.name} lacks the scope {scope}", hint='run "debrepo token create --help"'
        )


def _covers_upload(grant: str, scope: str) -> bool:
    """Whether a grant covers an upload directory: one for a directory covers all below it.

    A ``*`` stands for text in one name, so no grant by the end of a name covers what others
    have called so below a directory of their own.
    """
    if not grant.startswith(_UPLOAD):
        return grant == "admin" or fnmatchcase(scope, grant)
    granted = grant.removeprefix(_UPLOAD).split("/")
    parts = [part for part in scope.removeprefix(_UPLOAD).split("/") if part]
    matching = zip(parts, granted, strict=False)
    return len(granted) <= len(parts) and all(fnmatchcase(*pair) for pair in matching)


def meets(one: str, other: str) -> bool:
    """Tell whether some text matches both patterns, in which only ``*`` is special."""
    if one.startswith("*"):
        return meets(one[1:], other) or (other != "" and meets(one, other[1:]))
    if other.startswith("*"):
        return meets(other, one)
    if not one or not other:
        return one == other
    return one[0] == other[0] and meets(one[1:], other[1:])

"""Access to a project or group: which credentials count, and the answer without access."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from fastapi import Depends, Request

from debrepo.errors import NotFound
from debrepo.http import Caller, Opening
from debrepo_gitlab import containers
from debrepo_gitlab.refusals import Moved, NoGroup, NoProject

if TYPE_CHECKING:
    from typing import Any

    from debrepo.http import Server
    from debrepo.session import Session
    from debrepo_gitlab.containers import Container

_TOKENS = {b"x-debrepo-token", b"private-token", b"deploy-token", b"job-token"}


class Entrance(Opening):
    """Access to a project or group, for callers who may do ``action`` there.

    Tokens come in a header, or with ``basic`` as a password, and never the other way: so do
    GitLab's. What is hidden from somebody is not found; apt is asked for a password instead.
    """

    def __init__(self, action: str, *, basic: bool) -> None:
        super().__init__((), "", task=False)
        self.action = action
        self.basic = basic

    def scopes(self, session: Session) -> list[str]:
        """Return the scope that the route needs for the object in its path."""
        return [f"gitlab:{{id}}:{self.action}"]

    def admit(self, request: Request) -> Caller:
        """Return the caller, with the scopes that all callers have here."""
        kind = "group" if request.url.path.startswith("/api/v4/groups/") else "project"
        caller, found, old = looked = self._look(request, kind)
        while not all(caller.may(found.scope(action)) for action in ("see", self.action)):
            caller, found, old = again = self._look(request, kind)
            if again == looked:
                break
            looked = again  # it has moved since its path was read for the scopes of the caller
        if not caller.may(found.scope("see")):
            if self.basic and caller.anonymous:
                raise caller.refusal(found.scope(self.action))
            error = NoGroup if kind == "group" else NoProject
            raise error(f"no {kind} called {request.path_params['id']}")
        caller.require(found.scope(self.action))
        if old:
            raise Moved(kind, found.id)
        actions = (a for a in containers.ACTIONS if caller.may(found.scope(a)))
        numbered = [f"gitlab:{found.key}:{action}" for action in actions]
        caller = caller._replace(scopes=(*caller.scopes, *numbered))  # tasks may run after a rename
        request.state.caller = caller
        request.state.container = found
        return caller

    def _look(self, request: Request, kind: str) -> tuple[Caller, Container, bool]:
        """Return the caller, the project or group, and whether that is named by an old path."""
        server: Server = request.app.state.debrepo
        caller = server.authenticate(_with(request, basic=self.basic))
        request.state.caller = caller  # the log names it, if refused
        found, old = self._find(server, caller, f"{kind}:{request.path_params['id']}")
        open_to = containers.open_grants(found, anonymous=caller.anonymous)
        return caller._replace(scopes=(*caller.scopes, *open_to)), found, old

    def _find(self, server: Server, caller: Caller, name: str) -> tuple[Container, bool]:
        """Return a project or group, and whether ``name`` is a path that it no longer has."""
        try:
            with server.session.db.read() as txn:
                if old := containers.moved(txn, name):
                    with suppress(NotFound):
                        return containers.get(txn, name), False
                    return old, True
                return containers.get(txn, name), False
        except NotFound:
            if self.basic and caller.anonymous and not caller.may("admin"):
                raise caller.refusal(f"gitlab:{name}:{self.action}") from None
            raise


class Lobby(Opening):
    """Access to what is about no project or group in particular."""

    def __init__(self) -> None:
        super().__init__((), "public", task=False)

    def admit(self, request: Request) -> Caller:
        """Return the caller."""
        server: Server = request.app.state.debrepo
        request.state.caller = server.authenticate(_with(request, basic=False))
        caller: Caller = request.state.caller
        return caller


def enters(action: str, *, basic: bool = False) -> Any:
    """Return the dependency of a route that does ``action`` in a project or group."""
    return Depends(Entrance(action, basic=basic), scope="function")


def _with(request: Request, *, basic: bool) -> Request:
    """Return a request with only the credentials that count here."""

    def counts(name: bytes, value: bytes) -> bool:
        if name == b"authorization":
            return basic or not value.lower().startswith(b"basic")
        return not (basic and name in _TOKENS)

    headers = [(name, value) for name, value in request.scope["headers"] if counts(name, value)]
    token = "" if basic else request.query_params.get("private_token", "")
    if token:  # as in GitLab, it comes before tokens in headers
        headers = [one for one in headers if one[0] not in {*_TOKENS, b"authorization"}]
        headers.append((b"private-token", token.encode("latin-1", "replace")))
    return Request({**request.scope, "headers": headers})

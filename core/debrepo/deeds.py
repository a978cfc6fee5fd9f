"""Deeds: an operation under way, as permissions and the audit log see it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from debrepo.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from debrepo.database import Transaction
    from debrepo.refs import Operation
    from debrepo.session import Session


_BRACES = re.compile(r"\{\w+\}")


class Deed:
    """A call of an operation: who asked for it, and with what arguments."""

    def __init__(
        self,
        session: Session,
        function: Callable[..., Any],
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
    ) -> None:
        self.actor = session.actor
        self._session = session
        self._function = function
        self._args = args
        self._kwargs = kwargs
        self._told = False

    @property
    def operation(self) -> Operation:
        """What is being done."""
        target = f"{self._function.__module__}:{self._function.__qualname__}"
        for operation in self._session.operations.values():
            if operation.target == target:
                return operation
        raise PluginError(f"{target} is no operation", hint="name it in debrepo_operations")

    @property
    def scopes(self) -> tuple[str, ...]:
        """The permissions that it needs, with its arguments filled in: ``repo:web:add``."""
        operation = self.operation
        if "{" not in operation.scope:
            return operation.scopes
        arguments = self._arguments(operation.scope)
        given = {f"{{{name}}}" for name, value in arguments.items() if value is not None}
        return tuple(
            scope.format_map(arguments)
            for scope in operation.scopes
            if given.issuperset(_BRACES.findall(scope))
        )

    def _arguments(self, scope: str) -> dict[str, Any]:
        """Return what stands for the braces of a scope, in the one spelling that it has there."""
        import inspect

        bound = inspect.signature(self._function).bind(self._session, *self._args, **self._kwargs)
        bound.apply_defaults()
        found = {name[1:-1]: bound.arguments[name[1:-1]] for name in _BRACES.findall(scope)}
        for batch in self._session.hook.debrepo_spellings():
            for name in found.keys() & batch.keys():
                found[name] = batch[name].load()(found[name])
        return found

    def is_news(self, txn: Transaction) -> bool:
        """Whether a transaction is the operation's first, or notes a change of something."""
        if self._told and not txn.changes:
            return False
        txn.after_commit(self._tell)
        return True

    def _tell(self) -> None:
        self._told = True

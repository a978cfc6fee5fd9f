"""Deeds: an operation under way, as permissions and the audit log see it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from debrepo.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from debrepo.database import Transaction
    from debrepo.refs import Operation
    from debrepo.session import Session


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
    def scope(self) -> str:
        """The permission that it needs, with its arguments filled in: ``repo:web:add``."""
        template = self.operation.scope
        if "{" not in template:
            return template
        import inspect

        bound = inspect.signature(self._function).bind(self._session, *self._args, **self._kwargs)
        bound.apply_defaults()
        return template.format_map(bound.arguments)

    def is_news(self, txn: Transaction) -> bool:
        """Whether a transaction is the operation's first, or notes a change of something."""
        if self._told and not txn.changes:
            return False
        txn.after_commit(self._tell)
        return True

    def _tell(self) -> None:
        self._told = True

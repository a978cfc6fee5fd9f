"""Calls: an operation under way, as permissions and the audit log see it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from debrepo.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from debrepo.database import Transaction
    from debrepo.refs import Operation
    from debrepo.session import Session


_BRACES = re.compile(r"\{\w+\}")


class Call:
    """A call of an operation: who asked for it, and with what arguments."""

    def __init__(
        self,
        session: Session,
        function: Callable[..., Any],
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        operation: Operation | None = None,
    ) -> None:
        self.actor = session.actor
        self.function = function
        self.args = args
        self.kwargs = kwargs
        self._session = session
        self._operation = operation
        self._files: tuple[Path, ...] = ()
        self._told = False

    @property
    def operation(self) -> Operation:
        """What is being done."""
        if self._operation is None:
            target = f"{self.function.__module__}:{self.function.__qualname__}"
            known = self._session.operations.values()
            self._operation = next((one for one in known if one.target == target), None)
            if self._operation is None:
                raise PluginError(f"{target} is no operation", hint="name it in debrepo_operations")
        return self._operation

    def fit(self) -> None:
        """Hold the arguments against the signature; raise `InvalidInput` where they do not fit.

        Files among them have to lie in the upload area of the session.
        """
        from debrepo import arguments, uploads

        name = self.operation.name
        bound = arguments.bind(name, self.function, self._session, self.args, self.kwargs)
        self.args, self.kwargs = bound.args[1:], bound.kwargs
        self._files = tuple(arguments.files([self.args, self.kwargs]))
        for path in self._files:
            uploads.below(self._session.area, path)

    def check_links(self) -> None:
        """Raise `InvalidInput` where a link leads from the files out of the upload area."""
        from debrepo import uploads

        for path in self._files:
            uploads.check_links(self._session.area, path)

    @property
    def uploads(self) -> tuple[str, ...]:
        """The permissions that its files need, once they have been fitted: ``upload:ci-42``."""
        from debrepo.uploads import upload_name

        if self._session.has_own_area:
            return ()
        root = self._session.uploads
        names = (upload_name(root, path, self.actor) for path in self._files)
        return tuple(f"upload:{name}" for name in names)

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

        bound = inspect.signature(self.function).bind(self._session, *self.args, **self.kwargs)
        bound.apply_defaults()
        names = [name[1:-1] for name in _BRACES.findall(scope)]
        for name in names:
            if name not in bound.arguments:
                raise PluginError(
                    f"the scope of the operation {self.operation.name} names {name}, which is no"
                    f" argument of {self.operation.target}"
                )
        found = {name: bound.arguments[name] for name in names}
        return {name: self._session.spelled(name, value) for name, value in found.items()}

    def is_news(self, txn: Transaction) -> bool:
        """Whether a transaction is the operation's first, or notes a change of something."""
        if self._told and not txn.changes:
            return False
        txn.after_commit(self._tell)
        return True

    def _tell(self) -> None:
        self._told = True

"""A plugin for mypy: calls of operations and tasks are checked against their functions.

Plugins call each other's operations by name, ``session.call("repo.add", name=…)``, because none
imports another. With this plugin, mypy reads the name and checks the call as if it were of the
function: an unknown operation, an argument that does not exist, a wrong type and a misused
result are errors. Likewise the arguments that a route hands to a task. The operations are those
of all plugins that are installed::

    [tool.mypy]
    plugins = ["debrepo.testing.typed_calls"]

See https://mypy.readthedocs.io/en/stable/extending_mypy.html.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from mypy.nodes import (
    ARG_NAMED,
    ARG_NAMED_OPT,
    ARG_POS,
    ARG_STAR2,
    Decorator,
    FuncDef,
    RefExpr,
)
from mypy.plugin import Plugin
from mypy.typeops import try_getting_str_literals
from mypy.types import CallableType, get_proper_type

from debrepo.plugins import load_plugins

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy.nodes import ArgKind, MypyFile, Node
    from mypy.options import Options
    from mypy.plugin import MethodSigContext
    from mypy.types import FunctionLike

#: The methods that call an operation by the name that is their first argument.
_CALLING = {"debrepo.session.Session.call", "debrepo.http.doors.Door.call"}
_TASK = "debrepo.http.doors.Door.task"  #: hands its keyword arguments to its second argument
_NAME = re.compile(r"""["']([\w.-]+)["']""")
_NORMAL = 10  # mypy's priority of an ordinary import


class TypedCalls(Plugin):
    """Give each call of an operation the signature of its function."""

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        answers = load_plugins().hook.debrepo_operations()
        self._targets = {found.name: found.target for batch in answers for found in batch}

    def report_config_data(self, ctx: object) -> object:
        """Return what cached results depend on, besides the files that were checked."""
        return self._targets

    def get_additional_deps(self, file: MypyFile) -> list[tuple[int, str, int]]:
        """Return the modules of the operations that a file names: mypy needs them first."""
        try:
            text = Path(file.path).read_text(encoding="utf-8")
        except OSError:  # what mypy was given as text
            return []
        names = _NAME.findall(text) if ".call(" in text else []
        modules = {self._targets[name].partition(":")[0] for name in names if name in self._targets}
        return [(_NORMAL, module, -1) for module in sorted(modules - {file.fullname})]

    def get_method_signature_hook(
        self, fullname: str
    ) -> Callable[[MethodSigContext], FunctionLike] | None:
        """Return what gives a call its signature, if it is one of an operation or a task."""
        if fullname in _CALLING:
            return self._sign
        return _sign_task if fullname == _TASK else None

    def _sign(self, ctx: MethodSigContext) -> FunctionLike:
        given = ctx.args[0][0] if ctx.args and ctx.args[0] else None
        names = given and try_getting_str_literals(given, ctx.api.get_expression_type(given))
        for name in names or ():
            if name not in self._targets:
                ctx.api.fail(f'No operation is called "{name}"', ctx.context)
        # With no name or several, which operation it is, is known when it runs. A function that
        # is not found is in a module without types, about which mypy complains by itself.
        function = self._function(names[0]) if names and len(names) == 1 else None
        signature = ctx.default_signature
        return _called_by_name(signature, function) if function else signature

    def _function(self, name: str) -> CallableType | None:
        symbol = self.lookup_fully_qualified(self._targets.get(name, "").replace(":", "."))
        return _type_of(symbol.node if symbol else None)


def _type_of(node: Node | None) -> CallableType | None:
    """Return the type of a function that is annotated."""
    if isinstance(node, Decorator):
        node = node.func
    found = get_proper_type(node.type) if isinstance(node, FuncDef) else None
    return found if isinstance(found, CallableType) else None


def _by_keyword(function: CallableType) -> list[ArgKind]:
    """Return the kinds of the arguments of a function on a session, all given by name."""
    kinds = function.arg_kinds[1:]
    return [ARG_NAMED if kind.is_required() else ARG_NAMED_OPT for kind in kinds]


def _called_by_name(method: CallableType, function: CallableType) -> CallableType:
    """Return the signature of ``method``, with the arguments and the result of ``function``."""
    result = get_proper_type(method.ret_type)
    returned = function.ret_type
    if len(getattr(result, "args", ())) == 3:  # Coroutine[Any, Any, …], of a method that awaits
        returned = result.copy_modified(args=[*result.args[:2], returned])  # type: ignore[attr-defined]
    return method.copy_modified(
        arg_types=[method.arg_types[0], *function.arg_types[1:]],
        arg_kinds=[ARG_POS, *_by_keyword(function)],
        arg_names=[None, *function.arg_names[1:]],
        ret_type=returned,
        variables=function.variables,
    )


def _sign_task(ctx: MethodSigContext) -> FunctionLike:
    """Return the signature of ``Door.task``, with the arguments of the work that it is given."""
    method, work = ctx.default_signature, ctx.args[1][0] if ctx.args[1] else None
    function = _type_of(work.node) if isinstance(work, RefExpr) else None
    if function is None or method.arg_kinds[-1] != ARG_STAR2:
        return method
    return method.copy_modified(
        arg_types=[*method.arg_types[:-1], *function.arg_types[1:]],
        arg_kinds=[*method.arg_kinds[:-1], *_by_keyword(function)],
        arg_names=[*method.arg_names[:-1], *function.arg_names[1:]],
    )


def plugin(version: str) -> type[Plugin]:  # noqa: ARG001  # mypy says which one it is
    """Return the plugin, as mypy asks for it."""
    return TypedCalls

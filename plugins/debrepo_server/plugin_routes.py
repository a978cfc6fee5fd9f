"""The routes of plugins: each with a scope, and a method and a path of its own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from debrepo.errors import PluginError
from debrepo.http import opening_of
from debrepo.refs import Ref, answers, without

if TYPE_CHECKING:
    from collections.abc import Iterable

    from debrepo.session import Session

_PARAMETER = re.compile(r"\{\w+")


def plugin_routes(session: Session, ours: Iterable[Any]) -> list[Any]:
    """Return the routes that plugins bring, and after them ``ours``.

    Raise `PluginError` for one without a scope, and for two that answer the same requests.
    """
    found: list[Any] = []
    owners: dict[tuple[str, str], str] = {}
    for whose, brought in reversed([*answers(session.hook.debrepo_routes, Ref)]):
        for ref in brought:
            for route in ref.load().routes:
                if opening_of(route) is None:
                    raise PluginError(
                        f"the route {route.path} of {ref.target} states no scope",
                        hint=without(whose),
                    )
                _claim(owners, whose, route.path, route.methods)
                found.append(route)
    for route in ours:
        _claim(owners, "server", route.path, route.methods)
        found.append(route)
    return found


def _claim(owners: dict[tuple[str, str], str], whose: str, path: str, methods: set[str]) -> None:
    shape = _PARAMETER.sub("{", path)  # what parameters are called makes no difference
    for method in sorted(methods):
        other = owners.setdefault((method, shape), whose)
        if other != whose:
            raise PluginError(
                f"plugins {other} and {whose} both bring the route {method} {path}",
                hint=without(whose, one=True),
            )

"""Implementing hooks: how a plugin marks its functions, without importing pluggy."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, overload

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F", bound="Callable[..., Any]")

#: The options of `pluggy.HookimplMarker`.
_OPTIONS = {
    "hookwrapper": False,
    "optionalhook": False,
    "tryfirst": False,
    "trylast": False,
    "specname": None,
    "wrapper": False,
}


@overload
def hookimpl(function: F) -> F: ...
@overload
def hookimpl(**options: bool | str | None) -> Callable[[F], F]: ...
def hookimpl(function: Any = None, **options: bool | str | None) -> Any:
    """Mark a function as the implementation of a hook, as pluggy does."""
    if options.keys() - _OPTIONS.keys():
        raise TypeError(f"hookimpl has no option {', '.join(options.keys() - _OPTIONS.keys())}")
    return partial(_mark, options) if function is None else _mark(options, function)


def _mark(options: dict[str, bool | str | None], function: F) -> F:
    function.debrepo_impl = {**_OPTIONS, **options}  # type: ignore[attr-defined]
    return function

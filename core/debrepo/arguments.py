"""Arguments: what a caller gave, checked against the signature of an operation."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping, Set
from pathlib import Path
from typing import TYPE_CHECKING, Any

from debrepo import fitting
from debrepo.errors import InvalidInput
from debrepo.refs import unknown_names

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def bind(
    name: str,
    function: Callable[..., Any],
    session: object,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
) -> inspect.BoundArguments:
    """Return the arguments by name; raise `InvalidInput` unless the operation takes them.

    ``name`` is what errors call the operation. The caller decides the types: each
    argument, and whatever is in it, has to be of the one that the signature states.
    """
    check_names(name, function, kwargs)
    try:
        bound = inspect.signature(function).bind(session, *args, **kwargs)
    except TypeError as error:
        raise InvalidInput(f"{name}: {error}", hint=_hint(name)) from None
    first, *given = bound.arguments.items()
    kinds = fitting.hints(function)
    for parameter, value in given:
        try:
            bound.arguments[parameter] = fitting.fitter(kinds[parameter])(value)
        except fitting.Misfit as misfit:
            place = " of ".join(reversed((parameter, *misfit.place)))
            raise InvalidInput(
                f"{name}: {place} has to be {misfit.expected}, not {fitting.shown(misfit.value)}",
                hint=_hint(name),
            ) from None
    bound.arguments[first[0]] = session
    return bound


def check_names(name: str, function: Callable[..., Any], given: Iterable[str]) -> None:
    """Raise `InvalidInput` for the first argument that an operation does not have."""
    for odd in unknown_names(function, given):
        known = [*inspect.signature(function).parameters][1:]
        raise no_such(f"{name} takes no argument {odd[:80]!r}", odd, known, _hint(name))


def no_such(said: str, name: str, known: Iterable[str], otherwise: str = "") -> InvalidInput:
    """Return the error for a name that is not known; it names the known one that is like it."""
    from difflib import get_close_matches

    meant = get_close_matches(name[:80], known, 1)
    return InvalidInput(said, hint=f"is {meant[0]} meant?" if meant else otherwise)


def _hint(name: str) -> str:
    return f"the page of operations in the reference lists what {name} takes"


def files(value: Any) -> Iterator[Path]:
    """Yield the paths in a value, however deep."""
    if isinstance(value, Path):
        yield value
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield from files(key)
            yield from files(part)
    elif isinstance(value, (list, tuple, Set)):
        for part in value:
            yield from files(part)
    elif fitting.is_frozen(type(value)):
        for name in type(value).__dataclass_fields__:
            yield from files(getattr(value, name))

"""Fitting: whether values are what type hints say, with hints of every module resolved.

What callers send, and what tables store, is checked against the types that the code states
anyway: those of an operation's parameters, and those of a record's fields.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from functools import cache
from math import isfinite
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal, NewType, Union

from debrepo.errors import PluginError
from debrepo.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    Fitter = Callable[[Any], Any]

#: Numbers beyond it fit no place where debrepo keeps one.
_GREATEST = 1 << 63

_WORDS = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    bytes: "bytes",
    type(None): "nothing",
    Path: "a file",
}


class Misfit(Exception):
    """A value that is not what its type says."""

    def __init__(self, expected: str, value: object, *place: str) -> None:
        super().__init__(expected, value)
        self.expected = expected
        self.value = value
        self.place = place  #: the fields, elements and keys on the way to it

    def below(self, *place: str) -> Misfit:
        """Return the same, found one step further out."""
        return Misfit(self.expected, self.value, *place, *self.place)

    def __str__(self) -> str:
        where = f"{' of '.join(reversed(self.place))} has to be " if self.place else ""
        return f"{where}{self.expected}, not {shown(self.value)}"


def shown(value: object) -> str:
    """Return what a value is, in few words."""
    kind = _WORDS.get(type(value)) or f"a {type(value).__name__}"
    if value is None:
        return kind
    text = repr(value) if isinstance(value, (str, int, float, Path)) and _is_short(value) else ""
    return f"{kind} ({text.encode(errors='backslashreplace').decode()[:60]})" if text else kind


def _is_short(value: object) -> bool:
    return not isinstance(value, int) or abs(value) < _GREATEST


@cache
def hints(thing: Any) -> dict[str, Any]:
    """Return the types of a function's parameters and result, or of a class's fields.

    Names that its module imports for the type checker alone are imported now.
    """
    module = __import__(thing.__module__, fromlist=["_"])
    try:
        return typing.get_type_hints(thing)
    except NameError:
        names = {name: _import(ref) for name, ref in _for_type_checkers(module).items()}
    try:
        return typing.get_type_hints(thing, localns=names)
    except NameError as error:
        name = f"{thing.__module__}:{thing.__qualname__}"
        raise PluginError(f"cannot tell the types of {name}: {error}") from error


#: Before Python 3.11.9, two threads that parse at once may get a SystemError (gh-106905).
_PARSING = Lock()


def _for_type_checkers(module: Any) -> dict[str, tuple[str, str]]:
    """Return what a module imports below ``if TYPE_CHECKING``: the name, module, attribute."""
    import ast
    import inspect

    try:
        with _PARSING:
            tree = ast.parse(inspect.getsource(module))
    except (OSError, TypeError):  # it has no source; its names have to be there
        return {}
    blocks = (node for node in tree.body if isinstance(node, ast.If))
    guarded = (b for b in blocks if ast.unparse(b.test).rpartition(".")[2] == "TYPE_CHECKING")
    imports = (node for b in guarded for node in b.body if isinstance(node, ast.ImportFrom))
    return {
        alias.asname or alias.name: (node.module or "", alias.name)
        for node in imports
        for alias in node.names
    }


def _import(ref: tuple[str, str]) -> Any:
    """Return what a type checker would import; nothing can be of a type that is not there."""
    try:
        return getattr(__import__(ref[0], fromlist=[ref[1]]), ref[1])
    except (ImportError, AttributeError):
        return _Absent


class _Absent:
    """Stands for a type whose module is not installed."""


def records(hint: Any) -> Iterator[type]:
    """Yield the named tuples, dataclasses and other classes that a value of this type may hold."""
    yield from _records(hint, set())


def _records(hint: Any, seen: set[Any]) -> Iterator[type]:
    inner = getattr(hint, "__supertype__", hint)
    for argument in typing.get_args(inner):
        if not isinstance(argument, (str, int)) and argument is not Ellipsis:
            yield from _records(argument, seen)
    if not isinstance(inner, type) or typing.get_origin(inner) or inner in seen:
        return
    seen.add(inner)
    yield inner
    if _is_record(inner) or is_frozen(inner):
        for field in hints(inner).values():
            yield from _records(field, seen)


def is_frozen(hint: Any) -> bool:
    """Whether a class is a dataclass whose values do not change."""
    parameters = getattr(hint, "__dataclass_params__", None)
    return isinstance(hint, type) and parameters is not None and bool(parameters.frozen)


def _is_record(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, tuple) and hasattr(hint, "_fields")


@cache
def fitter(hint: Any) -> Fitter:
    """Return a function that returns what it is given, and raises `Misfit` where it is no such.

    What can be read only once becomes a tuple.
    """
    if isinstance(hint, NewType):
        return fitter(hint.__supertype__)
    if hint is Any or hint is object:
        return _anything
    if hint in _SIMPLE:
        return _SIMPLE[hint]
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (Union, types.UnionType):
        return _one_of(arguments)
    if origin is Literal:
        return _literal(arguments)
    if origin is tuple and not (len(arguments) == 2 and arguments[1] is Ellipsis):
        return _exactly(arguments)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return _mapping(*arguments)
    if isinstance(origin, type) and issubclass(origin, Iterable):
        return _many(origin, arguments[0])
    if _is_record(hint):
        return _record(hint, hint._fields)
    if is_frozen(hint):
        from dataclasses import fields

        return _record(hint, [field.name for field in fields(hint)])
    return _instance(origin or hint)


def _anything(value: Any) -> Any:
    return value


def _text(value: Any) -> Any:
    if type(value) is not str:
        raise Misfit("text", value)
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise Misfit("text in Unicode", value) from None
    return value


def _whole(value: Any) -> Any:
    if type(value) is not int:
        raise Misfit("a whole number", value)
    if not -_GREATEST <= value < _GREATEST:
        raise Misfit("a whole number of 64 bits", value)
    return value


def _number(value: Any) -> Any:
    if type(value) not in (int, float) or not isfinite(value):
        raise Misfit("a number", value)
    return value


def _truth(value: Any) -> Any:
    if value is not True and value is not False:
        raise Misfit("true or false", value)
    return value


def _bytes(value: Any) -> Any:
    if type(value) is not bytes:
        raise Misfit("bytes", value)
    return value


def _nothing(value: Any) -> Any:
    if value is not None:
        raise Misfit("nothing", value)
    return value


_SIMPLE: dict[Any, Fitter] = {
    str: _text,
    int: _whole,
    float: _number,
    bool: _truth,
    bytes: _bytes,
    type(None): _nothing,
    None: _nothing,
}


def _instance(wanted: type) -> Fitter:
    expected = _WORDS.get(wanted) or f"a {wanted.__name__}"

    def fit(value: Any) -> Any:
        if not isinstance(value, wanted):
            raise Misfit(expected, value)
        return value

    return fit


def _one_of(choices: tuple[Any, ...]) -> Fitter:
    fitters = [fitter(choice) for choice in choices]

    def fit(value: Any) -> Any:
        misfits: list[Misfit] = []
        for one in fitters:
            try:
                return one(value)
            except Misfit as misfit:
                misfits.append(misfit)
        inside = [misfit for misfit in misfits if misfit.place]
        if inside:
            raise inside[0]
        raise Misfit(" or ".join(dict.fromkeys(misfit.expected for misfit in misfits)), value)

    return fit


def _literal(choices: tuple[Any, ...]) -> Fitter:
    expected = "one of " + ", ".join(map(repr, choices))

    def fit(value: Any) -> Any:
        if not any(value == one and type(value) is type(one) for one in choices):
            raise Misfit(expected, value)
        return value

    return fit


def _exactly(parts: tuple[Any, ...]) -> Fitter:
    fitters = [fitter(part) for part in parts if part != ()]

    def fit(value: Any) -> Any:
        if type(value) is not tuple or len(value) != len(fitters):
            raise Misfit(f"a tuple of {len(fitters)}", value)
        for number, (one, part) in enumerate(zip(fitters, value, strict=True), start=1):
            try:
                one(part)
            except Misfit as misfit:
                raise misfit.below(f"element {number}") from None
        return value

    return fit


#: What is taken for each sort of collection; a string is never one of its letters.
_TAKEN: dict[Any, tuple[type, ...]] = {
    tuple: (tuple,),
    list: (list,),
    set: (set,),
    frozenset: (frozenset,),
    Set: (Set,),
    Sequence: (list, tuple),
    Collection: (list, tuple, Set),
    Iterable: (list, tuple, Set),
    Iterator: (),
}


def _many(origin: type, element: Any) -> Fitter:
    taken: Any = _TAKEN.get(origin, (origin,)) or (list, tuple)
    once = origin in (Iterable, Iterator)
    inner = fitter(element)
    expected = f"a {origin.__name__}" if origin in (tuple, set, frozenset) else "a list"
    changing = _may_change(element)

    def fit(value: Any) -> Any:
        found: Any = tuple(value) if once and isinstance(value, Iterator) else value
        if not isinstance(found, taken):
            raise Misfit(expected, value)
        number = 0
        kind: Any = type(found)
        try:
            if changing:
                return kind([inner(part) for part in found])
            for part in found:
                number += 1
                inner(part)
        except Misfit as misfit:
            raise misfit.below(f"element {number}" if number else "an element") from None
        return found

    return fit


def _may_change(hint: Any) -> bool:
    """Whether what fits may not be the very value that was given."""
    origin = typing.get_origin(hint)
    return origin in (Iterable, Iterator) or any(map(_may_change, typing.get_args(hint)))


def _mapping(key: Any, value: Any) -> Fitter:
    fit_key, fit_value = fitter(key), fitter(value)

    def fit(found: Any) -> Any:
        if not isinstance(found, Mapping):
            raise Misfit("a table of keys and values", found)
        for name, part in found.items():
            try:
                fit_key(name)
                fit_value(part)
            except Misfit as misfit:
                raise misfit.below(f"{str(name)[:60]!r}") from None
        return found

    return fit


class _Field(NamedTuple):
    name: str
    fit: Fitter


def _record(wanted: Any, names: Iterable[str]) -> Fitter:
    expected = f"a {wanted.__name__}"

    @cache
    def fields() -> list[_Field]:  # when the first value comes: a type may hold itself
        kinds = hints(wanted)
        return [_Field(name, fitter(kinds[name])) for name in names]

    def fit(value: Any) -> Any:
        if type(value) is not wanted:
            raise Misfit(expected, value)
        for field in fields():
            try:
                field.fit(getattr(value, field.name))
            except Misfit as misfit:
                raise misfit.below(field.name) from None
        return value

    return fit

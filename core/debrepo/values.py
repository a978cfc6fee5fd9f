"""Named tuples for modules that are loaded whenever a command starts.

`typing.NamedTuple` compiles the annotation of each field to check it, and `collections.namedtuple`
a function for each class, which make up a tenth of the start of a command; to type checkers, and to
all that use them, these are the same.
The module has to have ``from __future__ import annotations``.
"""

from __future__ import annotations

from types import FunctionType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, NamedTuple, Self
else:
    from collections import _tuplegetter  # what Python's named tuples have for each field

    class _Making(type):
        def __new__(cls, name: str, _: tuple[type, ...], body: dict[str, Any]) -> type:
            """Return a tuple class with these fields, defaults and methods."""
            types = body["__annotations__"]
            fields = (*types,)
            defaults = {field: body.pop(field) for field in fields if field in body}
            for number, field in enumerate(fields):
                body[field] = _tuplegetter(number, f"Alias for field number {number}")
            body.setdefault("__doc__", f"{name}({', '.join(fields)})")
            return type(
                name,
                (_Record,),
                {
                    "__slots__": (),
                    "__match_args__": fields,
                    "_fields": fields,
                    "_field_defaults": defaults,
                    "__new__": _new(fields, (*defaults.values(),)),
                    **body,
                },
            )

    NamedTuple = type.__new__(_Making, "NamedTuple", (), {})


class _Record(tuple["Any", ...]):
    """What all named tuples have in common; see `collections.namedtuple`."""

    __slots__ = ()
    _fields = tuple[str, ...]()  # not annotated: it would be taken for a field

    @classmethod
    def _make(cls, values: Iterable[Any]) -> Self:
        made = tuple.__new__(cls, values)
        if len(made) != len(cls._fields):
            raise TypeError(f"Expected {len(cls._fields)} arguments, got {len(made)}")
        return made

    def _replace(self, **changed: Any) -> Self:
        made = self._make(map(changed.pop, self._fields, self))
        if changed:
            raise TypeError(f"Got unexpected field names: {[*changed]}")
        return made

    __replace__ = _replace

    def _asdict(self) -> dict[str, Any]:
        return dict(zip(self._fields, self, strict=True))

    def __repr__(self) -> str:
        shown = [f"{name}={value!r}" for name, value in zip(self._fields, self, strict=True)]
        return f"{type(self).__name__}({', '.join(shown)})"

    def __getnewargs__(self) -> tuple[Any, ...]:
        return tuple(self)


def _new(fields: tuple[str, ...], defaults: tuple[Any, ...]) -> Callable[..., Any]:
    """Return the ``__new__`` of a named tuple: that of its number of fields, with their names."""
    if len(fields) < len(_NEW):
        code = _NEW[len(fields)].__code__
    else:
        names = ", ".join(f"f{number}" for number in range(len(fields)))
        code = eval(f"lambda cls, {names}: make(cls, ({names}))").__code__  # noqa: S307
    named = code.replace(co_varnames=("_cls", *fields), co_name="__new__")
    return FunctionType(named, {"make": tuple.__new__}, "__new__", defaults)


make = tuple.__new__
_NEW: list[Callable[..., Any]] = [
    lambda cls: make(cls, ()),
    lambda cls, a: make(cls, (a,)),
    lambda cls, a, b: make(cls, (a, b)),
    lambda cls, a, b, c: make(cls, (a, b, c)),
    lambda cls, a, b, c, d: make(cls, (a, b, c, d)),
    lambda cls, a, b, c, d, e: make(cls, (a, b, c, d, e)),
    lambda cls, a, b, c, d, e, f: make(cls, (a, b, c, d, e, f)),
    lambda cls, a, b, c, d, e, f, g: make(cls, (a, b, c, d, e, f, g)),
    lambda cls, a, b, c, d, e, f, g, h: make(cls, (a, b, c, d, e, f, g, h)),
]

__all__ = ["NamedTuple"]

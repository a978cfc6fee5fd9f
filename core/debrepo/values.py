"""Named tuples for modules that are loaded whenever a command starts.

`typing.NamedTuple` compiles the annotation of each field to check it, which makes up a tenth
of the start of a command; to type checkers, and to all that use them, these are the same.
The module has to have ``from __future__ import annotations``.
"""

from __future__ import annotations

from collections import namedtuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NamedTuple
else:

    class _Making(type):
        def __new__(cls, name: str, _: tuple[type, ...], body: dict[str, Any]) -> type:
            """Return a tuple class with these fields, defaults and methods."""
            fields = body.pop("__annotations__")
            defaults = [body.pop(field) for field in fields if field in body]
            made = namedtuple(name, fields, defaults=defaults, module=body["__module__"])
            made.__annotations__ = fields
            for attribute in body.keys() - {"__module__", "__qualname__"}:
                setattr(made, attribute, body[attribute])
            return made

    NamedTuple = type.__new__(_Making, "NamedTuple", (), {})

__all__ = ["NamedTuple"]

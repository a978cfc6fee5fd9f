"""The encoding: arguments and results of operations as JSON, and back to the same values.

Plain JSON stands for itself. Everything else is an object with one key: ``{"b": …}`` is bytes
in hex, ``{"t": […]}`` a tuple, ``{"n": [class, …]}`` a named tuple, a frozen dataclass or a
package, and ``{"e": [class, value]}`` a member of an enumeration.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import fields
from datetime import datetime
from enum import Enum
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from debrepo.errors import InvalidInput
from debrepo.fitting import is_frozen, records
from debrepo.package import Package, PackageFile, PackageKey

if TYPE_CHECKING:
    from collections.abc import Callable

_DEEPEST = 60  # values within values


def encode(value: Any, path: Callable[[Path], Any]) -> Any:
    """Return ``value`` as JSON has it; ``path`` says what becomes of paths."""
    if isinstance(value, Enum):  # which may be text or a number, too
        return {"e": [_name(value), encode(value.value, path)]}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (bytes, bytearray, memoryview)):
        return {"b": bytes(value).hex()}
    if isinstance(value, Path):
        return {"p": path(value)}
    if isinstance(value, datetime):
        return {"i": value.isoformat()}
    if isinstance(value, Package):
        parts = (value.key, value.kind, value.stanza, value.files)
        return {"n": ["debrepo.package:Package", *(encode(part, path) for part in parts)]}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return {"n": [_name(value), *(encode(part, path) for part in value)]}
    if is_frozen(type(value)):
        parts = tuple(getattr(value, field) for field in _given(type(value)))
        return {"n": [_name(value), *(encode(part, path) for part in parts)]}
    if isinstance(value, tuple):
        return {"t": [encode(part, path) for part in value]}
    if isinstance(value, Mapping):
        return {"d": [[encode(k, path), encode(v, path)] for k, v in value.items()]}
    if isinstance(value, Set):
        return {"s": [encode(part, path) for part in value]}
    if isinstance(value, Iterable):
        return [encode(part, path) for part in value]
    raise InvalidInput(
        f"a {type(value).__name__} cannot be sent through a server",
        hint="run this command where the root is",
    )


def _name(value: Any) -> str:
    return f"{type(value).__module__}:{type(value).__qualname__}"


def _given(kind: Any) -> list[str]:
    """Return the fields that a dataclass is made with."""
    return [field.name for field in fields(kind) if field.init]


def decode(value: Any, path: Callable[[Any], Path], hint: Any) -> Any:
    """Return what `encode` was given; ``path`` makes paths of what the other side said.

    Nothing is made but what a value of the type ``hint`` may hold, as plain data or as one of
    its classes; whether it is of that type, `debrepo.fitting` says.
    """
    return _Decoder(path, hint).value(value)


class _Decoder:
    def __init__(self, path: Callable[[Any], Path], hint: Any) -> None:
        self._path = path
        self._hint = hint
        self._depth = 0
        self._makers: dict[str, Callable[[Any], Any]] = {
            "b": bytes.fromhex,
            "e": self._member,
            "d": lambda data: {self.value(key): self.value(part) for key, part in data},
            "i": datetime.fromisoformat,
            "n": self._named,
            "p": path,
            "s": lambda data: frozenset(map(self.value, data)),
            "t": lambda data: tuple(map(self.value, data)),
        }

    def value(self, value: Any) -> Any:
        if not isinstance(value, (list, dict)):
            return value
        self._depth += 1
        if self._depth > _DEEPEST:
            raise InvalidInput("what was sent is too deep")
        try:
            if isinstance(value, list):
                return [self.value(part) for part in value]
            ((kind, data),) = value.items()
            return self._makers[kind](data)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InvalidInput("what was sent is not what debrepo sends") from error
        finally:
            self._depth -= 1

    @cached_property
    def _classes(self) -> dict[str, Any]:
        """The classes that are expected, by the names that `encode` gives them."""
        found = set(records(self._hint))
        if Package in found:
            found |= {PackageKey, PackageFile}
        known = (one for one in found if one is Package or _is_of_parts(one))
        return {f"{one.__module__}:{one.__qualname__}": one for one in known}

    def _named(self, data: Any) -> Any:
        name, *parts = data
        kind = self._classes[name]
        if issubclass(kind, Enum):
            raise TypeError(name)
        values = list(map(self.value, parts))
        if is_frozen(kind):
            return kind(**dict(zip(_given(kind), values, strict=True)))
        return kind(*values)

    def _member(self, data: Any) -> Any:
        name, value = data
        kind = self._classes[name]
        if not issubclass(kind, Enum):
            raise TypeError(name)
        return kind(self.value(value))


def _is_of_parts(kind: Any) -> bool:
    return hasattr(kind, "_fields") or is_frozen(kind) or issubclass(kind, Enum)

"""The wire: what operations take and return, as JSON that gives the same values back.

Plain JSON stands for itself. Everything else is an object with one key: ``{"b": …}`` is bytes
in hex, ``{"t": […]}`` a tuple, ``{"n": [class, …]}`` a named tuple or a package.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Set
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from debrepo.errors import InvalidInput
from debrepo.package import Package

if TYPE_CHECKING:
    from collections.abc import Callable


def encode(value: Any, path: Callable[[Path], Any]) -> Any:
    """Return ``value`` as JSON has it; ``path`` says what becomes of paths."""
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
        name = f"{type(value).__module__}:{type(value).__qualname__}"
        return {"n": [name, *(encode(part, path) for part in value)]}
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


def decode(value: Any, path: Callable[[Any], Path]) -> Any:
    """Return what `encode` was given; ``path`` makes paths of what the other side said."""
    if isinstance(value, list):
        return [decode(part, path) for part in value]
    if not isinstance(value, dict):
        return value
    if len(value) != 1:
        raise InvalidInput("what was sent is not what debrepo sends")
    ((kind, data),) = value.items()
    try:
        return _MAKERS[kind](data, path)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidInput("what was sent is not what debrepo sends") from error


def _named(data: Any, path: Callable[[Any], Path]) -> Any:
    name, *parts = data
    module, _, qualname = name.partition(":")
    found = getattr(sys.modules.get(module) or _own(module), qualname)
    known = found is Package or (issubclass(found, tuple) and hasattr(found, "_fields"))
    if not known:
        raise ValueError(name)
    return found(*(decode(part, path) for part in parts))


def _own(module: str) -> Any:
    """Import a module of debrepo's or of a plugin's, and no other."""
    if not module.partition(".")[0].startswith("debrepo"):
        raise ValueError(module)
    from importlib import import_module

    try:
        return import_module(module)
    except ImportError as error:
        raise ValueError(module) from error


_MAKERS: dict[str, Callable[[Any, Callable[[Any], Path]], Any]] = {
    "b": lambda data, _: bytes.fromhex(data),
    "d": lambda data, path: {decode(k, path): decode(v, path) for k, v in data},
    "i": lambda data, _: datetime.fromisoformat(data),
    "n": _named,
    "p": lambda data, path: path(data),
    "s": lambda data, path: frozenset(decode(part, path) for part in data),
    "t": lambda data, path: tuple(decode(part, path) for part in data),
}

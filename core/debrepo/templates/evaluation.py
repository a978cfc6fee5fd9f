"""Filling a template in."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote_plus

from debrepo.errors import InvalidInput
from debrepo.stopping import checkpoint
from debrepo.templates.nodes import (
    Assign,
    Branch,
    Dot,
    Expression,
    FunctionCall,
    Literal,
    Node,
    Print,
    Text,
)

MISSING = "<no value>"
_VERB = re.compile(r"%([-+ #0]*)([0-9]*)(?:\.([0-9]*))?([a-zA-Z%])")
_LONGEST = 1 << 20  # characters of a text that a template makes
_MOST = 100_000  # pieces of it, the empty ones too
_WIDEST = 10_000  # characters; printf could be asked for more memory than there is


class Function(NamedTuple):
    """A function of the language, and how many arguments it takes at least and at most."""

    call: Callable[..., Any]
    arity: tuple[int, int | None]


class Template:
    """A template, ready to be filled in."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self._nodes = nodes

    def render(self, data: Mapping[str, object]) -> str:
        """Return the text that the template makes of ``data``."""
        pieces, size = [], 0
        for steps, piece in enumerate(_render(self._nodes, data, [{"$": data}])):
            size += len(piece)
            if size > _LONGEST or steps > _MOST:
                raise _too_long()
            pieces.append(piece)
        return "".join(pieces)


def _too_long() -> InvalidInput:
    return InvalidInput(f"template: it makes more than {_LONGEST} characters")


def _render(nodes: Sequence[Node], dot: object, scopes: list[dict[str, object]]) -> Iterator[str]:
    scopes = [*scopes, {}]
    for node in nodes:
        checkpoint()
        match node:
            case Text(text):
                yield text
            case Print(value):
                yield _text(_evaluate(value, dot, scopes))
            case Assign(name, value, declares):
                holder = scopes[-1] if declares else _scope(scopes, name)
                result = _evaluate(value, dot, scopes)
                if isinstance(result, str) and len(result) > _LONGEST:
                    raise _too_long()
                holder[name] = result
            case Branch():
                yield from _branch(node, dot, scopes)


def _branch(node: Branch, dot: object, scopes: list[dict[str, object]]) -> Iterator[str]:
    value = _evaluate(node.value, dot, scopes)
    if not value:
        yield from _render(node.otherwise, dot, scopes)
    elif node.kind == "range":
        for key, item in _items(value):
            pair = (item,) if len(node.names) < 2 else (key, item)
            yield from _render(
                node.body, item, [*scopes, dict(zip(node.names, pair, strict=False))]
            )
    else:
        inside = value if node.kind == "with" else dot
        yield from _render(node.body, inside, [*scopes, dict.fromkeys(node.names, value)])


def _items(value: object) -> Iterator[tuple[object, object]]:
    if isinstance(value, Mapping):
        return iter(sorted(value.items()))
    if isinstance(value, (list, tuple)):
        return iter(enumerate(value))
    raise InvalidInput(f"template: range cannot go through {_text(value)[:40]!r}")


def _scope(scopes: list[dict[str, object]], name: str) -> dict[str, object]:
    return next(scope for scope in reversed(scopes) if name in scope)


def _evaluate(expression: Expression, dot: object, scopes: list[dict[str, object]]) -> object:
    match expression:
        case Literal(value):
            return value
        case Dot(path):
            return _below(dot, path)
        case FunctionCall("and" | "or" as name, arguments, _):
            value = None
            for argument in arguments:
                value = _evaluate(argument, dot, scopes)
                if bool(value) is (name == "or"):
                    break
            return value
        case FunctionCall(name, arguments, column):
            values = [_evaluate(argument, dot, scopes) for argument in arguments]
            if sum(len(value) for value in values if isinstance(value, str)) > _LONGEST:
                raise _too_long()
            try:
                return FUNCTIONS[name].call(*values)
            except (TypeError, ValueError, IndexError, KeyError) as error:
                raise InvalidInput(f"template, column {column}: {name}: {error}") from None
    return _below(_scope(scopes, expression.name)[expression.name], expression.path)


def _below(value: object, path: Sequence[str]) -> object:
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _text(value: object) -> str:
    match value:
        case None:
            return MISSING
        case bool():
            return str(value).lower()
        case str():
            return value
        case Mapping():
            return f"map[{' '.join(f'{key}:{_text(item)}' for key, item in sorted(value.items()))}]"
        case list() | tuple():
            return f"[{' '.join(map(_text, value))}]"
    return str(value)


def _index(value: Any, *keys: Any) -> object:
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else value[key]
    return value


def _slice(value: Any, *bounds: int) -> object:
    start, stop = (*bounds, 0)[0], bounds[1] if len(bounds) > 1 else len(value)
    if not 0 <= start <= stop <= len(value):
        raise IndexError("out of range")
    return value[start:stop]


def _equal(first: object, *others: object) -> bool:
    return any(type(first) is type(other) and first == other for other in others)


def _less(first: Any, second: Any) -> bool:
    return bool(first < second)


def _print(*values: object) -> str:
    """Join as Go does: a blank stands between two operands of which neither is a string."""
    text, before = "", None
    for value in values:
        blank = text and not isinstance(before, str) and not isinstance(value, str)
        text, before = text + (" " if blank else "") + _text(value), value
    return text


def _printf(layout: str, *values: Any) -> str:
    left = list(values)

    def fill(found: re.Match[str]) -> str:
        flags, width, precision, verb = found.groups()
        if verb == "%":
            return "%"
        if not left:
            return f"%!{verb}(MISSING)"
        value = left.pop(0)
        if int(width or 0) > _WIDEST or int(precision or 0) > _WIDEST:
            raise ValueError("that is too wide")
        if verb in "sv":
            text = _text(value)[: int(precision) if precision else None]
        elif verb == "q":
            text = '"' + _text(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
        elif verb in "dxXo" and isinstance(value, int):
            text = format(value, ("+" if "+" in flags else "") + verb)
        elif verb in "feg" and isinstance(value, (int, float)):
            text = format(value, f".{precision or 6}{verb}")
        elif verb == "t" and isinstance(value, bool):
            text = _text(value)
        else:
            text = f"%!{verb}({_text(value)})"
        if "-" in flags:
            return text.ljust(int(width or 0))
        return text.rjust(int(width or 0), "0" if "0" in flags and verb in "dxXofeg" else " ")

    return _VERB.sub(fill, layout)


def _no(value: object) -> bool:
    return not value


FUNCTIONS: Mapping[str, Function] = {
    "and": Function(_no, (1, None)),  # these two are evaluated where they stand: they stop early
    "or": Function(_no, (1, None)),
    "not": Function(_no, (1, 1)),
    "eq": Function(_equal, (2, None)),
    "ne": Function(lambda a, b: not _equal(a, b), (2, 2)),
    "lt": Function(_less, (2, 2)),
    "le": Function(lambda a, b: not _less(b, a), (2, 2)),
    "gt": Function(lambda a, b: _less(b, a), (2, 2)),
    "ge": Function(lambda a, b: not _less(a, b), (2, 2)),
    "len": Function(lambda value: len(value or ""), (1, 1)),
    "index": Function(_index, (1, None)),
    "slice": Function(_slice, (1, 3)),
    "print": Function(_print, (0, None)),
    "println": Function(lambda *values: " ".join(map(_text, values)) + "\n", (0, None)),
    "printf": Function(_printf, (1, None)),
    "html": Function(lambda *values: html.escape(_print(*values)), (1, None)),
    "urlquery": Function(lambda *values: quote_plus(_print(*values)), (1, None)),
}

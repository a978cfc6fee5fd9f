"""What a template is made of, once it is parsed."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias


class Literal(NamedTuple):
    """A string, a number, or a truth value."""

    value: object


class Dot(NamedTuple):
    """The value at hand, or what it has under names: ``.`` or ``.A.B``."""

    path: tuple[str, ...] = ()


class Variable(NamedTuple):
    """The value of a variable, or what it has under names: ``$x`` or ``$x.A``."""

    name: str
    path: tuple[str, ...] = ()


class FunctionCall(NamedTuple):
    """A function with its arguments."""

    name: str
    arguments: tuple[Expression, ...]
    column: int


Expression: TypeAlias = "Literal | Dot | Variable | FunctionCall"


class Text(NamedTuple):
    """Text that is printed as it is."""

    text: str


class Print(NamedTuple):
    """An expression of which the value is printed."""

    value: Expression


class Assign(NamedTuple):
    """A variable that takes a value: declared with ``:=``, changed with ``=``."""

    name: str
    value: Expression
    declares: bool


class Branch(NamedTuple):
    """``if``, ``with`` or ``range``: a body, and what stands in for it."""

    kind: str
    value: Expression
    names: tuple[str, ...]  #: variables that take the value, or key and value
    body: tuple[Node, ...]
    otherwise: tuple[Node, ...]


Node: TypeAlias = "Text | Print | Assign | Branch"

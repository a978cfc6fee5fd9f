"""From the text of a template to its nodes."""

from __future__ import annotations

from debrepo.errors import InvalidInput
from debrepo.templates.evaluation import FUNCTIONS, Template
from debrepo.templates.lexer import Piece, Word, complaint, pieces
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
    Variable,
)

_BRANCHES = ("if", "with", "range")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_CONSTANTS = {"true": True, "false": False, "nil": None}
_DEEPEST = 50
_LONGEST = 64 << 10  # characters


def parse(text: str) -> Template:
    """Return the template that ``text`` spells; raise `InvalidInput`, naming the column."""
    if len(text) > _LONGEST:
        raise InvalidInput(f"the template has {len(text)} characters, and the limit is {_LONGEST}")
    parser = _Parser(list(pieces(text)))
    nodes, stop = parser.nodes(0, {"$"})
    if stop is not None:
        raise complaint(stop.column, f"{stop.text} without a beginning")
    return Template(nodes)


class _Parser:
    def __init__(self, found: list[Piece]) -> None:
        self._pieces = iter(found)
        self._end = found[-1].column if found else 1

    def nodes(self, depth: int, known: set[str]) -> tuple[tuple[Node, ...], Word | None]:
        """Return what stands before the next ``else`` or ``end`` of the same depth, and that."""
        found: list[Node] = []
        known = set(known)
        for piece in self._pieces:
            if piece.words is None:
                found.append(Text(piece.text))
                continue
            if not piece.words:
                raise complaint(piece.column, "there is nothing in this action")
            first = piece.words[0]
            if first.text in ("else", "end"):
                self._rest = piece.words[1:]
                return tuple(found), first
            if first.text in _BRANCHES:
                found.append(self._branch(first.text, piece.words[1:], first, depth + 1, known))
            else:
                found.append(_Action(piece.words, piece.column, known).node())
        return tuple(found), None

    def _branch(
        self, kind: str, words: tuple[Word, ...], at: Word, depth: int, known: set[str]
    ) -> Branch:
        if depth > _DEEPEST:
            raise complaint(at.column, "the template is nested too deeply")
        inside = set(known)
        names, value = _Action(words, at.column, inside).head(kind)
        body, stop = self.nodes(depth, inside)
        otherwise: tuple[Node, ...] = ()
        if stop is not None and stop.text == "else":
            rest = self._rest
            if rest and rest[0].text in ("if", "with"):
                otherwise = (self._branch(rest[0].text, rest[1:], rest[0], depth + 1, known),)
                return Branch(kind, value, names, body, otherwise)
            _nothing_left(rest)
            otherwise, stop = self.nodes(depth, known)
        if stop is None or stop.text != "end":
            raise complaint(at.column, f"this {kind} has no end", "end it with {{end}}")
        _nothing_left(self._rest)
        return Branch(kind, value, names, body, otherwise)


def _nothing_left(words: tuple[Word, ...]) -> None:
    if words:
        raise complaint(words[0].column, f"unexpected {words[0].text!r}")


class _Action:
    """The words of one action, read from left to right."""

    def __init__(self, words: tuple[Word, ...], column: int, known: set[str]) -> None:
        self._words = words
        self._position = 0
        self._known = known
        self._column = words[-1].column if words else column
        self._depth = 0

    def node(self) -> Node:
        """Return what the action prints or assigns."""
        names, declares = self._assigned(1)
        value = self._pipeline()
        self._expect_end()
        if not names:
            return Print(value)
        if not declares and names[0] not in self._known:
            raise self._complain(f"there is no variable {names[0]}")
        self._known.add(names[0])
        return Assign(names[0], value, declares)

    def head(self, kind: str) -> tuple[tuple[str, ...], Expression]:
        """Return the variables and the value that a branch begins with."""
        names, _ = self._assigned(2 if kind == "range" else 1)
        value = self._pipeline()
        self._expect_end()
        self._known.update(names)
        return names, value

    def _assigned(self, most: int) -> tuple[tuple[str, ...], bool]:
        signs = [word.text for word in self._words[: 2 * most]]
        for count in range(1, most + 1):
            at = 2 * count - 1
            if len(signs) > at and signs[at] in (":=", "=") and self._words[0].kind == "variable":
                if any(word.kind != "variable" for word in self._words[0:at:2]):
                    break
                self._position = at + 1
                return tuple(signs[0:at:2]), signs[at] == ":="
        return (), False

    def _pipeline(self) -> Expression:
        value = self._command()
        while self._accept("|"):
            at = self._word
            value = self._command(value)
            if at is None or at.kind != "name":
                raise self._complain("only a function takes a value from a pipeline", at)
        return value

    def _command(self, piped: Expression | None = None) -> Expression:
        word = self._word
        if word is not None and word.kind == "name" and word.text not in _CONSTANTS:
            self._position += 1
            if word.text not in FUNCTIONS:
                known = ", ".join(sorted(FUNCTIONS))
                raise self._complain(
                    f"there is no function {word.text}", word, f"the functions are {known}"
                )
            arguments = []
            while self._word is not None and self._word.text not in ("|", ")"):
                arguments.append(self._operand())
            if piped is not None:
                arguments.append(piped)
            least, most = FUNCTIONS[word.text].arity
            if len(arguments) < least or (most is not None and len(arguments) > most):
                raise self._complain(f"wrong number of arguments for {word.text}", word)
            return FunctionCall(word.text, tuple(arguments), word.column)
        return self._operand()

    def _operand(self) -> Expression:
        word = self._word
        if word is None:
            raise self._complain("a value is missing at the end of the action")
        self._position += 1
        match word.kind:
            case "string":
                return Literal(_unquote(word))
            case "number":
                return Literal(float(word.text) if "." in word.text else int(word.text))
            case "field":
                return Dot(tuple(word.text[1:].split(".")))
            case "variable":
                return self._variable(word)
            case "name" if word.text in _CONSTANTS:
                return Literal(_CONSTANTS[word.text])
        if word.text == ".":
            return Dot()
        if word.text != "(":
            raise self._complain(f"unexpected {word.text!r}", word)
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._complain("the template is nested too deeply", word)
        value = self._pipeline()
        if not self._accept(")"):
            raise self._complain('a ")" is missing')
        self._depth -= 1
        return value

    def _variable(self, word: Word) -> Variable:
        if word.text not in self._known:
            raise self._complain(f"there is no variable {word.text}", word)
        after = self._word
        end = word.column + len(word.text)
        if after is not None and after.kind == "field" and after.column == end:
            self._position += 1
            return Variable(word.text, tuple(after.text[1:].split(".")))
        return Variable(word.text)

    @property
    def _word(self) -> Word | None:
        return self._words[self._position] if self._position < len(self._words) else None

    def _accept(self, sign: str) -> bool:
        word = self._word
        if word is None or word.kind != "sign" or word.text != sign:
            return False
        self._position += 1
        return True

    def _expect_end(self) -> None:
        if self._word is not None:
            raise self._complain(f"unexpected {self._word.text!r}", self._word)

    def _complain(self, message: str, word: Word | None = None, hint: str = "") -> InvalidInput:
        return complaint(word.column if word else self._column, message, hint)


def _unquote(word: Word) -> str:
    if word.text[0] == "`":
        return word.text[1:-1]
    parts = word.text[1:-1].split("\\")
    text, skip = parts[0], False
    for part in parts[1:]:
        if skip or not part:
            text, skip = text + ("\\" if not skip else "") + part, not skip
        else:
            text += _ESCAPES.get(part[0], part[0]) + part[1:]
    return text

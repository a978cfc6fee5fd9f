"""Known patterns: the regular expressions that earlier commands have compiled, in one file.

Modules of Python, of click and of ours compile seventy of them until a small package is added. The
file has what the compiler makes of them, and holds for one Python. It is the compiled file of
`debrepo.stored_patterns`, behind whose code Python reads no further. What it lacks is compiled as
ever, and added when the command ends, if a module asked for it while it was imported.
"""

import marshal
import os
import re
import sys

from debrepo.stored_code import carrier, here, stored_at, write_behind

TYPE_CHECKING = False  # `typing` takes long to import
if TYPE_CHECKING:
    from typing import Any

    Key = tuple[str | bytes, int]  #: a pattern, and its flags

_compiler: "Any" = re._compiler  # type: ignore[attr-defined]  # noqa: SLF001
_CALLER = 3  # whose function asks `re.compile` for it, which asks another function
_DAMAGED = (OSError, EOFError, ValueError, TypeError, RuntimeError, OverflowError)


class KnownPatterns:
    """Takes the place of the compiler of `re`."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._compile = _compiler.compile
        self._known: dict[Key, bytes] = {}
        self._lacking: set[Key] = set()
        try:
            with open(path, "rb") as file:
                begin, length = stored_at(file.fileno())
                data = os.pread(file.fileno(), length, begin)
            made_for, known = marshal.loads(data)  # noqa: S302  # as `import` does
        except _DAMAGED:
            return
        if made_for == here():
            self._known = known

    def compile(self, pattern: "Any", flags: int = 0) -> "re.Pattern[Any]":
        """Return a pattern as `re` would compile it."""
        known = self._known.get((pattern, flags))
        if known is not None:
            try:
                found: re.Pattern[Any] = _compiler._sre.compile(  # noqa: SLF001
                    pattern,
                    *marshal.loads(known),  # noqa: S302  # as `import` does
                )
            except _DAMAGED:
                del self._known[pattern, flags]
            else:
                return found
        made: re.Pattern[Any] = self._compile(pattern, flags)
        if sys._getframe(_CALLER).f_code.co_name == "<module>":  # noqa: SLF001  # not of users
            self._lacking.add((pattern, int(flags)))
        return made

    def store(self) -> None:
        """Add what was compiled by Python."""
        if sys.dont_write_bytecode or not self._lacking:
            return
        lacking = {key: marshal.dumps(_parts(*key)) for key in self._lacking}
        write_behind(self._path, marshal.dumps((here(), self._known | lacking)))


def _parts(pattern: "Any", flags: int) -> "tuple[int, list[int], int, dict[str, int], Any]":
    """Return what the compiler hands on, after the pattern: it has no way to ask for it."""
    parsed = _compiler._parser.parse(pattern, flags)  # noqa: SLF001
    code, state = _compiler._code(parsed, flags), parsed.state  # noqa: SLF001
    names: list[str | None] = [None] * state.groups
    for name, number in state.groupdict.items():
        names[number] = name
    groups = dict(state.groupdict)
    return int(flags | state.flags), [*map(int, code)], state.groups - 1, groups, tuple(names)


def use() -> KnownPatterns | None:
    """Take compiled patterns from the file from now on."""
    path = carrier(__spec__.cached, "stored_patterns")
    if path is None:
        return None
    found = KnownPatterns(path)
    _compiler.compile = found.compile
    return found

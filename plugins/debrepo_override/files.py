"""Override files: what apt-ftparchive, dpkg-scanpackages and reprepro read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo.errors import InvalidInput
from debrepo_override.overrides import Override, checked

if TYPE_CHECKING:
    from collections.abc import Iterator

#: How files are written: with the columns of Debian's, or with a field in each line.
FORMATS = ("columns", "fields")


def parse(text: str, kind: str, form: str) -> list[Override]:
    """Return what an override file says; raise `InvalidInput` with the number of a bad line.

    ``columns`` are name, priority, section and maybe maintainer; of sources, name and section.
    ``fields`` are name, field and value, as reprepro and the extra overrides of apt-ftparchive
    have them; fields that start with ``$`` are orders to reprepro, and left out.
    """
    if form not in FORMATS:
        raise InvalidInput(f"no format is called {form[:80]!r}", hint="use columns or fields")
    found: list[Override] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            found += map(checked, _columns(line, kind) if form == "columns" else _field(line, kind))
        except InvalidInput as error:
            raise InvalidInput(f"line {number}: {error}", hint=error.hint) from None
    return found


def _columns(line: str, kind: str) -> Iterator[Override]:
    names = ("Section",) if kind == "source" else ("Priority", "Section", "Maintainer")
    package, *values = line.split(None, len(names))
    if len(values) < min(2, len(names)):
        raise InvalidInput(
            "there are too few columns",
            hint='lines of the form "NAME FIELD VALUE" need --format fields',
        )
    for name, value in zip(names, values, strict=False):
        if name == "Maintainer" and "=>" in value:
            old, _, value = value.partition("=>")
            if old.strip() != "*":
                raise InvalidInput(
                    "a maintainer is replaced whatever the package says",
                    hint="write the new one alone",
                )
        yield Override(kind, package, name, value)


def _field(line: str, kind: str) -> Iterator[Override]:
    words = line.split(None, 2)
    if len(words) < 3:
        raise InvalidInput("this is not a package, a field and a value")
    if not words[1].startswith("$"):
        yield Override(kind, *words)

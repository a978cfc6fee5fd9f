"""Own files: files of the system that are written again only while nobody has changed them."""

from __future__ import annotations

import difflib
import hashlib
import re
from typing import TYPE_CHECKING

from debrepo.errors import InvalidInput

if TYPE_CHECKING:
    from pathlib import Path

_FIRST = (
    '# Written by "debrepo setup-server"; what is changed by hand stays, unless --force is given.'
)
_LINE = re.compile(r"# sha256 of what follows: ([0-9a-f]{64})\n")


def stamped(text: str) -> str:
    """Return a file that tells whether it has been changed since."""
    return f"{_FIRST}\n# sha256 of what follows: {_digest(text)}\n{text}"


def state(path: Path, text: str) -> str:
    """Return how a file is, whose new content is ``text``, stamped.

    ``missing``, ``the same``, ``older``: as it was written, or ``changed``: by hand.
    """
    there = read(path)
    if there is None:
        return "missing"
    if there == text:
        return "the same"
    first, _, rest = there.partition("\n")
    found = _LINE.match(rest)
    if first != _FIRST or found is None or _digest(rest[found.end() :]) != found[1]:
        return "changed"
    return "older"


def difference(path: Path, text: str) -> str:
    """Return what replacing a file would change, line by line."""
    before = (read(path) or "").splitlines(keepends=True)
    lines = difflib.unified_diff(before, text.splitlines(keepends=True), str(path), "new")
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


def read(path: Path) -> str | None:
    """Return what a file says, or ``None`` if there is none."""
    try:
        return path.read_text(errors="surrogateescape")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InvalidInput(f"cannot read {path}: {error.strerror}") from None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()

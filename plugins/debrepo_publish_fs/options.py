"""The settings of a directory: where it is, and how files get there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast, get_args

from debrepo.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping

LinkMethod = Literal["hardlink", "symlink", "copy", "reflink"]

_MODE = re.compile(r"0?[4-7][0-7]{2}")


def place(name: str, options: Mapping[str, object], root: Path) -> Path:
    """Return the directory to publish to."""
    found = str(options.get("root") or ("" if name else "public"))
    if not found:
        raise InvalidInput(
            f"storage fs:{name} has no root",
            hint=f"set storage.fs.{name}.root to the directory to publish to",
        )
    return root / Path(found).expanduser()


def link_method(name: str, options: Mapping[str, object]) -> LinkMethod:
    """Return how package files get there."""
    link = str(options.get("link") or "hardlink")
    if link in get_args(LinkMethod):
        return cast("LinkMethod", link)
    raise InvalidInput(
        f"storage.fs.{name}.link is {link!r}",
        hint=f"it can be: {', '.join(get_args(LinkMethod))}",
    )


def file_mode(name: str, options: Mapping[str, object]) -> int:
    """Return the mode of published files."""
    mode = str(options.get("mode") or "0644")
    if not _MODE.fullmatch(mode):
        raise InvalidInput(
            f"storage.fs.{name}.mode is {mode!r}",
            hint="three octal digits of which the owner may read: 0644, 0640",
        )
    return int(mode, 8)

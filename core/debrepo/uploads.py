"""The upload area: files that callers have sent, to be added to repositories.

Below it are the directories that people share, and one for each caller, which only that
caller can name: as ``~NAME``. The files that a command sends to a server lie there.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from debrepo.errors import InvalidInput

if TYPE_CHECKING:
    from pathlib import Path

AREA = "upload"  #: below the root, or `Session.uploads`

_LONGEST = 255  # bytes of a file name
#: Files that name others beside them.
_LISTS = {".dsc", ".changes", ".buildinfo"}


def upload_path(root: Path, directory: str, name: str = "", *, owner: str = "") -> Path:
    """Return the place of an uploaded file, or of a directory of them.

    Raise `InvalidInput` for what would lie elsewhere, by links too. A directory may be nested,
    and one that begins with ``~`` is the ``owner``'s.
    """
    parts = [part for part in directory.split("/") if part]
    for part in [*parts, *([name] if name else [])]:
        if part.startswith((".", "~.")) or not part.isprintable() or "/" in part or part == "~":
            raise InvalidInput(
                f"not a place to upload to: {part[:80]!r}",
                hint="names start with a letter or a digit, and hold no slash",
            )
        if len(part.encode(errors="replace")) > _LONGEST:
            raise InvalidInput(f"the name {part[:40]}… is too long: {_LONGEST} bytes at most")
    if not parts:
        raise InvalidInput("the upload needs a directory", hint="POST /api/files/DIRECTORY")
    if parts[0].startswith("~"):
        if not owner:
            raise InvalidInput("a directory that begins with ~ belongs to a caller")
        parts[:1] = [_home(owner), parts[0][1:]]
    place = root.joinpath(AREA, *parts, *([name] if name else []))
    _check(os.path.realpath(root / AREA), place)
    return place


def upload_name(root: Path, path: Path, owner: str) -> str:
    """Return what the ``owner`` calls a path in the upload area: the reverse of `upload_path`.

    Raise `InvalidInput` for a path outside of it, and for one of another owner's.
    """
    parts = below(root / AREA, path)
    if parts[0] == _home(owner) and len(parts) > 1:
        return "/".join([f"~{parts[1]}", *parts[2:]])
    if parts[0].startswith("~"):
        raise InvalidInput(f"{parts[0]} is the directory of another caller")
    return "/".join(parts)


def _home(owner: str) -> str:
    from _blake2 import blake2b  # hashlib would load OpenSSL for it

    readable = re.sub(r"[^A-Za-z0-9.-]", "-", owner)[:60]
    return f"~{readable}-{blake2b(owner.encode(), digest_size=4).hexdigest()}"


def below(area: Path, path: Path) -> tuple[str, ...]:
    """Return the parts of a path below ``area``; raise `InvalidInput` where it lies elsewhere."""
    parts = path.parts[len(area.parts) :]
    if not parts or ".." in parts or path.parts[: len(area.parts)] != area.parts:
        raise InvalidInput("only files that were uploaded can be taken from here")
    return parts


def check_links(area: Path, path: Path) -> None:
    """Raise `InvalidInput` where a link leads from a file, or what lies below, out of ``area``.

    What lies beside a file that names others counts too.
    """
    inside = os.path.realpath(area)
    _check(inside, path)
    if path.suffix in _LISTS:
        _check_entries(inside, path.parent)
    elif path.is_dir():
        for directory, _, _ in os.walk(path):
            _check_entries(inside, path / directory)


def _check_entries(inside: str, directory: Path) -> None:
    try:
        with os.scandir(directory) as entries:
            links = [entry.name for entry in entries if entry.is_symlink()]
    except OSError:  # it is not there
        return
    for link in links:
        _check(inside, directory / link)


def _check(inside: str, path: Path) -> None:
    real = os.path.realpath(path)
    if os.path.commonpath([inside, real]) != inside:
        raise InvalidInput(f"{path.name} is a link that leads out of the upload area")

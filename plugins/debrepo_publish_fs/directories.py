"""Further paths: of files by hard links, and of directories by symlinks inside the root."""

from __future__ import annotations

import os

from debrepo.errors import Conflict
from debrepo_publish_fs.partial import name_in


def share(source: str, target: str) -> None:
    """Give a file a second name, which replaces what has it."""
    try:
        os.link(source, target)
        return
    except FileExistsError:
        if os.path.samefile(source, target):
            return
    name = name_in(os.path.dirname(target))
    os.link(source, name)
    os.rename(name, target)


def relative(path: str, target: str) -> str:
    """Return what a link at ``path`` holds to lead to ``target``, both below one root."""
    return os.path.relpath(target, os.path.dirname(path) or ".")


def link(content: str, path: str) -> None:
    """Make a symlink, or replace one; raise `Conflict` where there is anything else."""
    if os.path.lexists(path) and not os.path.islink(path):
        raise Conflict(
            f"{path} is in the way of a link to {content}",
            hint="move it away if nobody needs it",
        )
    if os.path.islink(path) and os.readlink(path) == content:
        return
    name = name_in(os.path.dirname(path))
    os.symlink(content, name)
    os.rename(name, path)


def unlink(path: str, unless: str) -> bool:
    """Delete a symlink unless a directory is there; return whether that was done."""
    if not os.path.islink(path) or (unless and os.path.isdir(unless)):
        return False
    os.unlink(path)
    return True

"""The installation itself: space on its disk, its database, and a configuration that is used."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from debrepo.health import Checkup, Concern

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from debrepo.session import Session

_NEARLY = 2  # times what must be free, below which there is a warning
_FULL = 90  # percent of the address space of the database, beyond which it is about to grow


def checkups(session: Session) -> Iterator[Checkup]:
    """Yield how disk, database and configuration are."""
    yield Checkup("disk", str(session.root), tuple(_space(session)))
    yield Checkup("database", str(session.root / "db"), tuple(_database(session)))
    yield Checkup("configuration", "settings", tuple(_settings(session)))


def _space(session: Session) -> Iterator[Concern]:
    least = session.config["doctor.free"]
    state = os.statvfs(next(filter(os.path.exists, (session.root, *session.root.parents))))
    for what, free, total in (
        ("of the disk", state.f_bavail, state.f_blocks),
        ("of its inodes", state.f_favail, state.f_files),
    ):
        percent = 100 * free / total if total else 100  # a file system that has no such limit
        if percent < _NEARLY * least:
            yield Concern(
                "error" if percent < least else "warning",
                f"only {percent:.1f} % {what} are free",
                'make room, for instance with "debrepo db cleanup"',
            )


def _database(session: Session) -> Iterator[Concern]:
    try:
        with session.db.read():
            return
    except OSError as error:
        yield Concern("error", f"cannot be read: {error.strerror}")


def _settings(session: Session) -> Iterator[Concern]:
    """Yield the settings that have no effect, or name a file that is not there."""
    config = session.config
    for name, origin, plugin in config.without_effect:
        text = f"{origin} sets {name}, without effect: the plugin {plugin} is disabled"
        yield Concern("warning", text)
    for row in config:
        if row.origin == "default" or not row.name.rpartition(".")[2].endswith(_FILES):
            continue
        values = row.value if isinstance(row.value, tuple) else (row.value,)
        for value in values:
            if isinstance(value, str) and value and not _is_readable(session.root / value):
                text = f"{row.name} names {value}, which cannot be read"
                yield Concern("error", text, f"set in {row.origin}")


_FILES = ("_file", "_files")  # what the names of settings end with that name files


def _is_readable(path: Path) -> bool:
    return os.access(path.expanduser(), os.R_OK)

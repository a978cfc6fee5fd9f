"""The installation itself: space on its disk, its database, and what its settings name."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from debrepo.cli.output import size
from debrepo.health import Checkup, Concern

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from debrepo.config import Configured
    from debrepo.session import Session

_NEARLY = 2  # times what must be free, below which there is a warning


def checkups(session: Session) -> Iterator[Checkup]:
    """Yield how disk, database and configuration are."""
    free = _free(session.root)
    details = ", ".join(f"{percent:.0f} % {what} free" for what, percent in free.items())
    concerns = _space(free, session.config["doctor.free"])
    yield Checkup("disk", str(session.root), tuple(concerns), details)
    yield _database(session)
    settings = [*_without_effect(session), *_files(session), *_storages(session)]
    yield Checkup("configuration", "settings", tuple(settings))


def _free(root: Path) -> dict[str, float]:
    """Return how many percent are free, of the disk and of its inodes where they are limited."""
    state = os.statvfs(next(filter(os.path.exists, (root, *root.parents))))
    counts = {
        "of the disk": (state.f_bavail, state.f_blocks),
        "of its inodes": (state.f_favail, state.f_files),
    }
    return {what: 100 * free / total for what, (free, total) in counts.items() if total}


def _space(free: Mapping[str, float], least: int) -> Iterator[Concern]:
    for what, percent in free.items():
        if percent < _NEARLY * least:
            yield Concern(
                "error" if percent < least else "warning",
                f"only {percent:.1f} % {what} are free",
                'make room, for instance with "debrepo db cleanup"',
            )


def _database(session: Session) -> Checkup:
    if session.database_url:
        db = session.db
        concerns = tuple(Concern("warning", text) for text in db.remarks())
        return Checkup("database", db.place, concerns, size(db.stats()["bytes"]))
    directory = session.root / "db"
    try:
        with session.db.read():
            held = sum(file.stat().st_size for file in directory.glob("*.mdb"))
    except OSError as error:
        concern = Concern("error", f"cannot be read: {error.strerror}")
        return Checkup("database", str(directory), (concern,))
    return Checkup("database", str(directory), (), size(held))


def _without_effect(session: Session) -> Iterator[Concern]:
    for name, origin, plugin in session.config.without_effect:
        text = f"{origin} sets {name}, without effect: the plugin {plugin} is disabled"
        yield Concern("warning", text)


_FILES = ("_file", "_files")  # what the names of settings end with that name files
_STORAGE = ".storage"  # and storages


def _files(session: Session) -> Iterator[Concern]:
    """Yield the settings that name a file which is not there."""
    for row, value in _given(session, _FILES):
        if not _is_readable(session.root / value):
            text = f"{row.name} names {value}, which cannot be read"
            yield Concern("error", text, f"set in {row.origin}")


def _storages(session: Session) -> Iterator[Concern]:
    """Yield the settings that name a storage which is not configured."""
    for row, value in _given(session, (_STORAGE,)):
        scheme, name, *_ = (*value.split(":", 2), "")  # a prefix may follow
        if name not in session.config.names(f"storage.{scheme}"):
            text = f"{row.name} names the storage {value}, which is not configured"
            yield Concern("error", text, f"add [storage.{scheme}.{name}], or change {row.origin}")


def _given(session: Session, endings: tuple[str, ...]) -> Iterator[tuple[Configured, str]]:
    """Yield the settings that somebody has set whose names end so, with each of their values."""
    for row in session.config:
        if row.origin != "default" and row.name.endswith(endings):
            values = row.value if isinstance(row.value, tuple) else (row.value,)
            yield from ((row, value) for value in values if isinstance(value, str) and value)


def _is_readable(path: Path) -> bool:
    return os.access(path.expanduser(), os.R_OK)

"""Copying the database: into a directory, or into the store that a URL names, and back."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from debrepo.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable

    from debrepo.database.transfers import CopiedEntries
    from debrepo.session import Session


class DatabaseCopy(NamedTuple):
    """A copy of the database, which is the same as the database was."""

    source: str
    target: str
    entries: int
    written: int  #: of these, or deleted, this time
    digest: str  #: BLAKE2b of all keys and values in order, of both sides
    serial: int  #: the state of the database that was copied
    following: tuple[str, ...]  #: what to do to use it, a step each


def copy(session: Session, target: str) -> DatabaseCopy:
    """Copy the database, and compare both sides in the end."""
    if not target or "\0" in target:
        raise InvalidInput("name a directory, or the URL of a database")
    with session.leases.hold(
        "db:copy", note=lambda lease: session.progress.note(f"Waiting for {lease}.")
    ):
        if "://" in target:
            with closing(session.shared_store(target)) as store:
                found = session.db.copy(store, track=_tracked(session))
                return _made(session, store.place, found, _to_url(session))
        path = Path(os.path.abspath(target))  # noqa: PTH100  # links are left as they are
        found = session.db.copy(path, track=_tracked(session))
        return _made(session, str(path), found, _to_directory(session, path))


def _tracked(session: Session) -> _Track:
    return _Track(session)


class _Track:
    """Shows how many entries have gone by."""

    def __init__(self, session: Session) -> None:
        self._progress = session.progress

    def __call__(
        self, label: str, entries: Iterable[tuple[bytes, bytes]], total: int
    ) -> Iterable[tuple[bytes, bytes]]:
        return self._progress.track(label, entries, total=total)


def _made(
    session: Session, target: str, found: CopiedEntries, following: tuple[str, ...]
) -> DatabaseCopy:
    return DatabaseCopy(
        session.db.place,
        target,
        found.entries,
        found.written,
        found.digest,
        found.serial,
        following,
    )


def _settings(session: Session) -> Path:
    return session.config_path or session.root / "debrepo.toml"


def _to_url(session: Session) -> tuple[str, ...]:
    return (
        "Stop all that uses the root.",
        "If anything was written since, run the same command again: it brings that along.",
        f"Set database.url to the URL in {_settings(session)}, and start again.",
    )


def _to_directory(session: Session, path: Path) -> tuple[str, ...]:
    place = session.root / "db"
    steps = ["Stop all that uses the root, before the copy is made: it has what there was then."]
    if path != place:
        steps.append(f"Put {path} in the place of {place}.")
    if session.database_url:
        steps.append(f"Remove database.url from {_settings(session)}.")
    return (*steps, "Start again.")

"""Dates of downloads: when a package file was last downloaded, written at most once a minute."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import UTC, datetime
from threading import Lock
from typing import TYPE_CHECKING

from debrepo.database import json_table
from debrepo.errors import DebrepoError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from debrepo.database import Database, Transaction
    from debrepo_gitlab.containers import Container

_PERIOD = 60.0  # seconds between two writes
_MOST = 100_000  # files whose dates are kept in memory

#: ``5 NUL hello_1.0_amd64.deb``, the number of the project and a file, to ISO 8601.
DOWNLOADS = json_table(
    "gitlab.downloads", load=lambda f: str(f["at"]), dump=lambda at: {"at": at}, record=str
)


class DownloadDates:
    """The dates of a server's downloads that are not written yet."""

    def __init__(self, period: float = _PERIOD) -> None:
        self._period = period
        self._written = float("-inf")
        self._dates: dict[str, str] = {}
        self._lock = Lock()

    def note(self, db: Database, project: int, file_name: str) -> None:
        """Record a download; a write includes all those since the one before."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        with self._lock:
            self._dates[_key(project, file_name)] = now
            due = time.monotonic() - self._written >= self._period or len(self._dates) > _MOST
            if not due:
                return
            dates, self._dates = self._dates, {}
            self._written = time.monotonic()
        with suppress(DebrepoError), db.write() as txn:  # a full disk must not keep apt out
            txn[DOWNLOADS].put_many(sorted(dates.items()))

    def last(self, txn: Transaction, project: int, file_names: Iterable[str]) -> str | None:
        """Return when one of these files was last downloaded."""
        keys = [_key(project, name) for name in file_names]
        with self._lock:
            found = [self._dates.get(key, "") for key in keys]
        found += [txn[DOWNLOADS].get(key, "") for key in keys]
        return max(found, default="") or None


def discard(txn: Transaction, dropped: Container) -> None:
    """Delete the dates of a project that is dropped."""
    if dropped.kind == "project":
        for key in list(txn[DOWNLOADS].prefix_keys(f"{dropped.id}\0".encode())):
            del txn[DOWNLOADS][key]


def _key(project: int, file_name: str) -> str:
    return f"{project}\0{file_name}"

"""Dates of downloads: when a package file was last downloaded, written at most once a minute."""

from __future__ import annotations

import time
from collections import OrderedDict
from contextlib import suppress
from datetime import UTC, datetime
from threading import Lock
from typing import TYPE_CHECKING

from debrepo import catalog
from debrepo.database import json_table
from debrepo.errors import DebrepoError
from debrepo.package import PackageKey
from debrepo_gitlab import contributions

if TYPE_CHECKING:
    from collections.abc import Iterable

    from debrepo.database import Transaction
    from debrepo.session import Session
    from debrepo_gitlab.containers import Container

_BATCH = 500  # rows that are deleted in one transaction
_PERIOD = 60.0  # seconds between two writes
_MOST = 100_000  # files whose dates, or owners, are kept in memory

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
        self._owners: OrderedDict[tuple[int, str], int] = OrderedDict()
        self._lock = Lock()

    def note(self, session: Session, container: Container, file_name: str) -> None:
        """Record a download; a write includes all those since the one before.

        A download from a group counts for the project whose file it is.
        """
        number = container.id
        if container.kind == "group":
            number = self._owner(session, container, file_name)
        if not number:
            return
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        with self._lock:
            self._dates[_key(number, file_name)] = now
            due = time.monotonic() - self._written >= self._period or len(self._dates) > _MOST
            if not due:
                return
            dates, self._dates = self._dates, {}
            self._written = time.monotonic()
        with suppress(DebrepoError), session.db.write() as txn:  # a full disk must not stop apt
            txn[DOWNLOADS].put_many(sorted(dates.items()))

    def _owner(self, session: Session, group: Container, file_name: str) -> int:
        """Return the number of the project whose file a group publishes; 0: there is none."""
        asked = group.id, file_name
        with self._lock:
            known = self._owners.get(asked, 0)
        with session.db.read() as txn:
            if not known or not contributions.public_project(txn, group, str(known)):
                found = contributions.owner(session, txn, group, file_name)
                known = found.id if found else 0
        with self._lock:
            self._owners[asked] = known
            self._owners.move_to_end(asked)
            while len(self._owners) > _MOST:
                self._owners.popitem(last=False)
        return known

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


def remove_rows(session: Session) -> None:
    """Delete the dates of files of packages that the database has no more."""
    with session.db.read() as txn:
        gone = [key for key in txn[DOWNLOADS] if not _is_there(txn, key)]
    for start in range(0, len(gone), _BATCH):
        with session.db.write() as txn:
            for key in gone[start : start + _BATCH]:
                if not _is_there(txn, key):
                    txn[DOWNLOADS].discard(key)


def _is_there(txn: Transaction, key: str) -> bool:
    """Return whether there is a package that may have the file of a row, going by its name."""
    file_name = key.partition("\0")[2]
    name, _, rest = file_name.partition("_")
    version = rest.partition("_")[0]
    for entry in catalog.find(txn, name):
        there = PackageKey.from_entry(entry).version.partition(":")
        if not file_name.endswith("deb") or version == (there[2] or there[0]):
            return True
    return False


def _key(project: int, file_name: str) -> str:
    return f"{project}\0{file_name}"

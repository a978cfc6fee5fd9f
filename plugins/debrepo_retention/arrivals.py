"""Arrivals: when packages joined a repository, one short row for each change of it."""

from __future__ import annotations

import time
from _blake2 import blake2b  # hashlib would load OpenSSL for it
from itertools import islice
from typing import TYPE_CHECKING

from debrepo_retention.tables import ARRIVALS, DUE, POLICIES

if TYPE_CHECKING:
    from collections.abc import Collection

    from debrepo.database import Transaction
    from debrepo.package import Entry, PackageList
    from debrepo.session import Session

_MARK = 8  # bytes: enough that no old package is taken for a new one
_AT_ONCE = 64  # rows to remove with one change


def note(session: Session, txn: Transaction, target: PackageList, added: Collection[Entry]) -> None:
    """Record what joins a repository, and that it is to be held to its policy if it has one."""
    now, remembered = time.time(), session.config["retention.remember"] * 86400
    if remembered:
        record(txn, target.name, added, now, remembered)
    if target.name in txn[POLICIES]:
        mark_ = int(now * 1e6)
        txn[DUE][target.name] = -mark_ if target.name in txn[DUE] else mark_


def record(
    txn: Transaction, repo: str, entries: Collection[bytes], now: float, remembered: int
) -> None:
    """Record that packages have joined a repository, and remove what is remembered no longer."""
    start = _start(repo)
    key = start + _time(now)
    txn.preload({ARRIVALS: [key]}, [(ARRIVALS, start)])
    old = txn[ARRIVALS].range_keys(start + _time(0), start + _time(now - remembered))
    for outdated in list(islice(old, _AT_ONCE)):
        del txn[ARRIVALS][outdated]
    there = txn[ARRIVALS].get(key, b"")
    txn[ARRIVALS][key] = there + b"".join(map(mark, entries))


def since(txn: Transaction, repo: str, moment: float) -> set[bytes]:
    """Return the marks of the packages that joined a repository after a moment."""
    start = _start(repo)
    found: set[bytes] = set()
    for _, marks in txn[ARRIVALS].range(start + _time(moment), start + b"\xff" * 8):
        found.update(marks[at : at + _MARK] for at in range(0, len(marks), _MARK))
    return found


def mark(entry: bytes) -> bytes:
    """Return what stands for a package in a row."""
    return blake2b(entry, digest_size=_MARK).digest()


def drop(txn: Transaction, repo: str) -> None:
    """Remove all rows of a repository."""
    for key, _ in list(txn[ARRIVALS].prefix(_start(repo))):
        del txn[ARRIVALS][key]


def rename(txn: Transaction, old: str, new: str) -> None:
    """Let the rows of a repository follow it to its new name."""
    drop(txn, new)
    for key, marks in list(txn[ARRIVALS].prefix(_start(old))):
        txn[ARRIVALS][_start(new) + key[-8:]] = marks
        del txn[ARRIVALS][key]


def _start(repo: str) -> bytes:
    return blake2b(repo.encode(), digest_size=16).digest()  # a name may be longer than a key


def _time(moment: float) -> bytes:
    return int(max(moment, 0.0) * 1e6).to_bytes(8, "big")

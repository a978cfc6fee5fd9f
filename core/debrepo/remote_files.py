"""Remote files: those of packages that plugins fetch when they are first needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo import catalog
from debrepo.catalog import PACKAGES
from debrepo.errors import NotFound
from debrepo.package import digests

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pluggy import HookRelay

    from debrepo.database import Transaction
    from debrepo.package import Entry
    from debrepo.pool import Pool
    from debrepo.session import Session

_WALK = 4096  # packages to look up before the pages that they stand on are unmapped


def fetch(session: Session, needed: Iterable[tuple[str, int]]) -> None:
    """Bring files into the pool that are not there, given by their SHA256 and their sizes.

    Open no transaction meanwhile. A file that no plugin can fetch is an error of who opens it.
    """
    hook = session.hook.debrepo_fetch_files
    if not hook.get_hookimpls() or not _are_any(session):
        return
    pool = session.pool
    missing = frozenset(digest for digest, size in needed if not is_here(pool, digest, size))
    if missing:
        hook(session=session, digests=missing)


def keep(session: Session, digests: Iterable[str]) -> Callable[[Transaction], None]:
    """Put files of the pool where all nodes find them; return what records that.

    Open no transaction meanwhile, and call what it returns in the one that names the files.
    """
    hook = session.hook.debrepo_keep_files
    if not session.db.shared or not hook.get_hookimpls():
        return _nothing
    kept = hook(session=session, digests=frozenset(digests))

    def record(txn: Transaction) -> None:
        for one in kept:
            one(txn)

    return record


def _nothing(_txn: Transaction) -> None:
    """Record nothing: this node is the only one."""


def beside(session: Session, endpoint: str, digests: Iterable[str]) -> dict[str, str]:
    """Return those files that a storage has already, by their SHA256, with their paths there."""
    hook = session.hook.debrepo_files_beside
    if not hook.get_hookimpls():
        return {}
    found: dict[str, str] = {}
    for answer in hook(session=session, endpoint=endpoint, digests=frozenset(digests)):
        found.update(answer)
    return found


def is_here(pool: Pool, digest: str, size: int) -> bool:
    """Tell whether the pool has a file, and all of it.

    A power failure may cut it short: a package has named it before it came.
    """
    try:
        return pool.size(digest) == size
    except NotFound:
        return False


def _are_any(session: Session) -> bool:
    """Tell whether plugins can fetch any file: to look for each in the pool takes longer."""
    with session.db.read() as txn:
        return any(True for found in session.hook.debrepo_remote_files(txn=txn) for _ in found)


def known(hook: HookRelay, txn: Transaction) -> frozenset[str]:
    """Return the SHA256 of all files that plugins can fetch."""
    return frozenset().union(*hook.debrepo_remote_files(txn=txn))


def elsewhere(session: Session, txn: Transaction, entries: Iterable[Entry]) -> frozenset[Entry]:
    """Return those packages of which files are not in the pool, and can be fetched."""
    lacking = {
        entry: missing
        for entry, files in _files(txn, entries)
        if (missing := [digest for digest in files if digest not in session.pool])
    }
    if not lacking:
        return frozenset()
    remote = known(session.hook, txn)
    return frozenset(entry for entry, missing in lacking.items() if remote.issuperset(missing))


def of_packages(txn: Transaction, entries: Iterable[Entry]) -> list[tuple[str, int]]:
    """Return the files of packages, as `fetch` takes them."""
    packages = catalog.get_many(txn, entries)
    return [(file.sha256, file.size) for package in packages for file in package.files]


def _files(txn: Transaction, entries: Iterable[Entry]) -> Iterable[tuple[Entry, list[str]]]:
    records = txn[PACKAGES]
    for number, entry in enumerate(entries, 1):
        if not number % _WALK:
            txn.trim()
        record = records.get(entry)
        if record is not None:
            yield entry, list(digests(record))

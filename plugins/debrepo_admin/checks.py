"""Checks: whether the database and the pool hold what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo import packageset
from debrepo.catalog import CHUNKS, PACKAGES
from debrepo.package import PackageKey, decode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from debrepo.database import Transaction
    from debrepo.session import Session


def problems(session: Session, *, files: bool) -> Iterator[str]:
    """Yield a line for everything that is missing or damaged."""
    with session.db.read() as txn:
        yield from _lists(session, txn)
        wanted = {
            file.sha256: f"{key.display}: {file.name}"
            for entry, record in txn[PACKAGES].items()
            for key in [PackageKey.from_entry(entry)]
            for file in decode(key, record).files
        }
        for batch in session.hook.debrepo_check(txn=txn):
            yield from batch
    tracked = session.progress.track("Checking files", sorted(wanted), total=len(wanted))
    for digest in tracked:
        wrong = session.pool.check(digest) if files else None
        if not files and digest not in session.pool:
            wrong = f"{digest} is missing from the pool"
        if wrong:
            yield f"{wanted[digest]}: {wrong}"


def _lists(session: Session, txn: Transaction) -> Iterator[str]:
    """Yield what is wrong with package lists: chunks or packages that are not there."""
    seen: set[bytes] = set()
    store = txn[CHUNKS]
    for batch in session.hook.debrepo_package_lists(txn=txn):
        for found in batch:
            try:
                chunks = packageset.chunks(store, found.set_id)
            except KeyError:
                yield f"{found}: its package set {found.set_id.hex()} is missing"
                continue
            for chunk in chunks:
                if chunk.hash in seen:
                    continue
                seen.add(chunk.hash)
                if chunk.hash not in store:
                    yield f"{found}: chunk {chunk.hash.hex()} of its package set is missing"
                    continue
                for entry in packageset.entries_of(store, chunk.hash):
                    if entry not in txn[PACKAGES]:
                        yield f"{found}: package {PackageKey.from_entry(entry)} is missing"

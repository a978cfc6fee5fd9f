"""Garbage: what no package list, publication or other plugin refers to any more."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from debrepo import catalog, packageset
from debrepo.catalog import CHUNKS, CONTENTS, PACKAGES
from debrepo.package import Entry, SetId, digests

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pluggy import HookRelay

    from debrepo.database import Transaction
    from debrepo.session import Session

_BATCH = 1000


class Garbage(NamedTuple):
    """What was deleted, or would be."""

    packages: int
    chunks: int
    files: int
    bytes: int


def live_sets(hook: HookRelay, txn: Transaction) -> set[SetId]:
    """Return every package set that something refers to."""
    listed = {found.set_id for batch in hook.debrepo_package_lists(txn=txn) for found in batch}
    return listed.union(*hook.debrepo_live_sets(txn=txn))


def live_nodes(hook: HookRelay, txn: Transaction) -> set[bytes]:
    """Return the hashes of all chunks, and nodes above them, of live sets."""
    seen: set[bytes] = set()
    for set_id in live_sets(hook, txn):
        seen.update(packageset.nodes(txn[CHUNKS], set_id, seen))
    return seen


def live_entries(txn: Transaction, nodes: set[bytes]) -> set[Entry]:
    """Return the members of the live chunks among ``nodes``."""
    store = txn[CHUNKS]
    found: set[Entry] = set()
    for node in nodes:
        if node in store and store[node][:1] == b"L":
            found.update(packageset.entries_of(store, node))
    return found


def collect(session: Session, *, dry_run: bool) -> Garbage:
    """Find what nothing refers to, and delete it in short transactions.

    Each one looks again, at the lists that have changed since, before it deletes anything.
    """
    with session.db.read() as txn:
        nodes = live_nodes(session.hook, txn)
        entries = live_entries(txn, nodes)
        dead_nodes = [key for key in txn[CHUNKS] if key not in nodes]
        dead = [entry for entry in catalog.find(txn) if entry not in entries]
        needed = {
            digest for entry in entries for digest in digests(txn[PACKAGES].get(entry) or b"\n\n")
        }
    if not dry_run:
        _delete_packages(session, dead)
        _delete_chunks(session, dead_nodes)
    files, size = _delete_files(session, needed, dry_run=dry_run)
    return Garbage(len(dead), len(dead_nodes), files, size)


def _batches(items: list[bytes] | list[Entry]) -> Iterator[list[bytes]]:
    iterator = iter(items)
    while batch := list(islice(iterator, _BATCH)):
        yield list(batch)


def _delete_packages(session: Session, dead: list[Entry]) -> None:
    for batch in _batches(dead):
        with session.db.write() as txn:
            live = live_entries(txn, live_nodes(session.hook, txn))
            for entry in batch:
                if entry not in live:
                    txn[PACKAGES].discard(entry)
                    txn[CONTENTS].discard(entry)


def _delete_chunks(session: Session, dead: list[bytes]) -> None:
    for batch in _batches(dead):
        with session.db.write() as txn:
            live = live_nodes(session.hook, txn)
            for node in batch:
                if node not in live:
                    txn[CHUNKS].discard(node)


def _delete_files(session: Session, needed: set[str], *, dry_run: bool) -> tuple[int, int]:
    """Delete pool files of no package, each batch within a transaction.

    Whoever adds a package looks, in the transaction that adds it, whether its files are
    still in the pool: so either he sees them gone, or this sees his package.
    """
    dead = [digest for digest in session.pool if digest not in needed]
    size = sum(session.pool.size(digest) for digest in dead)
    if dry_run:
        return len(dead), size
    for start in range(0, len(dead), _BATCH):
        with session.db.write() as txn:
            batch = set(dead[start : start + _BATCH])
            for record in txn[PACKAGES].values():
                batch.difference_update(digests(record))
            for digest in batch:
                session.pool.delete(digest)
    return len(dead), size

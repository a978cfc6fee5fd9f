"""Known packages: what debrepo has already, put into a repository or taken out by its keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo import packageset
from debrepo.catalog import CHUNKS, PACKAGES
from debrepo.errors import Conflict, NotFound
from debrepo.package import PackageKey, digests
from debrepo_local import joining, repos

if TYPE_CHECKING:
    from collections.abc import Iterable

    from debrepo.database import Transaction
    from debrepo.package import Entry
    from debrepo.session import Session
    from debrepo_local.repos import LocalRepo


def add_keys(session: Session, name: str, keys: Iterable[str]) -> LocalRepo:
    """Let the packages with these keys join a repository; those that are there stay."""
    wanted = [PackageKey.parse(key).entry for key in keys]

    def change(txn: Transaction) -> LocalRepo:
        repo = repos.get(txn, name)
        _check_files(session, txn, joining.fresh(txn, repo, _known(txn, wanted)))
        return joining.join(session, txn, repo, wanted)

    return session.db.update(change)


def remove_keys(session: Session, name: str, keys: Iterable[str]) -> LocalRepo:
    """Take the packages with these keys out of a repository; those that are not there may be."""
    wanted = [PackageKey.parse(key).entry for key in keys]

    def change(txn: Transaction) -> LocalRepo:
        repo = repos.get(txn, name)
        there = packageset.conflicts(txn[CHUNKS], repo.set_id, _known(txn, wanted))
        gone = [entry for entry in dict.fromkeys(wanted) if there.get(entry) == entry]
        return joining.change(session, txn, repo, removed=gone)

    return session.db.update(change)


def _known(txn: Transaction, entries: list[Entry]) -> list[Entry]:
    for entry in entries:
        if entry not in txn[PACKAGES]:
            key = PackageKey.from_entry(entry)
            raise NotFound(
                f"no package has the key {key}", hint='run "debrepo package search --json"'
            )
    return entries


def _check_files(session: Session, txn: Transaction, added: list[Entry]) -> None:
    """Raise `Conflict` for what a cleanup is taking away: no list need hold these packages."""
    for entry in added:
        if any(digest not in session.pool for digest in digests(txn[PACKAGES].get(entry) or b"")):
            display = PackageKey.from_entry(entry).display
            raise Conflict(f"the files of {display} are gone", hint="add them again")

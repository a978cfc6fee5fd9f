"""Known packages: what debrepo has already, put into a repository or taken out by its keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo import packageset, selection
from debrepo.catalog import CHUNKS, PACKAGES, get
from debrepo.errors import Conflict, NotFound
from debrepo.package import PackageKey, digests
from debrepo_local import repos

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
        selection.check_joinable(txn, repo.set_id, _known(txn, wanted), name)
        there = packageset.conflicts(txn[CHUNKS], repo.set_id, wanted)
        added = [entry for entry in dict.fromkeys(wanted) if entry not in there]
        _check(session, txn, repo, added)
        return _changed(session, txn, repo, added, [])

    return session.db.update(change)


def remove_keys(session: Session, name: str, keys: Iterable[str]) -> LocalRepo:
    """Take the packages with these keys out of a repository; those that are not there may be."""
    wanted = [PackageKey.parse(key).entry for key in keys]

    def change(txn: Transaction) -> LocalRepo:
        repo = repos.get(txn, name)
        there = packageset.conflicts(txn[CHUNKS], repo.set_id, _known(txn, wanted))
        gone = [entry for entry in dict.fromkeys(wanted) if there.get(entry) == entry]
        return _changed(session, txn, repo, [], gone)

    return session.db.update(change)


def _known(txn: Transaction, entries: list[Entry]) -> list[Entry]:
    for entry in entries:
        if entry not in txn[PACKAGES]:
            key = PackageKey.from_entry(entry)
            raise NotFound(
                f"no package has the key {key}", hint='run "debrepo package search --json"'
            )
    return entries


def _check(session: Session, txn: Transaction, repo: LocalRepo, added: list[Entry]) -> None:
    """Let the other plugins look, and raise `Conflict` for what a cleanup is taking away."""
    asked = session.hook.debrepo_accept_package.get_hookimpls()
    for entry in added:
        if any(digest not in session.pool for digest in digests(txn[PACKAGES].get(entry) or b"")):
            display = PackageKey.from_entry(entry).display
            raise Conflict(f"the files of {display} are gone", hint="add them again")
        if asked:
            session.hook.debrepo_accept_package(
                txn=txn, package=get(txn, entry), target=repo.package_list()
            )


def _changed(
    session: Session, txn: Transaction, repo: LocalRepo, added: list[Entry], gone: list[Entry]
) -> LocalRepo:
    after = packageset.update(txn[CHUNKS], repo.set_id, add=added, remove=gone)
    changed = repo._replace(set_id=after)
    if after != repo.set_id:
        repos.put(txn, changed)
        target = changed.package_list()
        txn.after_commit(lambda: repos.changed(session.hook, target, added, gone))
    return changed

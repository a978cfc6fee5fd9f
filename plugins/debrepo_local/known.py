"""Known packages: what debrepo has already, put into a repository or taken out by its keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from debrepo import packageset, remote_files
from debrepo.catalog import CHUNKS, PACKAGES
from debrepo.errors import Conflict, NotFound
from debrepo.package import PackageKey, digests
from debrepo.packageset import EMPTY
from debrepo_local import documents, joining, repos
from debrepo_local.repos import REPOS, LocalRepo

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from debrepo.database import Transaction
    from debrepo.package import Entry, PackageList
    from debrepo.session import Session


#: Where packages come from that are added by their keys: any list may have held them.
KNOWN = "keys:"


def add_keys(session: Session, name: str, keys: Iterable[str]) -> LocalRepo:
    """Let the packages with these keys join a repository; those that are there stay."""
    wanted = [PackageKey.parse(key).entry for key in keys]

    def change(txn: Transaction) -> LocalRepo:
        repo = repos.get(txn, name)
        _check_files(session, txn, joining.fresh(txn, repo, _known(txn, wanted)))
        return joining.join(session, txn, repo, wanted, KNOWN)

    return session.db.update(change)


def remove_keys(session: Session, name: str, keys: Iterable[str]) -> LocalRepo:
    """Take the packages with these keys out of a repository; those that are not there may be."""
    wanted = [PackageKey.parse(key).entry for key in keys]

    def change(txn: Transaction) -> LocalRepo:
        repo = repos.get(txn, name)
        gone = _members(txn, repo, _known(txn, wanted))
        return joining.change(session, txn, repo, removed=gone)

    return session.db.update(change)


def remove_together(
    session: Session, txn: Transaction, packages: Mapping[str, Collection[Entry]]
) -> int:
    """Take packages out of repositories; return how many were there."""
    count = 0
    for name, entries in packages.items():
        repo = repos.get(txn, name)
        gone = _members(txn, repo, entries)
        joining.change(session, txn, repo, removed=gone)
        count += len(gone)
    return count


def import_list(
    session: Session, txn: Transaction, target: PackageList, properties: Mapping[str, Any]
) -> bool:
    """Store a repository as another tool has kept it; return whether anything has changed."""
    old = txn[REPOS].get(target.name)
    given = {name: value for name, value in properties.items() if name in _PROPERTIES}
    before = old.set_id if old else EMPTY
    repo = (old or LocalRepo(target.name))._replace(
        component=target.component or "main",
        distribution=target.distribution,
        set_id=target.set_id,
        **given,
    )
    if old is None:
        repos.create(txn, repo)
        session.hook.debrepo_created(session=session, txn=txn, kind="repo", name=repo.name)
    elif repo != old:
        repos.put(txn, repo)
    if before != target.set_id:
        removed, added = packageset.diff(txn[CHUNKS], before, target.set_id)
        documents.release(txn, repo.name, target.set_id, removed)
        earlier = old.set_id if old else None
        repos.changing(session, txn, repo.package_list(), earlier, added, removed)
        txn.after_commit(lambda: repos.changed(session, target, before, added, removed))
    return repo != old


#: What other tools may know of a repository besides its packages.
_PROPERTIES = frozenset(["comment", "uploaders"])


def _members(txn: Transaction, repo: LocalRepo, entries: Collection[Entry]) -> list[Entry]:
    """Return those packages that are in a repository, each once."""
    there = packageset.conflicts(txn[CHUNKS], repo.set_id, entries)
    return [entry for entry in dict.fromkeys(entries) if there.get(entry) == entry]


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
    elsewhere = remote_files.elsewhere(session, txn, added)
    for entry in set(added) - elsewhere:
        if any(digest not in session.pool for digest in digests(txn[PACKAGES].get(entry) or b"")):
            display = PackageKey.from_entry(entry).display
            raise Conflict(f"the files of {display} are gone", hint="add them again")

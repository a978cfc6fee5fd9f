"""Transfers: packages that join a repository from another list, or leave it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from debrepo import lists, packageset, selection
from debrepo.catalog import CHUNKS
from debrepo.errors import Conflict, InvalidInput
from debrepo.package import PackageKey
from debrepo.resolver import resolve
from debrepo.selection import Found, Missing, Selection
from debrepo_local import joining, repos

if TYPE_CHECKING:
    from collections.abc import Iterable

    from debrepo.database import Transaction
    from debrepo.dependencies import Dependencies
    from debrepo.package import Entry, PackageList
    from debrepo.resolver import Following
    from debrepo.session import Session
    from debrepo_local.repos import LocalRepo


class Transferred(NamedTuple):
    """The packages that went over, or would, and the dependencies that are nowhere."""

    packages: tuple[Found, ...]
    missing: tuple[Missing, ...] = ()


def transfer(
    session: Session,
    kind: str,
    source: str,
    target: str,
    queries: Iterable[str],
    *,
    move: bool = False,
    dependencies: Dependencies | None = None,
    architectures: Iterable[str] = (),
    dry_run: bool = False,
) -> Transferred:
    """Let packages of the list ``source`` join the repository ``target``.

    What is there already stays; what ``move`` takes leaves the source in the same commit.
    """
    wanted = selection.parse(session.config, queries)
    only = selection.considered(architectures, leaving=move)
    with session.db.read() as txn:
        origin = lists.get(session.hook, txn, *lists.parse(source, kind))
        repo = repos.get(txn, target)
        if str(origin) == str(repo.package_list()):
            raise InvalidInput(f"{target} is where the packages are already")
        if move and origin.kind != "repo":
            raise InvalidInput(
                f"packages cannot leave {origin}",
                hint=f'run "debrepo repo copy {origin} {target} QUERY"',
            )
        chosen = Selection(tuple(selection.members(txn, origin.set_id, wanted, only)))
        if dependencies is not None:
            sets = (repo.set_id, origin.set_id)
            rules = selection.following(session.config, txn, sets, dependencies)
            chosen = selection.with_dependencies(
                txn, chosen.chosen, rules, there=[repo.set_id], offered=[origin.set_id]
            )
        selection.check_joinable(txn, repo.set_id, chosen.entries, target)
    if chosen.entries and not dry_run:
        _commit(session, origin, target, chosen.entries, move=move)
    return Transferred(tuple(chosen.found()), chosen.missing())


def _commit(
    session: Session, origin: PackageList, target: str, entries: list[Entry], *, move: bool
) -> None:
    """Let the entries join ``target``, against what it and the source are by then."""

    def change(txn: Transaction) -> None:
        _check_still_there(session, txn, origin, entries)
        joining.join(session, txn, repos.get(txn, target), entries, str(origin))
        if move:
            joining.change(session, txn, repos.get(txn, origin.name), removed=entries)

    session.db.update(change)


def _check_still_there(
    session: Session, txn: Transaction, origin: PackageList, entries: list[Entry]
) -> None:
    """Raise `Conflict` if a package has left its list, and so perhaps the pool, meanwhile."""
    now = lists.get(session.hook, txn, origin.kind, origin.name)
    if now.set_id == origin.set_id:
        return
    there = packageset.conflicts(txn[CHUNKS], now.set_id, entries)
    for entry in entries:
        if there.get(entry) != entry:
            display = PackageKey.from_entry(entry).display
            raise Conflict(f"{display} has left {origin} meanwhile", hint="try again")


def remove(
    session: Session,
    name: str,
    queries: Iterable[str],
    *,
    dependencies: Dependencies | None = None,
    architectures: Iterable[str] = (),
    dry_run: bool = False,
) -> list[PackageKey]:
    """Take packages out of a repository, and with ``dependencies`` what only they needed."""
    wanted = selection.parse(session.config, queries)
    only = selection.considered(architectures, leaving=True)
    with session.db.read() as txn:
        repo = repos.get(txn, name)
        gone = list(selection.members(txn, repo.set_id, wanted, only))
        if dependencies is not None:
            rules = selection.following(session.config, txn, [repo.set_id], dependencies)
            gone += _only_for(txn, repo, gone, rules)
    if gone and not dry_run:
        session.db.update(
            lambda txn: joining.change(session, txn, repos.get(txn, name), removed=gone)
        )
    return list(map(PackageKey.from_entry, gone))


def _only_for(
    txn: Transaction, repo: LocalRepo, gone: list[Entry], rules: Following
) -> list[Entry]:
    """Return what the packages depend on and nothing that stays does, at whatever remove."""
    universe = selection.universe(txn, offered=[repo.set_id])
    needed = {one.entry for one in resolve(universe, gone, rules).brought}
    staying = set(packageset.entries(txn[CHUNKS], repo.set_id)).difference(gone, needed)
    there = selection.architectures_of(txn, repo.set_id) - {"all", "source"}
    every = rules._replace(architectures=tuple(sorted(there.union(rules.architectures))))
    kept = {one.entry for one in resolve(universe, staying, every).brought}
    return sorted(needed - kept)

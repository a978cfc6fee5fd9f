"""What can be done with local repositories."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from debrepo import lists, packageset
from debrepo.catalog import CHUNKS, get
from debrepo.errors import AlreadyExists
from debrepo.package import PackageKey
from debrepo_local import repos
from debrepo_local.repos import REPOS, LocalRepo

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from debrepo.database import Transaction
    from debrepo.session import Session
    from debrepo_local.adding import Outcome


class Shown(NamedTuple):
    """A repository, with how many packages it holds, and which, if asked for."""

    repo: LocalRepo
    size: int
    packages: tuple[PackageKey, ...] = ()


def create(
    session: Session,
    name: str,
    *,
    component: str = "main",
    distribution: str = "",
    comment: str = "",
) -> LocalRepo:
    """Create an empty repository."""
    repo = LocalRepo(lists.check_name(name), component, distribution, comment)
    with session.db.write() as txn:
        repos.create(txn, repo)
    return repo


def list_(session: Session) -> list[Shown]:
    """Return all repositories, sorted by name."""
    with session.db.read() as txn:
        return [
            Shown(repo, packageset.count(txn[CHUNKS], repo.set_id)) for repo in txn[REPOS].values()
        ]


def show(session: Session, name: str, *, with_packages: bool = False) -> Shown:
    """Return one repository."""
    with session.db.read() as txn:
        repo = repos.get(txn, name)
        members = packageset.entries(txn[CHUNKS], repo.set_id) if with_packages else ()
        return Shown(
            repo,
            packageset.count(txn[CHUNKS], repo.set_id),
            tuple(map(PackageKey.from_entry, members)),
        )


def add(
    session: Session,
    name: str,
    paths: Iterable[Path],
    *,
    force_replace: bool = False,
    remove_files: bool = False,
) -> Iterator[Outcome]:
    """Add files, and all packages below directories; yields what became of each.

    What could be added is, whatever happens to the rest, and is durable when it is yielded.
    """
    from debrepo_local.adding import add_files

    with session.db.read() as txn:
        repos.get(txn, name)
    return add_files(session, name, paths, force_replace=force_replace, remove_files=remove_files)


def edit(
    session: Session,
    name: str,
    *,
    component: str | None = None,
    distribution: str | None = None,
    comment: str | None = None,
) -> LocalRepo:
    """Change what is said of a repository; ``None`` leaves a field as it is."""
    given: dict[str, Any] = {"component": component, "distribution": distribution, "comment": comment}
    with session.db.write() as txn:
        repo = repos.get(txn, name)
        changed = repo._replace(**{k: v for k, v in given.items() if v is not None})
        repos.put(txn, changed)
    return changed


def rename(session: Session, name: str, new_name: str) -> None:
    """Give a repository another name; whatever refers to it follows."""
    lists.check_name(new_name)
    with session.db.write() as txn:
        repo = repos.get(txn, name)
        if new_name in txn[REPOS]:
            raise AlreadyExists(f"repository {new_name} exists already")
        repos.drop(txn, name)
        repos.put(txn, repo._replace(name=new_name))
        session.hook.debrepo_renamed(txn=txn, kind="repo", old=name, new=new_name)


def remove(
    session: Session, name: str, queries: Iterable[str], *, dry_run: bool = False
) -> list[PackageKey]:
    """Take the packages that match any of the queries out of a repository."""
    from debrepo import query  # which `repo list` can do without

    wanted = query.or_(*map(query.parse, queries))
    with session.db.read() as txn:
        repo = repos.get(txn, name)
        members = packageset.entries(txn[CHUNKS], repo.set_id)
        gone = list(query.select(wanted, members, lambda entry: get(txn, entry)))

    def change(txn: Transaction) -> None:
        now = repos.get(txn, name)
        after = packageset.update(txn[CHUNKS], now.set_id, remove=gone)
        repos.put(txn, now._replace(set_id=after))
        txn.after_commit(lambda: repos.changed(session.hook, now.package_list(), (), gone))

    if gone and not dry_run:
        session.db.update(change)
    return list(map(PackageKey.from_entry, gone))


def drop(session: Session, name: str, *, force: bool = False) -> None:
    """Drop a repository, unless something was made from it."""
    with session.db.write() as txn:
        target = repos.get(txn, name).package_list()
        lists.check_unused(session.hook, txn, target, force=force)
        repos.drop(txn, name)

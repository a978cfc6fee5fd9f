"""What can be done with local repositories."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from debrepo import lists, packageset
from debrepo.catalog import CHUNKS
from debrepo.errors import AlreadyExists
from debrepo.package import PackageKey
from debrepo.values import NamedTuple
from debrepo_local import joining, repos
from debrepo_local.repos import REPOS, LocalRepo

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from debrepo.dependencies import Dependencies
    from debrepo.selection import Found
    from debrepo.session import Session
    from debrepo_local.adding import Outcome
    from debrepo_local.transfers import Transferred
    from debrepo_local.watching import WatchedUpload


class ShownRepository(NamedTuple):
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
    kind: str = "",
    source: str = "",
    uploaders: str = "",
) -> LocalRepo:
    """Create a repository: empty, or with the packages of the list ``source`` of a ``kind``.

    ``uploaders`` says in JSON who may include uploads.
    """
    rules = _checked(uploaders)
    repo = LocalRepo(lists.check_name(name), component, distribution, comment, uploaders=rules)
    with session.db.write() as txn:
        if kind:
            origin = lists.get(session.hook, txn, kind, source)
            members = list(packageset.entries(txn[CHUNKS], origin.set_id))
            joining.accept_known(session, txn, repo, members, str(origin))
            repo = repo._replace(set_id=origin.set_id)
        repos.create(txn, repo)
        session.hook.debrepo_created(session=session, txn=txn, kind="repo", name=name)
        if kind:
            repos.changing(session, txn, repo.package_list(), None, members)
    return repo


def list_(session: Session, *, sort: str = "name") -> list[ShownRepository]:
    """Return all repositories, sorted by ``name``, or by ``size`` with the largest first."""
    with session.db.read() as txn:
        found = [
            ShownRepository(repo, packageset.count(txn[CHUNKS], repo.set_id))
            for repo in txn[REPOS].values()
        ]
    return sorted(found, key=lambda shown: -shown.size) if sort == "size" else found


def show(session: Session, name: str, *, with_packages: bool = False) -> ShownRepository:
    """Return one repository."""
    with session.db.read() as txn:
        repo = repos.get(txn, name)
        members = packageset.entries(txn[CHUNKS], repo.set_id) if with_packages else ()
        return ShownRepository(
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
    whole: bool = False,
    deep: bool = False,
    trust_mtime: bool = False,
) -> Iterator[Outcome]:
    """Add files, and all packages below directories; yields the outcome for each.

    What could be added is, whatever happens to the rest, and is durable when it is yielded.
    With ``whole``, nothing is added unless everything can be; only failures are yielded then.
    A directory without packages is one more outcome, ``empty``. With ``deep``, the data of all
    packages is unpacked and checked now, whatever ``ingest.deep`` says. With ``trust_mtime``,
    binary packages are not read whose path, size, times and inode are those of an earlier call
    with it.
    """
    from debrepo_local.adding import add_files

    with session.db.read() as txn:
        repos.get(txn, name)
    return add_files(
        session,
        name,
        paths,
        force_replace=force_replace,
        remove_files=remove_files,
        whole=whole,
        deep=deep,
        trust_mtime=trust_mtime,
    )


def edit(
    session: Session,
    name: str,
    *,
    component: str | None = None,
    distribution: str | None = None,
    comment: str | None = None,
    uploaders: str | None = None,
) -> LocalRepo:
    """Edit the properties of a repository; ``None`` leaves a field unchanged."""
    given: dict[str, Any] = {
        "component": component,
        "distribution": distribution,
        "comment": comment,
        "uploaders": None if uploaders is None else _checked(uploaders),
    }
    with session.db.write() as txn:
        repo = repos.get(txn, name)
        changed = repo._replace(**{k: v for k, v in given.items() if v is not None})
        repos.put(txn, changed)
    return changed


def _checked(uploaders: str) -> str:
    if not uploaders:
        return ""
    from debrepo_local.uploaders import check

    return check(uploaders)


def include(
    session: Session,
    paths: Iterable[Path],
    *,
    repo: str = "{{.Distribution}}",
    force_replace: bool = False,
    remove_files: bool = True,
    accept_unsigned: bool = False,
    ignore_signatures: bool = False,
    keyring: str = "",
    uploaders: str = "",
) -> Iterator[Outcome]:
    """Add the packages of uploads: .changes files, or directories to search for them.

    ``repo`` is a template over the fields of the .changes. A signature of a trusted key is
    demanded, and what ``uploaders`` say where the repository says nothing. A directory
    without a .changes is one more outcome, ``empty``.
    """
    from debrepo_local import including

    return including.include(
        session,
        paths,
        including.Terms(
            repo,
            force_replace,
            remove_files,
            accept_unsigned,
            ignore_signatures,
            keyring,
            uploaders,
        ),
    )


def watch(
    session: Session,
    directory: Path,
    *,
    repo: str = "{{.Distribution}}",
    force_replace: bool = False,
    accept_unsigned: bool = False,
    ignore_signatures: bool = False,
    keyring: str = "",
    uploaders: str = "",
    interval: float = 2.0,
    settle: float = 5.0,
    patience: str = "1d",
    once: bool = False,
) -> Iterator[WatchedUpload]:
    """Include uploads as they arrive in a directory, on the terms of `include`.

    What is in is deleted, and what is refused moved to the directory ``rejected`` below. Without
    ``once`` it never ends.
    """
    from debrepo_local import including, watching

    return watching.watch(
        session,
        directory,
        including.Terms(
            repo, force_replace, True, accept_unsigned, ignore_signatures, keyring, uploaders
        ),
        watching.WatchPace(interval, settle, patience, once),
    )


def rename(session: Session, name: str, new_name: str) -> None:
    """Rename a repository, also where something refers to it."""
    from debrepo_local import documents

    lists.check_name(new_name)
    with session.db.write() as txn:
        repo = repos.get(txn, name)
        if new_name in txn[REPOS]:
            raise AlreadyExists(f"repository {new_name} exists already")
        repos.drop(txn, name)
        repos.put(txn, repo._replace(name=new_name))
        documents.rename(txn, name, new_name)
        session.hook.debrepo_renamed(session=session, txn=txn, kind="repo", old=name, new=new_name)


def search(
    session: Session,
    name: str,
    queries: Sequence[str] = (),
    *,
    dependencies: Dependencies | None = None,
    architectures: Sequence[str] = (),
    latest: bool = False,
    details: bool = False,
) -> list[Found]:
    """Return the packages of a repository that match any of the queries; all without one."""
    from debrepo import selection  # which `repo list` can do without

    with session.db.read() as txn:
        return selection.search(
            session,
            txn,
            repos.get(txn, name).set_id,
            queries,
            dependencies=dependencies,
            architectures=architectures,
            latest=latest,
            details=details,
        )


def copy(
    session: Session,
    source: str,
    target: str,
    queries: Sequence[str],
    *,
    dependencies: Dependencies | None = None,
    architectures: Sequence[str] = (),
    dry_run: bool = False,
) -> Transferred:
    """Copy the packages that match any of the queries to another repository.

    ``source`` is a repository, or another list as ``kind:name``.
    """
    from debrepo_local.transfers import transfer

    return transfer(
        session,
        "repo",
        source,
        target,
        queries,
        dependencies=dependencies,
        architectures=architectures,
        dry_run=dry_run,
    )


def move(
    session: Session,
    source: str,
    target: str,
    queries: Sequence[str],
    *,
    dependencies: Dependencies | None = None,
    architectures: Sequence[str] = (),
    dry_run: bool = False,
) -> Transferred:
    """Move the packages that match any of the queries from one repository to another."""
    from debrepo_local.transfers import transfer

    return transfer(
        session,
        "repo",
        source,
        target,
        queries,
        move=True,
        dependencies=dependencies,
        architectures=architectures,
        dry_run=dry_run,
    )


def import_(
    session: Session,
    source: str,
    target: str,
    queries: Sequence[str],
    *,
    dependencies: Dependencies | None = None,
    architectures: Sequence[str] = (),
    dry_run: bool = False,
) -> Transferred:
    """Import the packages of a mirror that match any of the queries into a repository.

    ``source`` is a mirror, or another list as ``kind:name``.
    """
    from debrepo_local.transfers import transfer

    return transfer(
        session,
        "mirror",
        source,
        target,
        queries,
        dependencies=dependencies,
        architectures=architectures,
        dry_run=dry_run,
    )


def remove(
    session: Session,
    name: str,
    queries: Sequence[str],
    *,
    dependencies: Dependencies | None = None,
    architectures: Sequence[str] = (),
    dry_run: bool = False,
) -> list[PackageKey]:
    """Remove the packages that match any of the queries from a repository.

    With ``dependencies``, what they depend on goes too, unless something that stays needs it.
    """
    from debrepo_local import transfers

    return transfers.remove(
        session,
        name,
        queries,
        dependencies=dependencies,
        architectures=architectures,
        dry_run=dry_run,
    )


def add_keys(session: Session, name: str, keys: Sequence[str]) -> LocalRepo:
    """Add packages that are in the database to a repository, by key."""
    from debrepo_local import known

    return known.add_keys(session, name, keys)


def remove_keys(session: Session, name: str, keys: Sequence[str]) -> LocalRepo:
    """Remove packages from a repository, by key; other keys are ignored."""
    from debrepo_local import known

    return known.remove_keys(session, name, keys)


def drop(session: Session, name: str, *, force: bool = False) -> None:
    """Drop a repository, unless something was created from it."""
    from debrepo_local import documents

    with session.db.write() as txn:
        target = repos.get(txn, name).package_list()
        lists.check_unused(session.hook, txn, target, force=force)
        repos.drop(txn, name)
        documents.drop(txn, name)
        session.hook.debrepo_dropped(session=session, txn=txn, kind="repo", name=name)

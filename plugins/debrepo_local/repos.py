"""Local repositories: package lists that packages are added to by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from debrepo.database import json_table
from debrepo.errors import AlreadyExists, NotFound
from debrepo.nearest import meant
from debrepo.notices import tell
from debrepo.package import Node, PackageList, SetId
from debrepo.packageset import EMPTY
from debrepo.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from debrepo.database import Transaction
    from debrepo.package import Entry
    from debrepo.session import Session


class LocalRepo(NamedTuple):
    """A named package list, and its defaults for publishing."""

    name: str
    component: str = "main"
    distribution: str = ""
    comment: str = ""
    set_id: SetId = EMPTY
    uploaders: str = ""  #: who may include uploads, as JSON; empty: everybody

    def package_list(self) -> PackageList:
        """Return the packages as the rest of debrepo sees them."""
        return PackageList("repo", self.name, self.set_id, self.component, self.distribution)


def _load(fields: dict[str, Any]) -> LocalRepo:
    return LocalRepo(**{**fields, "set_id": SetId(bytes.fromhex(fields["set_id"]))})


def _dump(repo: LocalRepo) -> dict[str, Any]:
    return {**repo._asdict(), "set_id": repo.set_id.hex()}


REPOS = json_table(
    "local.repos",
    load=_load,
    dump=_dump,
    record=LocalRepo,
    noted=lambda repo: (f"repo:{repo.name}", repo.set_id.hex()),
)


def create(txn: Transaction, repo: LocalRepo) -> None:
    """Store a new repository; raise `AlreadyExists` where the name is taken."""
    if repo.name in txn[REPOS]:
        raise AlreadyExists(f"repository {repo.name} exists already")
    txn[REPOS][repo.name] = repo


def get(txn: Transaction, name: str) -> LocalRepo:
    """Return the repository called ``name``."""
    try:
        return txn[REPOS][name]
    except KeyError:
        hint = meant(name, txn[REPOS], 'run "debrepo repo list"')
        raise NotFound(f"no repository called {name}", hint=hint) from None


def put(txn: Transaction, repo: LocalRepo) -> None:
    """Store a repository that has changed."""
    txn[REPOS][repo.name] = repo


def drop(txn: Transaction, name: str) -> None:
    """Remove a repository from the database."""
    del txn[REPOS][name]


def nodes(txn: Transaction) -> list[Node]:
    """Return the repositories as nodes of the graph."""
    return [
        Node(str(repo.package_list()), (repo.set_id,), remarks=tuple(filter(None, [repo.comment])))
        for repo in txn[REPOS].values()
    ]


def changing(
    session: Session,
    txn: Transaction,
    target: PackageList,
    before: SetId | None,
    added: Collection[Entry],
    removed: Collection[Entry] = (),
) -> None:
    """Let the other plugins take note, within the transaction, of what a repository becomes."""
    session.hook.debrepo_packages_changing(
        session=session, txn=txn, target=target, before=before, added=added, removed=removed
    )


def changed(
    session: Session,
    target: PackageList,
    before: SetId | None,
    added: Iterable[Entry],
    removed: Iterable[Entry],
) -> None:
    """Tell the other plugins that a repository has changed."""
    tell(
        session,
        "debrepo_packages_changed",
        target=target,
        before=before,
        added=frozenset(added),
        removed=frozenset(removed),
    )

"""What the local-repository plugin brings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from debrepo import Command, Operation, Ref, TableRef, hookimpl

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from pathlib import Path

    from debrepo.arrival import Arrival
    from debrepo.database import Transaction
    from debrepo.package import Entry, Node, PackageList
    from debrepo.session import Session

_OPERATIONS = "debrepo_local.operations"


@hookimpl
def debrepo_commands() -> list[Command]:
    return [Command("repo", "debrepo_local.cli:repo", "Manage local repositories.")]


@hookimpl
def debrepo_operations() -> list[Operation]:
    return [
        Operation(
            "repo.create",
            f"{_OPERATIONS}:create",
            "Create a repository, empty or with the packages of another list.",
            "repo:{name}:create",
            "repo create",
        ),
        Operation(
            "repo.add",
            f"{_OPERATIONS}:add",
            "Add package files to a repository.",
            "repo:{name}:add",
            "repo add",
            long=True,
        ),
        Operation(
            "repo.include",
            f"{_OPERATIONS}:include",
            "Add the packages of signed uploads.",
            "repo:{repo}:include",
            "repo include",
            long=True,
        ),
        Operation(
            "repo.documents",
            "debrepo_local.document_operations:list_",
            "List the .changes and .buildinfo files of uploads to a repository.",
            "read",
            "repo documents",
            changes=False,
        ),
        Operation(
            "repo.document",
            "debrepo_local.document_operations:show",
            "Return a .changes or .buildinfo file of an upload to a repository.",
            "read",
            "repo document",
            changes=False,
        ),
        Operation(
            "repo.watch",
            f"{_OPERATIONS}:watch",
            "Include signed uploads as they arrive in a directory.",
            "repo:{repo}:include",
            "repo watch",
            long=True,
            local=True,
        ),
        Operation(
            "repo.list",
            f"{_OPERATIONS}:list_",
            "List the repositories.",
            "read",
            "repo list",
            changes=False,
        ),
        Operation(
            "repo.show",
            f"{_OPERATIONS}:show",
            "Show a repository.",
            "read",
            "repo show",
            changes=False,
        ),
        Operation(
            "repo.edit",
            f"{_OPERATIONS}:edit",
            "Edit the properties of a repository.",
            "repo:{name}:edit",
            "repo edit",
        ),
        Operation(
            "repo.rename",
            f"{_OPERATIONS}:rename",
            "Rename a repository.",
            "repo:{name}:rename repo:{new_name}:create",
            "repo rename",
        ),
        Operation(
            "repo.search",
            f"{_OPERATIONS}:search",
            "Search the packages of a repository.",
            "read",
            "repo search",
            changes=False,
        ),
        Operation(
            "repo.copy",
            f"{_OPERATIONS}:copy",
            "Copy packages to another repository.",
            "repo:{target}:add",
            "repo copy",
        ),
        Operation(
            "repo.move",
            f"{_OPERATIONS}:move",
            "Move packages from one repository to another.",
            "repo:{source}:remove repo:{target}:add",
            "repo move",
        ),
        Operation(
            "repo.import",
            f"{_OPERATIONS}:import_",
            "Import packages of a mirror into a repository.",
            "repo:{target}:add",
            "repo import",
        ),
        Operation(
            "repo.remove",
            f"{_OPERATIONS}:remove",
            "Remove packages from a repository.",
            "repo:{name}:remove",
            "repo remove",
        ),
        Operation(
            "repo.add-keys",
            f"{_OPERATIONS}:add_keys",
            "Add packages that are in the database to a repository, by key.",
            "repo:{name}:add",
            "repo add-keys",
        ),
        Operation(
            "repo.remove-keys",
            f"{_OPERATIONS}:remove_keys",
            "Remove packages from a repository, by key.",
            "repo:{name}:remove",
            "repo remove-keys",
        ),
        Operation(
            "repo.drop",
            f"{_OPERATIONS}:drop",
            "Drop a repository; its packages stay in the pool until cleanup.",
            "repo:{name}:drop",
            "repo drop",
        ),
    ]


@hookimpl
def debrepo_tables() -> list[TableRef]:
    return [
        TableRef("local.repos", 1, "debrepo_local.repos:REPOS", ahead=32),
        TableRef("local.documents", 1, "debrepo_local.documents:DOCUMENTS", ahead=1),
    ]


@hookimpl
def debrepo_routes() -> list[Ref]:
    return [Ref("debrepo_local.api:routes", "The .changes and .buildinfo files of uploads.")]


@hookimpl
def debrepo_live_files(txn: Transaction) -> list[str]:
    from debrepo_local.documents import live_files

    return list(live_files(txn))


@hookimpl
def debrepo_package_list(txn: Transaction, kind: str, name: str) -> PackageList | None:
    if kind != "repo":
        return None
    from debrepo_local.repos import get

    return get(txn, name).package_list()


@hookimpl
def debrepo_package_lists(txn: Transaction) -> list[PackageList]:
    from debrepo_local.repos import REPOS

    return [repo.package_list() for repo in txn[REPOS].values()]


@hookimpl
def debrepo_add_files(
    session: Session,
    kind: str,
    files: Mapping[str, Sequence[Path]],
    arrival: Arrival,
    also: Callable[[Transaction], None],
) -> int | None:
    if kind != "repo":
        return None
    from debrepo_local.adding import add_together

    return add_together(session, files, arrival, also)


@hookimpl
def debrepo_remove_packages(
    session: Session, txn: Transaction, kind: str, packages: Mapping[str, Collection[Entry]]
) -> int | None:
    if kind != "repo":
        return None
    from debrepo_local.known import remove_together

    return remove_together(session, txn, packages)


@hookimpl
def debrepo_import_list(
    session: Session, txn: Transaction, target: PackageList, properties: Mapping[str, Any]
) -> bool | None:
    if target.kind != "repo":
        return None
    from debrepo_local.known import import_list

    return import_list(session, txn, target, properties)


@hookimpl
def debrepo_nodes(txn: Transaction) -> list[Node]:
    from debrepo_local.repos import nodes

    return nodes(txn)

"""What the snapshot plugin brings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from debrepo import Command, Operation, TableRef, hookimpl

if TYPE_CHECKING:
    from collections.abc import Mapping

    from debrepo.database import Transaction
    from debrepo.package import Link, Node, PackageList
    from debrepo.session import Session

_OPERATIONS = "debrepo_snapshot.operations"


@hookimpl
def debrepo_commands() -> list[Command]:
    return [Command("snapshot", "debrepo_snapshot.cli:snapshot", "Manage snapshots.")]


@hookimpl
def debrepo_operations() -> list[Operation]:
    return [
        Operation(
            "snapshot.create",
            f"{_OPERATIONS}:create",
            "Create a snapshot of a package list, or an empty one.",
            "snapshot:{name}:create",
            "snapshot create",
        ),
        Operation(
            "snapshot.list",
            f"{_OPERATIONS}:list_",
            "List the snapshots.",
            "read",
            "snapshot list",
            changes=False,
        ),
        Operation(
            "snapshot.show",
            f"{_OPERATIONS}:show",
            "Show a snapshot.",
            "read",
            "snapshot show",
            changes=False,
        ),
        Operation(
            "snapshot.edit",
            f"{_OPERATIONS}:edit",
            "Edit the description of a snapshot, and whether it is protected.",
            "snapshot:{name}:edit",
            "snapshot edit",
        ),
        Operation(
            "snapshot.search",
            f"{_OPERATIONS}:search",
            "Search the packages of a snapshot.",
            "read",
            "snapshot search",
            changes=False,
        ),
        Operation(
            "snapshot.diff",
            f"{_OPERATIONS}:diff",
            "Compare two snapshots.",
            "read",
            "snapshot diff",
            changes=False,
        ),
        Operation(
            "snapshot.merge",
            f"{_OPERATIONS}:merge",
            "Create a snapshot by merging others.",
            "snapshot:{name}:create",
            "snapshot merge",
        ),
        Operation(
            "snapshot.assemble",
            f"{_OPERATIONS}:assemble",
            "Create a snapshot from package keys.",
            "snapshot:{name}:create",
            "snapshot assemble",
        ),
        Operation(
            "snapshot.filter",
            f"{_OPERATIONS}:filter_",
            "Create a snapshot of the packages of another one that match a query.",
            "snapshot:{name}:create",
            "snapshot filter",
        ),
        Operation(
            "snapshot.pull",
            f"{_OPERATIONS}:pull",
            "Create a snapshot of what one has, and packages of another that match a query.",
            "snapshot:{name}:create",
            "snapshot pull",
        ),
        Operation(
            "snapshot.verify",
            f"{_OPERATIONS}:verify",
            "Say which dependencies of a snapshot cannot be satisfied.",
            "read",
            "snapshot verify",
            changes=False,
        ),
        Operation(
            "snapshot.rename",
            f"{_OPERATIONS}:rename",
            "Rename a snapshot.",
            "snapshot:{name}:rename snapshot:{new_name}:create",
            "snapshot rename",
        ),
        Operation(
            "snapshot.drop",
            f"{_OPERATIONS}:drop",
            "Drop a snapshot; its packages stay in the pool until cleanup.",
            "snapshot:{name}:drop",
            "snapshot drop",
        ),
        Operation(
            "snapshot.prune",
            f"{_OPERATIONS}:prune",
            "Drop old snapshots by age, number and calendar.",
            "snapshot:{name}:drop",
            "snapshot prune",
        ),
    ]


@hookimpl
def debrepo_tables() -> list[TableRef]:
    return [TableRef("snapshot.snapshots", 1, "debrepo_snapshot.snapshots:SNAPSHOTS", ahead=32)]


@hookimpl
def debrepo_package_list(txn: Transaction, kind: str, name: str) -> PackageList | None:
    if kind != "snapshot":
        return None
    from debrepo_snapshot.snapshots import get

    return get(txn, name).package_list()


@hookimpl
def debrepo_package_lists(txn: Transaction) -> list[PackageList]:
    from debrepo_snapshot.snapshots import SNAPSHOTS

    return [snapshot.package_list() for snapshot in txn[SNAPSHOTS].values()]


@hookimpl
def debrepo_import_list(
    session: Session, txn: Transaction, target: PackageList, properties: Mapping[str, Any]
) -> bool | None:
    if target.kind != "snapshot":
        return None
    from debrepo_snapshot.snapshots import import_list

    return import_list(session, txn, target, properties)


@hookimpl
def debrepo_links(txn: Transaction) -> list[Link]:
    from debrepo_snapshot.snapshots import links

    return links(txn)


@hookimpl
def debrepo_nodes(txn: Transaction) -> list[Node]:
    from debrepo_snapshot.snapshots import nodes

    return nodes(txn)


@hookimpl
def debrepo_renamed(txn: Transaction, kind: str, old: str, new: str) -> None:
    from debrepo_snapshot.snapshots import follow

    follow(txn, f"{kind}:{old}", f"{kind}:{new}")

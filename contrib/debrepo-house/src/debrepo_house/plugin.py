"""What this plugin brings; the modules that do the work are imported when they are used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo import Command, Operation, PublicationOption, Ref, Setting, TableRef, hookimpl
from debrepo.errors import InvalidPackage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from debrepo.database import Transaction
    from debrepo.package import Entry, Package, PackageList
    from debrepo.published import PublicationState
    from debrepo.session import Session

_OPERATIONS = "debrepo_house.operations"


@hookimpl
def debrepo_settings() -> list[Setting]:
    return [
        Setting("house.required", False, "Accept packages only into repositories with an owner"),
        Setting("house.default_owner", "", "Team that owns new repositories; empty: none"),
        Setting("house.webhook", "", "URL to tell of each publish; empty: none"),
    ]


@hookimpl
def debrepo_tables() -> list[TableRef]:
    return [TableRef("house.repositories", 1, "debrepo_house.tables:REPOSITORIES", ahead=16)]


@hookimpl
def debrepo_operations() -> list[Operation]:
    return [
        Operation(
            "house.list",  # the name by which others call it
            f"{_OPERATIONS}:list_",  # a function whose first argument is the session
            "List the repositories that a team owns.",
            "read",  # the scope that it needs
            "house list",  # its command
            changes=False,
        ),
        Operation(
            "house.own",
            f"{_OPERATIONS}:own",
            "Say which team owns a repository.",
            "repo:{name}:own",
            "house own",
        ),
        Operation(
            "house.phase",
            f"{_OPERATIONS}:phase",
            "Roll out a package step by step.",
            "repo:{name}:phase",
            "house phase",
        ),
    ]


@hookimpl
def debrepo_commands() -> list[Command]:
    return [Command("house", "debrepo_house.cli:house", "Manage owners and roll-outs.")]


@hookimpl
def debrepo_routes() -> list[Ref]:
    return [Ref("debrepo_house.api:routes", "Owners of repositories.")]


@hookimpl
def debrepo_index_kinds() -> dict[str, Ref]:
    return {"maintainers": Ref("debrepo_house.index:MaintainersIndex", "Maintainers.")}


@hookimpl
def debrepo_publication_options() -> list[PublicationOption]:
    return [PublicationOption("maintainers", False, "Publish who maintains what")]


@hookimpl
def debrepo_accepts_all(session: Session, target: PackageList) -> bool:
    return target.kind != "repo" or not session.config["house.required"]


@hookimpl
def debrepo_accept_package(
    session: Session, txn: Transaction, package: Package, target: PackageList
) -> None:
    from debrepo_house import repositories

    if target.kind != "repo" or not session.config["house.required"]:
        return
    if not repositories.get(txn, target.name).team:
        raise InvalidPackage(
            f"{package.key.display} cannot join {target.name}: no team owns the repository",
            hint=f'run "debrepo house own {target.name} TEAM"',
        )


@hookimpl
def debrepo_created(session: Session, txn: Transaction, kind: str, name: str) -> None:
    from debrepo_house import repositories

    if kind == "repo":
        repositories.create(txn, name, session.config["house.default_owner"])


@hookimpl
def debrepo_renamed(txn: Transaction, kind: str, old: str, new: str) -> None:
    from debrepo_house import repositories

    if kind == "repo":
        repositories.rename(txn, old, new)


@hookimpl
def debrepo_dropped(txn: Transaction, kind: str, name: str) -> None:
    from debrepo_house import repositories

    if kind == "repo":
        repositories.drop(txn, name)


@hookimpl
def debrepo_package_fields(
    txn: Transaction, after: PublicationState, component: str
) -> Mapping[Entry, Mapping[str, str]]:
    from debrepo_house import repositories

    return repositories.phased(txn, after.components[component])


@hookimpl
def debrepo_release_fields(session: Session, after: PublicationState) -> Mapping[str, str]:
    from debrepo_house import repositories

    with session.db.read() as txn:
        teams = repositories.owners(txn, after.components.values())
    return {"House-Owners": " ".join(teams)} if teams else {}


@hookimpl
def debrepo_published(session: Session, publication: str, paths: Sequence[str]) -> None:
    url = session.config["house.webhook"]
    if url:
        from debrepo_house import webhook

        webhook.tell(url, publication, paths)

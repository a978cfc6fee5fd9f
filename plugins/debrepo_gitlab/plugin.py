"""What the plugin for GitLab's Debian API adds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo import Command, Operation, Ref, Setting, TableRef, hookimpl

if TYPE_CHECKING:
    from debrepo.database import Transaction
    from debrepo.health import Checkup
    from debrepo.package import Link, PackageList
    from debrepo.permissions import Caller
    from debrepo.session import Session

_HERE = "debrepo_gitlab"


@hookimpl
def debrepo_commands() -> list[Command]:
    return [
        Command("project", f"{_HERE}.cli:project", "Manage the projects of GitLab's Debian API."),
        Command("group", f"{_HERE}.cli:group", "Manage the groups of projects."),
        Command(
            "distribution",
            f"{_HERE}.cli:distribution",
            "Manage the distributions of projects and groups.",
        ),
    ]


def _operation(
    name: str,
    function: str,
    summary: str,
    scope: str,
    command: str = "",
    *,
    changes: bool = True,
    long: bool = False,
) -> Operation:
    target = f"{_HERE}.operations:{function}"
    door = command or name.replace(".", " ")
    return Operation(name, target, summary, scope, door, changes, long)


@hookimpl
def debrepo_operations() -> list[Operation]:
    return [*_of_containers(), *_of_tokens(), *_of_distributions()]


def _of_containers() -> list[Operation]:
    where = "gitlab:{kind}:{path}"
    return [
        _operation(
            "project.create",
            "create_container",
            "Create a project or a group of projects.",
            f"{where}:create",
        ),
        _operation(
            "project.list",
            "list_containers",
            "List projects or groups.",
            "read",
            changes=False,
        ),
        _operation(
            "project.show", "show_container", "Show a project or a group.", "read", changes=False
        ),
        _operation(
            "project.edit",
            "edit_container",
            "Change a project or a group.",
            f"{where}:edit gitlab:{{kind}}:{{new_path}}:create",
            long=True,
        ),
        _operation(
            "project.member",
            "set_member",
            "Set the role of a user in a project or a group.",
            f"{where}:member",
        ),
        _operation(
            "project.drop",
            "drop_container",
            "Drop a project or a group.",
            f"{where}:drop",
            long=True,
        ),
    ]


def _of_tokens() -> list[Operation]:
    return [
        _operation(
            "project.token.create",
            "create_token",
            "Create a token of a user, a deployment or a job.",
            "admin",
        )._replace(secret=True),
        _operation(
            "project.token.list",
            "list_tokens",
            "List the tokens of users, deployments and jobs.",
            "admin",
            changes=False,
        ),
        _operation(
            "project.token.revoke",
            "revoke_token",
            "Revoke a token of a user, a deployment or a job.",
            "admin",
        ),
    ]


def _of_distributions() -> list[Operation]:
    return [
        _operation(
            "distribution.create",
            "create_distribution",
            "Create a distribution of a project or a group.",
            "gitlab:{container}:write",
        ),
        _operation(
            "distribution.list",
            "list_distributions",
            "List the distributions of a project or a group.",
            "gitlab:{container}:read",
            changes=False,
        ),
        _operation(
            "distribution.show",
            "show_distribution",
            "Show a distribution.",
            "gitlab:{container}:read",
            changes=False,
        ),
        _operation(
            "distribution.key",
            "export_key",
            "Export the public keys that sign a distribution.",
            "gitlab:{container}:read",
            changes=False,
        ),
        _operation(
            "distribution.edit",
            "edit_distribution",
            "Change a distribution.",
            "gitlab:{container}:write",
        ),
        _operation(
            "distribution.upload",
            "upload",
            "Add package files to a distribution.",
            "gitlab:{container}:write",
            long=True,
        ),
        _operation(
            "distribution.publish",
            "publish_distribution",
            "Publish a distribution.",
            "gitlab:{container}:write",
            long=True,
        ),
        _operation(
            "distribution.packages",
            "list_packages",
            "List the packages of a project.",
            "gitlab:{container}:read",
            changes=False,
        ),
        _operation(
            "distribution.remove",
            "remove_package",
            "Remove a package from the distributions of a project.",
            "gitlab:{container}:delete",
        ),
        _operation(
            "distribution.drop",
            "drop_distribution",
            "Drop a distribution.",
            "gitlab:{container}:delete",
            long=True,
        ),
    ]


@hookimpl
def debrepo_settings() -> list[Setting]:
    return [
        Setting("gitlab.strict", False, "Behave like GitLab where the guide lists differences"),
        Setting("gitlab.url", "", "URL of this server, for links; empty: that of the request"),
        Setting("gitlab.storage", "", "Storage to publish to, as SCHEME:NAME; empty: the default"),
        Setting(
            "gitlab.compressions",
            ("plain", "gz", "xz"),
            "Compressions of indexes; some clients of GitLab need plain",
        ),
        Setting("gitlab.key_algorithm", "ed25519", "Algorithm of new keys: ed25519 or rsa4096"),
        Setting(
            "gitlab.max_file_size",
            3 << 30,
            "Maximum size of an uploaded file in bytes; 0: no limit",
        ),
        Setting(
            "gitlab.uploaders",
            "",
            "Keyring with the keys that may sign a .changes; empty: no signature is needed",
        ),
    ]


@hookimpl
def debrepo_tables() -> list[TableRef]:
    return [
        TableRef("gitlab.containers", 2, f"{_HERE}.containers:CONTAINERS"),
        TableRef("gitlab.container_orders", 1, f"{_HERE}.container_lists:CONTAINER_ORDERS"),
        TableRef("gitlab.paths", 1, f"{_HERE}.containers:PATHS"),
        TableRef("gitlab.old_paths", 1, f"{_HERE}.containers:OLD_PATHS"),
        TableRef("gitlab.downloads", 1, f"{_HERE}.download_dates:DOWNLOADS"),
        TableRef("gitlab.listings", 3, f"{_HERE}.listings:LISTINGS"),
        TableRef("gitlab.listed", 1, f"{_HERE}.listings:ROWS"),
        TableRef("gitlab.listed_orders", 2, f"{_HERE}.listed_orders:ORDERED"),
        TableRef("gitlab.members", 1, f"{_HERE}.containers:MEMBERS"),
        TableRef("gitlab.numbers", 1, f"{_HERE}.containers:NUMBERS"),
        TableRef("gitlab.tokens", 1, f"{_HERE}.tokens:TOKENS", secret=True),
        TableRef("gitlab.digests", 1, f"{_HERE}.tokens:DIGESTS", secret=True),
        TableRef("gitlab.owners", 1, f"{_HERE}.owners:OWNERS", ahead=16),
        TableRef("gitlab.outdated", 1, f"{_HERE}.owners:OUTDATED"),
        TableRef("gitlab.distributions", 2, f"{_HERE}.distributions:DISTRIBUTIONS"),
        TableRef("gitlab.documents", 1, f"{_HERE}.documents:DOCUMENTS"),
    ]


@hookimpl
def debrepo_changing(txn: Transaction) -> None:
    if any(change.what.startswith("repo:") for change in txn.changes):
        from debrepo_gitlab.owners import follow

        follow(txn, txn.changes)


@hookimpl
def debrepo_routes() -> list[Ref]:
    return [
        Ref(f"{_HERE}.api:routes", "Projects, groups and their distributions."),
        Ref(f"{_HERE}.apt_api:routes", "What apt reads, and where packages are uploaded to."),
        Ref(f"{_HERE}.account_api:routes", "Who a token belongs to, projects and groups."),
        Ref(f"{_HERE}.package_api:routes", "Packages of any kind."),
    ]


@hookimpl
def debrepo_authenticate(txn: Transaction, secret: str) -> Caller | None:
    from debrepo_gitlab.tokens import identify

    return identify(txn, secret)


@hookimpl
def debrepo_download(txn: Transaction, path: str, caller: Caller) -> None:
    if path.startswith(("projects/", "groups/")):  # in each storage: two may be one directory
        from debrepo_gitlab import downloads

        downloads.check(txn, path, caller)


@hookimpl
def debrepo_resume(session: Session) -> None:
    from debrepo_gitlab import publishing, uploads

    uploads.resume(session)
    publishing.resume(session)


@hookimpl
def debrepo_package_list(txn: Transaction, kind: str, name: str) -> PackageList | None:
    if kind != "group":
        return None
    from debrepo_gitlab.group_lists import package_list

    return package_list(txn, name)


@hookimpl
def debrepo_package_lists(txn: Transaction) -> list[PackageList]:
    from debrepo_gitlab.group_lists import package_lists

    return list(package_lists(txn))


@hookimpl
def debrepo_live_files(txn: Transaction) -> list[str]:
    from debrepo_gitlab.documents import live_files

    return list(live_files(txn))


@hookimpl
def debrepo_packages_deleted(session: Session) -> None:
    from debrepo_gitlab.download_dates import remove_rows

    remove_rows(session)


@hookimpl
def debrepo_links(txn: Transaction) -> list[Link]:
    from debrepo_gitlab.group_lists import links

    return list(links(txn))


@hookimpl
def debrepo_renamed(txn: Transaction, kind: str, old: str, new: str) -> None:
    if kind == "repo":
        from debrepo_gitlab.distributions import follow

        follow(txn, old, new)


@hookimpl
def debrepo_health(session: Session) -> list[Checkup]:
    from debrepo_gitlab.health import checkups

    return list(checkups(session))

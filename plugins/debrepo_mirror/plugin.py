"""What the mirror plugin brings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from debrepo import Command, Operation, Ref, Setting, TableRef, hookimpl

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from debrepo.database import Transaction
    from debrepo.health import Checkup
    from debrepo.package import Node, PackageList, SetId
    from debrepo.recovery import LostFiles
    from debrepo.session import Session
    from debrepo.verbatim import VerbatimArchive

_OPERATIONS = "debrepo_mirror.operations"


@hookimpl
def debrepo_commands() -> list[Command]:
    return [Command("mirror", "debrepo_mirror.cli:mirror", "Manage mirrors of other archives.")]


@hookimpl
def debrepo_operations() -> list[Operation]:
    return [
        Operation(
            "mirror.create",
            f"{_OPERATIONS}:create",
            "Create a mirror of a distribution of another archive.",
            "mirror:{name}:create mirror:{name}:fetch:{url}",
            "mirror create",
            long=True,
        ),
        Operation(
            "mirror.list",
            f"{_OPERATIONS}:list_",
            "List the mirrors.",
            "read",
            "mirror list",
            changes=False,
        ),
        Operation(
            "mirror.show",
            f"{_OPERATIONS}:show",
            "Show a mirror.",
            "read",
            "mirror show",
            changes=False,
        ),
        Operation(
            "mirror.search",
            f"{_OPERATIONS}:search",
            "Search the packages of a mirror.",
            "read",
            "mirror search",
            changes=False,
        ),
        Operation(
            "mirror.update",
            f"{_OPERATIONS}:update",
            "Bring a mirror up to date with its archive.",
            "mirror:{name}:update",
            "mirror update",
            long=True,
        ),
        Operation(
            "mirror.edit",
            f"{_OPERATIONS}:edit",
            "Edit the properties of a mirror.",
            "mirror:{name}:edit mirror:{name}:fetch:{url}",
            "mirror edit",
            long=True,
        ),
        Operation(
            "mirror.rename",
            f"{_OPERATIONS}:rename",
            "Rename a mirror.",
            "mirror:{name}:rename mirror:{new_name}:create",
            "mirror rename",
        ),
        Operation(
            "mirror.drop",
            f"{_OPERATIONS}:drop",
            "Drop a mirror; its packages stay in the pool until cleanup.",
            "mirror:{name}:drop",
            "mirror drop",
        ),
    ]


@hookimpl
def debrepo_settings() -> list[Setting]:
    return [
        Setting("mirror.sources", False, "Whether new mirrors have source packages"),
        Setting(
            "mirror.ignore_signatures", False, "Whether new mirrors trust archives without a check"
        ),
        Setting("mirror.max_tries", 3, "Attempts to fetch a file"),
        Setting("mirror.urls", (), "What the URLs of mirrors have to begin with; empty: anything"),
        Setting("mirror.connections", 8, "Files to fetch at a time"),
        Setting("mirror.download_limit", 0, "KiB to fetch a second; 0: no limit"),
        Setting("mirror.connect_timeout", 30, "Seconds to wait for a connection"),
        Setting("mirror.stall_timeout", 60, "Seconds to wait while nothing comes"),
        Setting("mirror.proxy", "", "URL of a proxy; none: none, empty: as the environment says"),
        Setting("mirror.no_proxy", (), "Hosts and domains that are asked without the proxy"),
        Setting("mirror.ca_file", "", "Certificates to trust; empty: those of the system"),
        Setting(
            "mirror.auth_files",
            (),
            "Files with user names and passwords, as apt's auth.conf or .netrc, besides"
            " <root>/auth.conf",
        ),
        Setting("mirror.netrc", "", "File with user names and passwords that curl has: ~/.netrc"),
        Setting("mirror.credentials.*.url", "", "Archive that credentials are for"),
        Setting("mirror.credentials.*.user", "", "User name"),
        Setting("mirror.credentials.*.password", "", "Password", secret=True),
        Setting("mirror.credentials.*.password_file", "", "File whose first line is the password"),
        Setting("mirror.credentials.*.token", "", "Token to send as a bearer", secret=True),
        Setting("mirror.credentials.*.token_file", "", "File whose first line is the token"),
        Setting("mirror.credentials.*.certificate", "", "File with a client certificate, in PEM"),
        Setting("mirror.credentials.*.key", "", "File with its key; empty: the same file"),
        Setting("mirror.limits.index", 4 << 30, "Bytes that an index may have, unpacked"),
        Setting("mirror.limits.packages", 1_000_000, "Packages that an index may list"),
        Setting(
            "mirror.limits.pulled", 0, "Bytes that clients may have fetched by lazy mirrors; 0: any"
        ),
        Setting("mirror.limits.release", 32 << 20, "Bytes that a Release file may have"),
        Setting(
            "mirror.retry_pause", 1, "Seconds before a second attempt, doubled for each further one"
        ),
        Setting(
            "mirror.ppa_base_url", "https://ppa.launchpadcontent.net", "Where ppa: archives are"
        ),
        Setting("mirror.ppa_distributor", "ubuntu", "Last part of the URL of a ppa: archive"),
        Setting(
            "mirror.ppa_codename", "", "Distribution of a ppa: archive; empty: that of this machine"
        ),
    ]


@hookimpl
def debrepo_tables() -> list[TableRef]:
    return [
        TableRef("mirror.frozen", 1, "debrepo_mirror.verbatim.kept:FROZEN", ahead=4),
        TableRef("mirror.mirrors", 1, "debrepo_mirror.tables:MIRRORS", ahead=16),
        TableRef("mirror.origins", 1, "debrepo_mirror.origins:ORIGINS", ahead=1),
        TableRef("mirror.pending", 1, "debrepo_mirror.tables:PENDING", ahead=1),
        TableRef("mirror.places", 1, "debrepo_mirror.origins:PLACES"),
        TableRef("mirror.problems", 1, "debrepo_mirror.tables:PROBLEMS"),
        TableRef("mirror.pulled", 1, "debrepo_mirror.origins:PULLED"),
        TableRef("mirror.releases", 1, "debrepo_mirror.tables:RELEASES"),
        TableRef("mirror.state", 1, "debrepo_mirror.tables:STATE"),
        TableRef("mirror.verbatim", 1, "debrepo_mirror.verbatim.kept:VERBATIM"),
    ]


@hookimpl
def debrepo_package_list(txn: Transaction, kind: str, name: str) -> PackageList | None:
    if kind != "mirror":
        return None
    from debrepo_mirror.mirrors import package_list

    return package_list(txn, name)


@hookimpl
def debrepo_package_lists(txn: Transaction) -> list[PackageList]:
    from debrepo_mirror.tables import MIRRORS

    return [mirror.package_list() for mirror in txn[MIRRORS].values()]


@hookimpl
def debrepo_import_list(
    session: Session, txn: Transaction, target: PackageList, properties: Mapping[str, Any]
) -> bool | None:
    if target.kind != "mirror":
        return None
    from debrepo_mirror.importing import import_list

    return import_list(session, txn, target, properties)


@hookimpl
def debrepo_live_sets(txn: Transaction) -> Iterable[SetId]:
    from debrepo_mirror.mirrors import live_sets

    return live_sets(txn)


@hookimpl
def debrepo_nodes(txn: Transaction) -> list[Node]:
    from debrepo_mirror.tables import MIRRORS

    return [mirror.node() for mirror in txn[MIRRORS].values()]


@hookimpl
def debrepo_live_files(txn: Transaction) -> Iterable[str]:
    from debrepo_mirror import keeping
    from debrepo_mirror.verbatim import kept

    return [*keeping.live(txn), *kept.live_files(txn)]


@hookimpl
def debrepo_routes() -> list[Ref]:
    return [Ref("debrepo_mirror.api:routes", "Lazy mirrors, for apt.")]


@hookimpl
def debrepo_remote_files(txn: Transaction) -> Iterable[str]:
    from debrepo_mirror import origins

    return origins.listed(txn)


@hookimpl
def debrepo_fetch_files(session: Session, digests: frozenset[str]) -> None:
    from debrepo_mirror.origins import ORIGINS

    with session.db.read() as txn:
        if not txn[ORIGINS]:
            return
    from debrepo_mirror import lazy  # and downloads with it

    lazy.fetch(session, digests)


@hookimpl
def debrepo_recover_files(session: Session, lost: LostFiles) -> None:
    from debrepo_mirror import recovering

    recovering.recover(session, lost)


@hookimpl
def debrepo_verbatim_archive(txn: Transaction, kind: str, name: str) -> VerbatimArchive | None:
    if kind not in ("mirror", "snapshot"):
        return None
    from debrepo_mirror.verbatim import kept

    return kept.current(txn, name) if kind == "mirror" else txn[kept.FROZEN].get(name)


@hookimpl
def debrepo_created(session: Session, txn: Transaction, kind: str, name: str) -> None:
    if kind == "snapshot":
        from debrepo import lists
        from debrepo_mirror.verbatim import kept

        kept.freeze(txn, name, lists.get(session.hook, txn, kind, name).set_id)


@hookimpl
def debrepo_renamed(txn: Transaction, kind: str, old: str, new: str) -> None:
    if kind == "snapshot":
        from debrepo_mirror.verbatim import kept

        kept.renamed(txn, old, new)


@hookimpl
def debrepo_dropped(txn: Transaction, kind: str, name: str) -> None:
    if kind == "snapshot":
        from debrepo_mirror.verbatim import kept

        txn[kept.FROZEN].discard(name)


@hookimpl
def debrepo_drop_remote_files(txn: Transaction, digests: Collection[str]) -> None:
    from debrepo_mirror import origins

    origins.drop(txn, digests)


@hookimpl
def debrepo_health(session: Session) -> list[Checkup]:
    from debrepo_mirror.health import checkups

    return list(checkups(session))


@hookimpl
def debrepo_scopes() -> set[str]:
    return {"mirror:{name}:download"}

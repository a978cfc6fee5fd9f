"""What the publish plugin brings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from debrepo import (
    BackgroundJob,
    Command,
    Operation,
    PublicationOption,
    Ref,
    Setting,
    TableRef,
    hookimpl,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from debrepo.database import Transaction
    from debrepo.health import Checkup
    from debrepo.metrics import Metric
    from debrepo.package import Link, Node, PackageList, SetId
    from debrepo.published import PublicationState, Superseded
    from debrepo.recovery import LostFiles
    from debrepo.session import Session
    from debrepo.signing import MadeSignature


@hookimpl
def debrepo_commands() -> list[Command]:
    return [
        Command(
            "publish", "debrepo_publish.cli:publish", "Publish repositories, snapshots and mirrors."
        ),
        Command(
            "promote",
            "debrepo_publish.cli:promote",
            "Publish what is in a repository, or what another publication serves,"
            " as a dated snapshot.",
        ),
    ]


@hookimpl
def debrepo_operations() -> list[Operation]:
    from debrepo_publish.named_operations import named

    return named()


@hookimpl
def debrepo_spellings() -> dict[str, Ref]:
    return {
        "place": Ref("debrepo_publish.model.publication:one_place", "Storage and prefix."),
        "storage": Ref("debrepo_publish.model.publication:one_storage", "Scheme and name."),
    }


@hookimpl
def debrepo_settings() -> list[Setting]:
    return [
        Setting("publish.origin", "", "Origin of new publications"),
        Setting("publish.label", "", "Label of new publications"),
        Setting("publish.release_fields", (), "Further fields of Release files, as NAME: VALUE"),
        Setting("publish.compressions", ("gz", "xz"), "Compressions: plain, gz, xz, zst, bz2"),
        Setting("publish.sums", ("sha256",), "Checksums to list: md5, sha1, sha256, sha512"),
        Setting("publish.passphrase_files", (), "Files that requests may name as PassphraseFile"),
        Setting("publish.skip_signing", False, "Publish without a signature"),
        Setting(
            "publish.client_files", False, "Write archive.sources and archive-keyring for clients"
        ),
        Setting("publish.skip_contents", False, "Publish no Contents files"),
        Setting(
            "publish.cache_size", 2 << 30, "Size limit of the cache of rendered fragments, in bytes"
        ),
        Setting("publish.grace", "3d", "How long superseded files are kept"),
        Setting("publish.index_grace", "1h", "How long superseded indexes are kept"),
        Setting(
            "publish.index_generations",
            20,
            "Superseded generations whose indexes stay so long, others 5 minutes; 0: any number",
        ),
        Setting("publish.renew", True, "Whether a server signs again what clients refuse soon"),
        Setting(
            "publish.renew_left", 33, "Percent of the time of validity left when it is signed again"
        ),
        Setting("publish.keep_generations", 5, "Superseded generations that are always kept"),
        Setting(
            "publish.skeleton",
            "skel",
            "Directory with files to publish: PREFIX/dists/DISTRIBUTION/COMPONENT/…; empty: none",
        ),
        Setting("publish.skeleton_size", 64 << 20, "Bytes that such files may have in all"),
        Setting("publish.snapshots", "", "Dated archives to keep: 100, 30d or all; empty: none"),
        Setting("publish.history", 1000, "Publishes that the history of a publication lists"),
    ]


@hookimpl
def debrepo_tables() -> list[TableRef]:
    return [
        TableRef(
            f"publish.{name.lower()}",
            1,
            f"debrepo_publish.model.tables:{name}",
            ahead={"PUBLICATIONS": 16, "SWITCHES": 1, "DATES": 16, "TOPS": 16}.get(name, 0),
        )
        for name in (
            "PUBLICATIONS",
            "GENERATIONS",
            "HISTORY",
            "COMMITS",
            "DATED",
            "DATES",
            "SWITCHES",
            "FILES",
            "DISPLACED",
            "RETIRED",
            "ADOPTED",
            "CHANGELOGS",
            "CLIENT_FILES",
            "TOPS",
        )
    ]


@hookimpl
def debrepo_package_list(txn: Transaction, kind: str, name: str) -> PackageList | None:
    if kind != "publication":
        return None
    from debrepo_publish.model.publications import served_list

    return served_list(txn, name)


@hookimpl
def debrepo_index_kinds() -> dict[str, Ref]:
    return {
        "packages": Ref(
            "debrepo_publish.indexes.kinds:PackagesIndex", "Packages, of binary packages."
        ),
        "sources": Ref(
            "debrepo_publish.indexes.kinds:SourcesIndex", "Sources, of source packages."
        ),
        "contents": Ref(
            "debrepo_publish.indexes.contents:ContentsIndex", "Contents, of paths in packages."
        ),
        "translations": Ref(
            "debrepo_publish.indexes.translation:TranslationIndex",
            "Translation-en, of long descriptions.",
        ),
    }


@hookimpl(tryfirst=True)  # so that other plugins can replace them
def debrepo_release_fields(session: Session, after: PublicationState) -> dict[str, str]:
    from debrepo_publish.indexes.release import configured_fields

    return configured_fields(session.config["publish.release_fields"], after.options)


@hookimpl
def debrepo_signatures(txn: Transaction) -> dict[str, list[MadeSignature]]:
    from debrepo_publish.engine.signers import live_signatures

    return live_signatures(txn)


@hookimpl
def debrepo_sign_again(session: Session, names: frozenset[str]) -> dict[str, str]:
    from debrepo_publish.engine.resigning import sign_again

    return sign_again(session, names)


@hookimpl
def debrepo_background() -> dict[str, BackgroundJob]:
    return {
        "renew": BackgroundJob(
            "debrepo_publish.engine.renewing:in_background",
            600.0,
            "Sign again what clients will refuse soon.",
        ),
        "superseded": BackgroundJob(
            "debrepo_publish.engine.expiring:in_background",
            600.0,
            "Delete superseded files whose grace is over.",
        ),
    }


@hookimpl
def debrepo_served_path(txn: Transaction, storage: str, path: str) -> str | None:
    if "snapshots/" not in path:  # of most requests; nothing is imported for these
        return None
    from debrepo_publish.engine.dating import served_path

    return served_path(txn, storage, path)


@hookimpl
def debrepo_resume(session: Session) -> None:
    from debrepo_publish.engine.publishing import resume

    resume(session)


@hookimpl
def debrepo_links(txn: Transaction) -> list[Link]:
    from debrepo_publish.model.publications import links

    return links(txn)


@hookimpl
def debrepo_nodes(txn: Transaction) -> list[Node]:
    from debrepo_publish.model.publications import nodes

    return nodes(txn)


@hookimpl
def debrepo_import_publication(
    session: Session,
    txn: Transaction,
    place: str,
    distribution: str,
    sources: Mapping[str, str],
    options: Mapping[str, Any],
) -> bool | None:
    from debrepo_publish.model.importing import import_publication

    return import_publication(session, txn, place, distribution, sources, options)


@hookimpl
def debrepo_served_lists(txn: Transaction) -> list[PackageList]:
    from debrepo_publish.model.publications import served_lists

    return served_lists(txn)


@hookimpl
def debrepo_live_files(txn: Transaction) -> Iterable[str]:
    from debrepo_publish.engine import changelogs, verbatim

    return [*verbatim.live_files(txn), *changelogs.live_files(txn)]


@hookimpl
def debrepo_publication_options() -> list[PublicationOption]:
    return [
        PublicationOption(
            "protected", False, "Only promote, or --yes-really, replaces or drops it."
        ),
        PublicationOption(
            "client_files",
            False,
            "Write archive.sources and archive-keyring for clients beside the Release file.",
        ),
        PublicationOption(
            "verbatim", False, "Publish what the archive of a verbatim mirror has signed."
        ),
        PublicationOption(
            "changelogs",
            "",
            "Publish changelogs for apt, below this URL of the archive root; auto: the storage's.",
        ),
        PublicationOption("only", "", "Publish only packages that match this query; '' for all."),
        PublicationOption(
            "pdiffs", 0, "Days for which clients get patches of Packages and Sources; 0: none."
        ),
        PublicationOption(
            "release_field",
            (),
            "Further field of the Release file, as NAME: VALUE; may be repeated, '' drops all.",
            repeated=True,
        ),
        PublicationOption(
            "translations", False, "Publish long descriptions in Translation-en, as Debian does."
        ),
    ]


@hookimpl
def debrepo_live_sets(txn: Transaction) -> set[SetId]:
    from debrepo_publish.model.publications import live_sets

    return live_sets(txn)


@hookimpl
def debrepo_renamed(txn: Transaction, kind: str, old: str, new: str) -> None:
    from debrepo_publish.model.publications import follow

    follow(txn, f"{kind}:{old}", f"{kind}:{new}")


@hookimpl
def debrepo_metrics(txn: Transaction) -> list[Metric]:
    from debrepo_publish.metrics import metrics

    return list(metrics(txn))


@hookimpl
def debrepo_delete_expired(session: Session) -> int:
    from debrepo_publish.engine.expiring import delete_expired

    return delete_expired(session)


@hookimpl
def debrepo_packages_deleted(session: Session) -> None:
    from debrepo_publish.engine.changelogs import remove_rows

    remove_rows(session)


@hookimpl
def debrepo_superseded(txn: Transaction) -> list[Superseded]:
    from debrepo_publish.engine.superseded import waiting

    return waiting(txn)


@hookimpl
def debrepo_health(session: Session, thorough: bool) -> list[Checkup]:
    from debrepo_publish.checking.health import checkups

    return list(checkups(session, thorough=thorough))


@hookimpl(tryfirst=True)  # it costs nothing to read what is published
def debrepo_recover_files(session: Session, lost: LostFiles) -> None:
    from debrepo_publish.checking import recovering

    recovering.recover(session, lost)

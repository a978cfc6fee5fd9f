"""The hooks: every place where a plugin can take part.

A hook *collects* (every plugin answers and core joins the answers), *asks* (plugins are
asked in turn until one answers) or *tells* (the answer is ignored). Each docstring says
which, and when. A plugin's implementation may leave out the arguments it does not need.

The hooks called at start-up name things and import nothing; see `debrepo.refs`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pluggy import HookspecMarker

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from pluggy import PluginManager

    from debrepo.arrival import Arrival
    from debrepo.database import Transaction
    from debrepo.package import Entry, Link, Node, PackageList, SetId
    from debrepo.published import PublicationState
    from debrepo.refs import Command, Operation, Ref, Setting, TableRef
    from debrepo.session import Session
    from debrepo.signing import KeyRotation, MadeSignature

hookspec = HookspecMarker("debrepo")


# At start-up: name what you bring.


@hookspec(historic=True)
def debrepo_addhooks(pm: PluginManager) -> None:
    """Add hooks of your own with ``pm.add_hookspecs(module)``.

    *Tells*, when the plugin is registered.
    """


@hookspec
def debrepo_commands() -> Iterable[Command]:
    """Name the commands you add to the command line.

    *Collects*, at every start-up. A name that another plugin claims, or that a command of the
    group has, is an error. A command of a group that no plugin brings is left out.
    """


@hookspec
def debrepo_operations() -> Iterable[Operation]:
    """Name what you can do, for doors and for other plugins.

    *Collects*, when an operation is called by name. Two plugins that claim one name are
    an error.
    """


@hookspec
def debrepo_spellings() -> Mapping[str, Ref]:
    """Name the arguments of operations that have several spellings, each with a function.

    *Collects*, when the scope of an operation is filled in, or a storage is named in a URL: the
    function returns the one spelling that scopes have, so that no other leads past them. Two
    plugins that claim one argument are an error.
    """


@hookspec
def debrepo_settings() -> Iterable[Setting]:
    """Name the configuration keys you read, with defaults and help.

    *Collects*, when the configuration is read. A key that no plugin declares is an error there,
    and so are two settings that one key, or one variable of the environment, could mean.
    """


@hookspec
def debrepo_tables() -> Iterable[TableRef]:
    """Name the database tables you own, as ``plugin.table``, with their schema versions.

    ``plugin`` is the name of the entry point, with underscores for hyphens.
    *Collects*, when the database is opened. Missing tables are created, tables of an older
    version are migrated with the functions that their `Table` names, and a database that
    holds a newer version is refused.
    """


@hookspec
def debrepo_databases() -> Mapping[str, Ref]:
    """Name the stores for the database you bring, by the scheme of ``database.url``.

    *Collects*, when a database is opened that such a setting names. Each refers to a subclass
    of `debrepo.database.store.SharedStore`; its settings are those below ``database``.
    """


@hookspec
def debrepo_storages() -> Mapping[str, Ref]:
    """Name the publish storages you bring, by scheme: ``{"s3": Ref(…)}``.

    *Collects*, when a storage is opened. Each refers to a subclass of
    `debrepo.storage.Storage`; its endpoints are configured as ``storage.SCHEME.NAME``.
    """


@hookspec
def debrepo_transports() -> Mapping[str, Ref]:
    """Name the transports you bring, by the scheme of URLs: ``{"https": Ref(…)}``.

    *Collects*, when something is to be fetched. Each refers to a subclass of
    `debrepo.transport.Transport`; one class may serve several schemes.
    """


@hookspec
def debrepo_signers() -> Mapping[str, Ref]:
    """Name the OpenPGP back ends you bring, by the value of ``signing.signer``.

    *Collects*, when something is to be signed. Each refers to a subclass of
    `debrepo.signing.Signer`; its settings are those below ``signing.NAME``.
    """


# Package lists: what repositories, mirrors and snapshots have in common.


@hookspec(firstresult=True)
def debrepo_package_list(txn: Transaction, kind: str, name: str) -> PackageList | None:
    """Return the package list called ``name``, if you keep lists of this ``kind``.

    *Asks*, in a transaction of the caller's. This is how ``publish`` reads a snapshot
    without importing the snapshot plugin. Return ``None`` when the kind is not yours;
    raise `NotFound` when the name does not exist.
    """


@hookspec
def debrepo_package_lists(txn: Transaction) -> Iterable[PackageList]:
    """Return every package list you keep.

    *Collects*, in a read transaction, for references and for the graph.
    """


@hookspec(firstresult=True)
def debrepo_add_files(
    session: Session,
    kind: str,
    files: Mapping[str, Sequence[Path]],
    arrival: Arrival,
    also: Callable[[Transaction], None],
) -> int | None:
    """Add package files to the lists of this ``kind`` that they are given for, or none at all.

    *Asks*, outside of any transaction; all lists change in one, in which ``also`` changes more.
    Return how many packages are new there, and ``None`` when the kind is not yours; raise if a
    file cannot be added. ``arrival`` says which keys signed. Check permissions before you call.
    """


@hookspec(firstresult=True)
def debrepo_remove_packages(
    session: Session, txn: Transaction, kind: str, packages: Mapping[str, Collection[Entry]]
) -> int | None:
    """Remove packages from the lists of this ``kind`` that they are given for.

    *Asks*, in a write transaction of yours, in which you can change more. Return how many
    packages have left a list, and ``None`` when the kind is not yours; those that are not there
    do not count. Check permissions before you call this.
    """


@hookspec(firstresult=True)
def debrepo_import_list(
    session: Session, txn: Transaction, target: PackageList, properties: Mapping[str, Any]
) -> bool | None:
    """Store a package list as another tool has kept it, new or in the place of the one here.

    *Asks*, in a write transaction of yours: the packages are stored, and so is their set.
    ``properties`` are fields of your record; ignore those that you do not have. Return whether
    anything has changed, and ``None`` when the kind is not yours.
    """


@hookspec(firstresult=True)
def debrepo_import_publication(
    session: Session,
    txn: Transaction,
    place: str,
    distribution: str,
    sources: Mapping[str, str],
    options: Mapping[str, Any],
) -> bool | None:
    """Store how another tool publishes package lists; the next ``publish update`` makes it live.

    *Asks*, in a write transaction of yours. ``place`` is ``[[STORAGE:]PREFIX]``, ``sources`` maps
    components to lists as ``kind:name``, and ``options`` are those of ``publish``. Return whether
    anything has changed: what has been published here stays as it is.
    """


@hookspec
def debrepo_served_lists(txn: Transaction) -> Iterable[PackageList]:
    """Return what clients are served at this moment: a list for each component of it.

    *Collects*, in a read transaction, for references to a package.
    """


@hookspec
def debrepo_live_sets(txn: Transaction) -> Iterable[SetId]:
    """Return the package sets you refer to outside of a package list.

    *Collects*, in a transaction, when garbage is collected: what is in no live set and on
    no package list goes.
    """


@hookspec
def debrepo_live_files(txn: Transaction) -> Iterable[str]:
    """Return the SHA256 of pool files you refer to that are part of no package.

    *Collects*, in a read transaction, when garbage is collected. Record such a file with
    `catalog.keep` in the same transaction, so that a cleanup that is at work spares it.
    """


@hookspec
def debrepo_links(txn: Transaction) -> Iterable[Link]:
    """Return what was made from what, as far as you know.

    *Collects*, in a transaction, when something is dropped and when a graph is drawn.
    """


@hookspec
def debrepo_nodes(txn: Transaction) -> Iterable[Node]:
    """Return what a graph can say of your package lists, and of what you serve from others.

    *Collects*, in a read transaction, when a graph is drawn. Of a package list without a
    node, and of a name that only a link mentions, the graph shows what it can tell.
    """


@hookspec
def debrepo_renamed(session: Session, txn: Transaction, kind: str, old: str, new: str) -> None:
    """Follow something to its new name wherever you refer to it, or store something of it.

    *Tells*, in the write transaction that renames it. The kinds are those of `debrepo_created`.
    """


@hookspec
def debrepo_created(session: Session, txn: Transaction, kind: str, name: str) -> None:
    """Take note that there is something new: a package list, a ``publication``, and others.

    *Tells*, in the write transaction that stores it. Raising here undoes the transaction.
    The name of a publication is ``storage:prefix/distribution``. GitLab's API has the kinds
    ``project`` and ``project-group``, under their paths, and ``distribution``, under
    ``project:PATH/CODENAME`` or ``group:PATH/CODENAME``.
    """


@hookspec
def debrepo_dropped(session: Session, txn: Transaction, kind: str, name: str) -> None:
    """Remove what you store of something that is being dropped, by its kind and name.

    *Tells*, in the write transaction that removes it. What is left would belong to the next
    one of the same name. The kinds are those of `debrepo_created`.
    """


# Publishing.


@hookspec
def debrepo_release_fields(
    session: Session, publication: str, after: PublicationState, fields: Mapping[str, str]
) -> Mapping[str, str]:
    """Add fields to a Release file, or replace some: ``{"Changelogs": "https://…"}``.

    *Collects*, before it is signed, outside of any transaction. ``publication`` is
    ``storage:prefix/distribution``, ``after`` the state to be signed. An empty value takes a
    field out. Two plugins that give one field are an error; what the setting
    ``publish.release_fields`` gives can be replaced.
    """


@hookspec
def debrepo_before_commit(
    session: Session,
    publication: str,
    before: PublicationState | None,
    after: PublicationState,
    release: bytes,
    force: bool,
) -> None:
    """Raise a `DebrepoError` to stop a publish before clients can see any of it.

    *Tells*, when everything is staged and signed, outside of any transaction. ``before`` is
    what clients see until then: nothing at a first publish. ``force`` says that the user
    insists, with ``--force``, or goes back to an older generation.
    """


@hookspec
def debrepo_published(
    session: Session,
    publication: str,
    generation: int,
    before: PublicationState | None,
    after: PublicationState | None,
    paths: frozenset[str],
) -> None:
    """Take note that clients see something else: after a publish, a repair or a drop.

    *Tells*, when it is done: raising here is a warning, and undoes nothing. ``before`` is
    empty at a first publish; after a drop ``after`` is, and ``generation`` is 0. ``paths``
    are those whose content has changed for clients, relative to the storage.
    """


@hookspec
def debrepo_signatures(txn: Transaction) -> Mapping[str, Sequence[MadeSignature]]:
    """Return the signatures that clients see at this moment, by ``kind:name`` of what is signed.

    *Collects*, in a read transaction, when a key is checked or prolonged.
    """


@hookspec
def debrepo_key_rotations(txn: Transaction) -> Sequence[KeyRotation]:
    """Return which signing keys take the place of others, oldest first.

    *Collects*, in a read transaction, when it is decided which keys sign, and which ones clients
    are told to trust.
    """


@hookspec
def debrepo_sign_again(session: Session, names: frozenset[str]) -> Mapping[str, str]:
    """Sign again those of ``names`` that are yours, as `debrepo_signatures` spells them.

    *Collects*, outside of any transaction, after a key was prolonged or replaced. What is signed
    holds the same packages as before. Return each of yours with the reason why it could not be
    signed, which is empty for those that are.
    """


@hookspec
def debrepo_command_ended(session: Session) -> None:
    """Do what remains to be done at the end of a command.

    *Tells*, once a command that used the database has ended, well or not, outside of any
    transaction: raising here is a warning.
    """

"""What can be done with snapshots."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo import clock, lists, packageset
from debrepo.catalog import CHUNKS
from debrepo.dependencies import Dependencies
from debrepo.errors import InvalidInput
from debrepo.package import PackageKey
from debrepo.packageset import EMPTY
from debrepo.values import NamedTuple
from debrepo_snapshot import snapshots
from debrepo_snapshot.snapshots import SNAPSHOTS, Snapshot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from debrepo.database import Transaction
    from debrepo.package import PackageList
    from debrepo.selection import Found, Missing
    from debrepo.session import Session
    from debrepo_snapshot.differences import PackageDiff
    from debrepo_snapshot.drafts import CreatedSnapshot, Draft
    from debrepo_snapshot.merging import Policy
    from debrepo_snapshot.pruning import SnapshotPlan


class ShownSnapshot(NamedTuple):
    """A snapshot, with how many packages it holds, and which, if asked for."""

    snapshot: Snapshot
    size: int
    packages: tuple[PackageKey, ...] = ()


def create(
    session: Session, name: str, *, kind: str = "", source: str = "", description: str = ""
) -> Snapshot:
    """Create a snapshot of the list ``source`` of a ``kind``; an empty one without a kind."""
    lists.check_name(name)
    created = snapshots.now()
    with session.db.write() as txn:
        if not kind:
            said = description or "Created as empty"
            snapshot = Snapshot(name, EMPTY, created, said)
        else:
            made_from = lists.get(session.hook, txn, kind, source)
            origin = f": {made_from.origin}" if made_from.origin else ""
            snapshot = Snapshot(
                name,
                made_from.set_id,
                created,
                description or f"Snapshot from {kind} [{source}]{origin}",
                (str(made_from),),
                made_from.component,
                made_from.distribution,
                made_from.release,
            )
        snapshots.create(txn, snapshot)
        session.hook.debrepo_created(session=session, txn=txn, kind="snapshot", name=name)
    return snapshot


def list_(session: Session, *, sort: str = "name") -> list[ShownSnapshot]:
    """Return all snapshots, sorted by ``name``, ``time`` of creation, or ``size``."""
    with session.db.read() as txn:
        found = [
            ShownSnapshot(snapshot, packageset.count(txn[CHUNKS], snapshot.set_id))
            for snapshot in txn[SNAPSHOTS].values()
        ]
    if sort == "size":
        return sorted(found, key=lambda shown: -shown.size)
    return sorted(found, key=lambda s: s.snapshot.created) if sort == "time" else found


def show(session: Session, name: str, *, with_packages: bool = False) -> ShownSnapshot:
    """Return one snapshot."""
    with session.db.read() as txn:
        snapshot = snapshots.get(txn, name)
        members = packageset.entries(txn[CHUNKS], snapshot.set_id) if with_packages else ()
        return ShownSnapshot(
            snapshot,
            packageset.count(txn[CHUNKS], snapshot.set_id),
            tuple(map(PackageKey.from_entry, members)),
        )


def edit(
    session: Session,
    name: str,
    *,
    description: str | None = None,
    protected: bool | None = None,
) -> Snapshot:
    """Edit what is said of a snapshot; ``None`` leaves it. One that is protected is not dropped."""
    with session.db.write() as txn:
        changed = snapshots.get(txn, name)
        if description is not None:
            changed = changed._replace(description=description)
        if protected is not None:
            changed = changed._replace(protected=protected)
        snapshots.put(txn, changed)
    return changed


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
    """Return the packages of a snapshot that match any of the queries; all without one."""
    from debrepo import selection  # which `snapshot list` can do without

    with session.db.read() as txn:
        return selection.search(
            session,
            txn,
            snapshots.get(txn, name).set_id,
            queries,
            dependencies=dependencies,
            architectures=architectures,
            latest=latest,
            details=details,
        )


def diff(
    session: Session, left: str, right: str, *, only_matching: bool = False
) -> list[PackageDiff]:
    """Return the differences between two snapshots, or other lists given as ``kind:name``."""
    from debrepo_snapshot.differences import compare

    with session.db.read() as txn:
        found = [_list(session, txn, name) for name in (left, right)]
        return compare(txn, *found, only_matching=only_matching)


def merge(
    session: Session, name: str, sources: Sequence[str], *, policy: Policy = "rightmost"
) -> CreatedSnapshot:
    """Create a snapshot by merging others; ``policy`` decides which versions win."""
    from debrepo_snapshot import drafts, merging

    lists.check_name(name)
    if not sources:
        raise InvalidInput("nothing to merge", hint="name the snapshots to merge")
    if policy not in merging.POLICIES:
        raise InvalidInput(
            f"cannot merge by {policy!r:.80}", hint=f"use one of: {', '.join(merging.POLICIES)}"
        )

    def plan(txn: Transaction) -> Draft:
        found = [_list(session, txn, source) for source in sources]
        store = drafts.staging(txn)
        set_id = merging.merge(store, [source.set_id for source in found], policy)
        said = ", ".join(f"'{source.name}'" for source in found)
        return drafts.draft(name, set_id, store, found, f"Merged from sources: {said}")

    return drafts.make(session, plan)


def assemble(
    session: Session,
    name: str,
    keys: Sequence[str] = (),
    *,
    sources: Sequence[str] = (),
    description: str = "",
) -> CreatedSnapshot:
    """Create a snapshot from package keys, and record its sources.

    Without keys it is the merge of its sources, which are snapshots, or ``kind:name``.
    """
    from debrepo_snapshot import assembling, drafts

    lists.check_name(name)

    def plan(txn: Transaction) -> Draft:
        found = [_list(session, txn, source) for source in sources]
        return assembling.assemble(txn, name, keys, found, description)

    return drafts.make(session, plan)


def filter_(
    session: Session,
    source: str,
    name: str,
    queries: Sequence[str],
    *,
    dependencies: Dependencies | None = None,
    architectures: Sequence[str] = (),
) -> CreatedSnapshot:
    """Create a snapshot of the packages of another that match any of the queries.

    With ``architectures``, only packages of these and of ``all`` are chosen.
    """
    from debrepo import selection
    from debrepo_snapshot import drafts

    lists.check_name(name)

    def plan(txn: Transaction) -> Draft:
        found = _list(session, txn, source)
        wanted = selection.parse(session.config, queries)
        only = selection.considered(architectures)
        chosen = selection.Selection(tuple(selection.members(txn, found.set_id, wanted, only)))
        sets = (found.set_id,)
        if dependencies is not None:
            rules = selection.following(session.config, txn, sets, dependencies)
            chosen = selection.with_dependencies(txn, chosen.chosen, rules, offered=sets)
        store = drafts.staging(txn)
        set_id = packageset.build(store, chosen.entries)
        said = f"Filtered '{found.name}', query was: '{' '.join(queries)}'"
        drafted = drafts.draft(name, set_id, store, (found,), said)
        return drafted._replace(made=drafted.made._replace(missing=chosen.missing()))

    return drafts.make(session, plan)


def pull(
    session: Session,
    base: str,
    source: str,
    name: str,
    queries: Sequence[str],
    *,
    dependencies: Dependencies | None = Dependencies(),  # noqa: B008  # it is frozen
    architectures: Sequence[str] = (),
    remove: bool = True,
    all_matches: bool = False,
    dry_run: bool = False,
    description: str = "",
) -> CreatedSnapshot:
    """Create a snapshot of ``base`` with the packages of ``source`` that match the queries.

    What those packages depend on comes along, unless ``dependencies`` is ``None``. Packages
    of ``architectures`` and of ``all`` are chosen, by default of those that ``base`` has.
    """
    from debrepo_snapshot import drafts, pulls

    lists.check_name(name)

    def plan(txn: Transaction) -> Draft:
        return pulls.pull(
            session,
            txn,
            lists.parse(base, "snapshot"),
            lists.parse(source, "snapshot"),
            name,
            queries,
            dependencies=dependencies,
            architectures=architectures,
            remove=remove,
            all_matches=all_matches,
            description=description,
        )

    return drafts.make(session, plan, dry_run=dry_run)


def verify(
    session: Session,
    name: str,
    sources: Sequence[str] = (),
    *,
    dependencies: Dependencies = Dependencies(),  # noqa: B008  # it is frozen
) -> tuple[Missing, ...]:
    """Return the dependencies of a snapshot that neither it nor the sources satisfy."""
    from debrepo import resolver, selection

    with session.db.read() as txn:
        found = [_list(session, txn, one) for one in (name, *sources)]
        sets = [one.set_id for one in found]
        rules = selection.following(session.config, txn, sets, dependencies)
        roots = packageset.entries(txn[CHUNKS], sets[0])
        return selection.missing(
            resolver.verify(selection.universe(txn, offered=sets), roots, rules)
        )


def _list(session: Session, txn: Transaction, text: str) -> PackageList:
    return lists.get(session.hook, txn, *lists.parse(text, "snapshot"))


def rename(session: Session, name: str, new_name: str) -> None:
    """Rename a snapshot, also where something refers to it."""
    lists.check_name(new_name)
    with session.db.write() as txn:
        snapshots.rename(txn, name, new_name)
        session.hook.debrepo_renamed(
            session=session, txn=txn, kind="snapshot", old=name, new=new_name
        )


def drop(session: Session, name: str, *, force: bool = False) -> None:
    """Drop a snapshot, unless it is published or something was created from it."""
    with session.db.write() as txn:
        snapshot = snapshots.get(txn, name)
        snapshots.check_unprotected(snapshot)
        lists.check_unused(session.hook, txn, snapshot.package_list(), force=force)
        _drop(session, txn, name)


def prune(
    session: Session,
    name: str = "*",
    *,
    older_than: str = "",
    keep: int = 0,
    daily: int = 0,
    weekly: int = 0,
    monthly: int = 0,
    yearly: int = 0,
    dry_run: bool = False,
) -> SnapshotPlan:
    """Drop the snapshots that no rule keeps, of those whose names match the pattern ``name``.

    Those of one list are counted together, and the newest one stays. What is published, protected,
    or what a snapshot that stays was made from, stays too.
    """
    from debrepo_snapshot import pruning

    given = pruning.rules(
        older_than, keep=keep, daily=daily, weekly=weekly, monthly=monthly, yearly=yearly
    )

    def planned(txn: Transaction) -> SnapshotPlan:
        links = (link for batch in session.hook.debrepo_links(txn=txn) for link in batch)
        return pruning.plan(txn, links, given, name, clock.now())

    if dry_run:
        with session.db.read() as txn:
            return planned(txn)

    def change(txn: Transaction) -> SnapshotPlan:
        made = planned(txn)
        for snapshot in made.dropped:
            _drop(session, txn, snapshot.name)
        return made

    return session.db.update(change)


def _drop(session: Session, txn: Transaction, name: str) -> None:
    snapshots.drop(txn, name)
    session.hook.debrepo_dropped(session=session, txn=txn, kind="snapshot", name=name)

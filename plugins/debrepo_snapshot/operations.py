"""What can be done with snapshots."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from debrepo import lists, packageset
from debrepo.catalog import CHUNKS
from debrepo.package import PackageKey
from debrepo.packageset import EMPTY
from debrepo_snapshot import snapshots
from debrepo_snapshot.snapshots import SNAPSHOTS, Snapshot

if TYPE_CHECKING:
    from debrepo.session import Session


class Shown(NamedTuple):
    """A snapshot, with how many packages it holds, and which, if asked for."""

    snapshot: Snapshot
    size: int
    packages: tuple[PackageKey, ...] = ()


def create(
    session: Session, name: str, *, kind: str = "", source: str = "", description: str = ""
) -> Snapshot:
    """Create a snapshot of the list ``source`` of a ``kind``; of nothing without a kind."""
    lists.check_name(name)
    created = datetime.now(UTC).isoformat(timespec="seconds")
    with session.db.write() as txn:
        if not kind:
            said = description or "Created as empty"
            snapshot = Snapshot(name, EMPTY, created, said)
        else:
            made_from = lists.get(session.hook, txn, kind, source)
            snapshot = Snapshot(
                name,
                made_from.set_id,
                created,
                description or f"Snapshot from {kind} [{source}]",
                (str(made_from),),
                made_from.component,
                made_from.distribution,
            )
        snapshots.create(txn, snapshot)
    return snapshot


def list_(session: Session, *, sort: str = "name") -> list[Shown]:
    """Return all snapshots, sorted by ``name`` or by ``time`` of creation."""
    with session.db.read() as txn:
        found = [
            Shown(snapshot, packageset.count(txn[CHUNKS], snapshot.set_id))
            for snapshot in txn[SNAPSHOTS].values()
        ]
    return sorted(found, key=lambda s: s.snapshot.created) if sort == "time" else found


def show(session: Session, name: str, *, with_packages: bool = False) -> Shown:
    """Return one snapshot."""
    with session.db.read() as txn:
        snapshot = snapshots.get(txn, name)
        members = packageset.entries(txn[CHUNKS], snapshot.set_id) if with_packages else ()
        return Shown(
            snapshot,
            packageset.count(txn[CHUNKS], snapshot.set_id),
            tuple(map(PackageKey.from_entry, members)),
        )


def rename(session: Session, name: str, new_name: str) -> None:
    """Give a snapshot another name; whatever refers to it follows."""
    lists.check_name(new_name)
    with session.db.write() as txn:
        snapshots.rename(txn, name, new_name)
        session.hook.debrepo_renamed(txn=txn, kind="snapshot", old=name, new=new_name)


def drop(session: Session, name: str, *, force: bool = False) -> None:
    """Drop a snapshot, unless something was made from it or serves it."""
    with session.db.write() as txn:
        target = snapshots.get(txn, name).package_list()
        lists.check_unused(session.hook, txn, target, force=force)
        snapshots.drop(txn, name)

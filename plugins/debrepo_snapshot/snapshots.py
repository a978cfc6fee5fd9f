"""Snapshots: package lists that never change."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from debrepo.database import json_table
from debrepo.errors import AlreadyExists, InUse, NotFound
from debrepo.nearest import meant
from debrepo.package import Link, Node, PackageList, SetId
from debrepo.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from debrepo.database import Transaction
    from debrepo.session import Session


#: How the descriptions begin that debrepo gives to snapshots by itself.
_MADE = ("Created as ", "Filtered ", "Merged ", "Pulled ", "Snapshot from ")


class Snapshot(NamedTuple):
    """A package list as it was, and what it was made from."""

    name: str
    set_id: SetId
    created: str  #: ISO 8601, UTC
    description: str = ""
    sources: tuple[str, ...] = ()  #: package lists, as ``kind:name``
    component: str = ""
    distribution: str = ""
    release: tuple[tuple[str, str], ...] = ()  #: see `PackageList`
    protected: bool = False  #: whether it is not to be dropped

    def package_list(self) -> PackageList:
        """Return the packages as the rest of debrepo sees them."""
        return PackageList(
            "snapshot", self.name, self.set_id, self.component, self.distribution, self.release
        )


def _load(fields: dict[str, Any]) -> Snapshot:
    set_id, sources = SetId(bytes.fromhex(fields["set_id"])), tuple(fields["sources"])
    release = tuple((name, value) for name, value in fields.get("release", ()))
    return Snapshot(**{**fields, "set_id": set_id, "sources": sources, "release": release})


def _dump(snapshot: Snapshot) -> dict[str, Any]:
    return {**snapshot._asdict(), "set_id": snapshot.set_id.hex()}


SNAPSHOTS = json_table(
    "snapshot.snapshots",
    load=_load,
    dump=_dump,
    record=Snapshot,
    noted=lambda snapshot: (f"snapshot:{snapshot.name}", snapshot.set_id.hex()),
)


def now() -> str:
    """Return the time as snapshots keep it."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def create(txn: Transaction, snapshot: Snapshot) -> None:
    """Store a new snapshot; raise `AlreadyExists` where the name is taken."""
    if snapshot.name in txn[SNAPSHOTS]:
        raise AlreadyExists(f"snapshot {snapshot.name} exists already")
    txn[SNAPSHOTS][snapshot.name] = snapshot


def get(txn: Transaction, name: str) -> Snapshot:
    """Return the snapshot called ``name``."""
    try:
        return txn[SNAPSHOTS][name]
    except KeyError:
        hint = meant(name, txn[SNAPSHOTS], 'run "debrepo snapshot list"')
        raise NotFound(f"no snapshot called {name}", hint=hint) from None


def rename(txn: Transaction, name: str, new_name: str) -> None:
    """Store a snapshot under another name."""
    snapshot = get(txn, name)
    create(txn, snapshot._replace(name=new_name))
    del txn[SNAPSHOTS][name]


def put(txn: Transaction, snapshot: Snapshot) -> None:
    """Store what is said of a snapshot; what is in it never changes."""
    txn[SNAPSHOTS][snapshot.name] = snapshot


def check_unprotected(snapshot: Snapshot) -> None:
    """Raise `InUse` for a snapshot that is not to be dropped."""
    if snapshot.protected:
        raise InUse(
            f"snapshot {snapshot.name} is protected",
            hint=f'run "debrepo snapshot edit {snapshot.name} --no-protected"',
        )


def drop(txn: Transaction, name: str) -> None:
    """Drop a snapshot."""
    del txn[SNAPSHOTS][name]


#: What other tools may know of a snapshot besides its packages.
_PROPERTIES = frozenset(["created", "description", "sources"])


def import_list(
    session: Session, txn: Transaction, target: PackageList, properties: Mapping[str, Any]
) -> bool:
    """Store a snapshot as another tool has kept it; return whether anything has changed."""
    old = txn[SNAPSHOTS].get(target.name)
    if old is not None and old.set_id != target.set_id:
        raise AlreadyExists(f"snapshot {target.name} exists already, with other packages")
    given = {name: value for name, value in properties.items() if name in _PROPERTIES}
    snapshot = (old or Snapshot(target.name, target.set_id, now()))._replace(
        component=target.component,
        distribution=target.distribution,
        release=target.release,
        **given,
    )
    if snapshot != old:
        put(txn, snapshot)
    if old is None:
        session.hook.debrepo_created(session=session, txn=txn, kind="snapshot", name=target.name)
    return snapshot != old


def links(txn: Transaction) -> list[Link]:
    """Return which snapshot was made from what."""
    return [
        Link(source, f"snapshot:{snapshot.name}")
        for snapshot in txn[SNAPSHOTS].values()
        for source in snapshot.sources
    ]


def nodes(txn: Transaction) -> list[Node]:
    """Return what a graph says of snapshots; how they were made its lines say already."""
    found = []
    for snapshot in txn[SNAPSHOTS].values():
        said = "" if snapshot.description.startswith(_MADE) else snapshot.description
        remarks = (said,) if said else ()
        name = str(snapshot.package_list())
        found.append(Node(name, (snapshot.set_id,), snapshot.created, remarks))
    return found


def follow(txn: Transaction, old: str, new: str) -> None:
    """Let the snapshots that were made from ``old`` name it ``new``."""
    for snapshot in list(txn[SNAPSHOTS].values()):
        if old in snapshot.sources:
            sources = tuple(new if source == old else source for source in snapshot.sources)
            txn[SNAPSHOTS][snapshot.name] = snapshot._replace(sources=sources)

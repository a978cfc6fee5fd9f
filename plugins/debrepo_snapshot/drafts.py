"""Drafts: snapshots that are put together outside of a write transaction, and then saved."""

from __future__ import annotations

from collections import ChainMap
from typing import TYPE_CHECKING

from debrepo import lists, packageset
from debrepo.catalog import CHUNKS
from debrepo.errors import AlreadyExists, Conflict
from debrepo.values import NamedTuple
from debrepo_snapshot import snapshots
from debrepo_snapshot.snapshots import SNAPSHOTS, Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from debrepo.database import Transaction
    from debrepo.package import PackageKey, PackageList, SetId
    from debrepo.selection import Found, Missing
    from debrepo.session import Session

_ATTEMPTS = 10  # when the lists that it is made from change all the time


class CreatedSnapshot(NamedTuple):
    """A snapshot that was made, or would be, and in what it differs from what it started as."""

    snapshot: Snapshot
    size: int  #: in packages
    added: tuple[Found, ...] = ()
    removed: tuple[PackageKey, ...] = ()
    missing: tuple[Missing, ...] = ()


class Draft(NamedTuple):
    """What is to be saved, the lists that it rests on, and the chunks that are new."""

    made: CreatedSnapshot
    sources: Sequence[PackageList]
    chunks: Mapping[bytes, bytes]


class Staging(ChainMap[bytes, bytes]):
    """A store on which sets can be made without writing: new chunks are in its first map."""

    def __init__(self, txn: Transaction) -> None:
        chunks = txn[CHUNKS]
        super().__init__({}, chunks)
        self.preload = chunks.preload

    def put_new(self, digest: bytes, chunk: bytes) -> None:
        """Note a chunk, which may be there already: saving it tells."""
        self.maps[0][digest] = chunk


def staging(txn: Transaction) -> Staging:
    """Return a store on which sets can be made without writing."""
    return Staging(txn)


def draft(
    name: str,
    set_id: SetId,
    store: ChainMap[bytes, bytes],
    sources: Sequence[PackageList],
    description: str,
) -> Draft:
    """Return the draft of a snapshot; where its sources agree on a distribution, it is theirs."""
    components = {source.component for source in sources}
    distributions = {source.distribution for source in sources}
    snapshot = Snapshot(
        name,
        set_id,
        snapshots.now(),
        description,
        tuple(dict.fromkeys(map(str, sources))),
        components.pop() if len(components) == 1 else "",
        distributions.pop() if len(distributions) == 1 else "",
        lists.agreed(sources),
    )
    return Draft(CreatedSnapshot(snapshot, packageset.count(store, set_id)), sources, store.maps[0])


def make(
    session: Session, plan: Callable[[Transaction], Draft], *, dry_run: bool = False
) -> CreatedSnapshot:
    """Save what ``plan`` drafts; it is asked again when what it rests on has changed."""
    for _ in range(_ATTEMPTS):
        with session.db.read() as txn:
            drafted = plan(txn)
            check_free(txn, drafted.made.snapshot.name)
        if dry_run or session.db.update(lambda txn: _save(session, txn, drafted)):  # noqa: B023
            return drafted.made
    raise Conflict(
        f"the lists that {drafted.made.snapshot.name} is made from keep changing",
        hint="try again later, or create it from snapshots",
    )


def check_free(txn: Transaction, name: str) -> None:
    """Raise `AlreadyExists` where there is a snapshot of this name."""
    if name in txn[SNAPSHOTS]:
        raise AlreadyExists(f"snapshot {name} exists already")


def _save(session: Session, txn: Transaction, drafted: Draft) -> bool:
    for source in drafted.sources:
        if lists.get(session.hook, txn, source.kind, source.name).set_id != source.set_id:
            return False
    store = txn[CHUNKS]
    for digest, chunk in drafted.chunks.items():
        store.put_new(digest, chunk)
    snapshot = drafted.made.snapshot
    if not packageset.is_whole(store, snapshot.set_id, [one.set_id for one in drafted.sources]):
        return False  # a cleanup took a chunk that nothing was using
    snapshots.create(txn, snapshot)
    session.hook.debrepo_created(session=session, txn=txn, kind="snapshot", name=snapshot.name)
    return True

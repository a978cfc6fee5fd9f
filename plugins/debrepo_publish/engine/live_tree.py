"""The live tree: whether a storage still has what the database says is live.

It may not after one of the two was restored from a backup. One small read tells: that of the file
which clients start from, or of its version where the storage has versions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from debrepo import clock
from debrepo.errors import Conflict
from debrepo.storage import somebody_elses
from debrepo.values import NamedTuple
from debrepo_publish.engine import commits, displaced, ledger
from debrepo_publish.indexes import release
from debrepo_publish.model import publications
from debrepo_publish.model.publication import commit_path, generation_key
from debrepo_publish.model.tables import COMMITS

if TYPE_CHECKING:
    from debrepo.session import Session
    from debrepo.storage import Storage
    from debrepo_publish.model.publication import Publication

_BATCH = 4096


class LiveTree(NamedTuple):
    """What is at the place of the live generation, and when it and that were dated."""

    path: str
    state: Literal["sound", "gone", "older", "other"]
    there: int = 0  #: seconds since the epoch
    recorded: int = 0

    @property
    def is_lost(self) -> bool:
        """Whether all of it has to be published again: nobody else has published here."""
        return self.state in ("gone", "older")

    @property
    def lack(self) -> str:
        """What is wrong with a tree that is lost."""
        return f"{self.path} is {'gone' if self.state == 'gone' else 'of an older generation'}"

    def note(self, publication: Publication) -> str:
        """Return what to tell the user before it is published again."""
        return f"Warning: {self.lack}; {publication} is published again as a whole."

    def conflict(self, publication: Publication) -> Conflict:
        """Return what to raise where another publisher, or a later database, was here."""
        if self.there <= self.recorded:
            return somebody_elses(self.path)
        there, recorded = (clock.moment(at).isoformat() for at in (self.there, self.recorded))
        return Conflict(
            f"{self.path} is of {there}, and newer than what this debrepo knows ({recorded})",
            hint="another debrepo publishes to this place, or an older backup was restored here;"
            " add what is missing, then run"
            f' "debrepo publish update {publication.words} --force"',
        )


def look(session: Session, storage: Storage, publication: Publication) -> LiveTree:
    """Return what is in a storage in the place of the live generation."""
    with session.db.read() as txn:
        live = publications.live(txn, publication.key)
        rows = txn[COMMITS].prefix(f"{publication.key}\0".encode())
        ours = dict(rows)
    name = generation_key(publication.key, live.number).encode() if live else b""
    if live is None or name not in ours:
        return LiveTree("", "sound")
    last = commit_path(live.publication)
    path = publication.path(last)
    if version := live.versions.get(last):
        found = storage.stat(path)
        if found is not None and found.version == version:
            return LiveTree(path, "sound")
    there = commits.current(storage, path)
    if there == ours[name]:
        return LiveTree(path, "sound")
    if there is None:
        return LiveTree(path, "gone")
    state: Literal["older", "other"] = "older" if there in ours.values() else "other"
    return LiveTree(path, state, release.dated(there), release.dated(ours[name]))


def drop_lost(session: Session, storage: Storage, publication: Publication) -> int:
    """Remove superseded files that are gone from the ledger; return how many there were."""
    place, start = publication.place, len(publication.path(""))
    with session.db.read() as txn:
        superseded = [path for path, held in ledger.files(txn, place) if not held.references]
    found = storage.stat_all(map(publication.path, superseded))
    gone = sorted(path[start:] for path, stat in found if stat is None)
    for first in range(0, len(gone), _BATCH):
        with session.db.write() as txn:
            batch = gone[first : first + _BATCH]
            rows = ((path, ledger.get(txn, place, path)) for path in batch)
            still = [path for path, held in rows if held and not held.references]
            ledger.remove(txn, place, still)
            displaced.remove(txn, place, still)
    return len(gone)

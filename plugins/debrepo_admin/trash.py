"""The trash: packages that a cleanup has taken out of the database, until their time is over.

Their files stay where they are, in the pool or in the storage that it was moved to: a record here
keeps them, so nothing is moved or copied, and a package that is added again needs no upload.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from debrepo import catalog, clock, lists, query, remote_files, selection
from debrepo.catalog import PACKAGES, Known
from debrepo.database import Table, bytes_table
from debrepo.errors import DebrepoError, InvalidInput, NotFound
from debrepo.package import Entry, PackageKey, decode, digests

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from debrepo.background import Load
    from debrepo.config import Config
    from debrepo.database import Transaction
    from debrepo.query import Query
    from debrepo.session import Session

_TIME = 8  # bytes
_BEHIND = 86400  # seconds that a clock may be set back without a warning
_BATCH = 500


class Trashed(NamedTuple):
    """The record of a package in the trash, as the catalog had it."""

    since: int  #: in seconds since the epoch
    record: bytes


class TrashedPackage(NamedTuple):
    """A package in the trash."""

    key: PackageKey
    since: int  #: in seconds since the epoch
    until: int  #: when a cleanup deletes it
    size: int  #: of its files, in bytes


class Restored(NamedTuple):
    """What came back from the trash."""

    packages: list[PackageKey]
    lost: list[PackageKey]  #: their files are gone, so they stay in the trash


def _load(data: bytes) -> Trashed:
    if len(data) <= _TIME:
        raise ValueError("it is too short")
    return Trashed(int.from_bytes(data[:_TIME], "big"), bytes(data[_TIME:]))


def _dump(row: Trashed) -> bytes:
    return row.since.to_bytes(_TIME, "big") + row.record


#: `Entry` to what the catalog had of a package that nothing refers to.
TRASH = Table("admin.trash", _load, _dump, bytes, bytes)


#: `_LATEST` to the latest time that this database has seen: a clock that is behind it is wrong.
CLOCK = bytes_table("admin.clock")
_LATEST = b"latest"


def kept_for(config: Config) -> int:
    """Return how many seconds packages stay in the trash; 0 if there is none."""
    return config.seconds("cleanup.trash")


def latest(txn: Transaction) -> int:
    """Return the latest time that is known: now, or what the clock said before it was behind."""
    return max(clock.now(), int.from_bytes(txn[CLOCK].get(_LATEST, b""), "big"))


def note_time(session: Session) -> None:
    """Keep the time, if it is the latest, so that later a clock that is behind is noticed."""
    now = clock.now()
    with session.db.write() as txn:
        known = latest(txn)
        if known == now:
            txn[CLOCK][_LATEST] = now.to_bytes(_TIME, "big")
    if known - now > _BEHIND:
        session.progress.note(
            f"Warning: the clock says {clock.moment(now):%Y-%m-%d}, but it has been"
            f" {clock.moment(known):%Y-%m-%d} already; packages are kept in the trash from then on."
        )


def put(txn: Transaction, entry: Entry) -> None:
    """Put a package into the trash, whose record is about to leave the catalog."""
    record = txn[PACKAGES].get(entry)
    if record:
        txn[TRASH][entry] = Trashed(latest(txn), bytes(record))


def files(txn: Transaction, *, since: int | None = None) -> Iterator[str]:
    """Yield the SHA256 of the files of packages in the trash, or of those that came later."""
    for row in txn[TRASH].values():
        if since is None or row.since > since:
            yield from digests(row.record)


def expired(txn: Transaction, keep: int) -> list[Entry]:
    """Return the packages whose time is over, and those that the catalog has again."""
    over = clock.now() - keep
    return [
        Entry(entry)
        for entry, row in txn[TRASH].items()
        if row.since <= over or not keep or entry in txn[PACKAGES]
    ]


def empty(session: Session, keep: int) -> int:
    """Delete the records of packages whose time is over; return how many packages are gone."""
    with session.db.read() as txn:
        found = expired(txn, keep)
    count = 0
    for start in range(0, len(found), _BATCH):
        with session.db.write() as txn:
            over = clock.now() - keep
            for entry in found[start : start + _BATCH]:
                row = txn[TRASH].get(entry)
                back = entry in txn[PACKAGES]
                if row and (back or not keep or row.since <= over):
                    del txn[TRASH][entry]
                    count += not back
    return count


def listed(session: Session, queries: Sequence[str]) -> list[TrashedPackage]:
    """Return the packages in the trash that match any of the queries, or all."""
    wanted = selection.parse(session.config, queries)
    keep = kept_for(session.config)
    with session.db.read() as txn:
        return [
            TrashedPackage(
                package.key, row.since, row.since + keep, sum(file.size for file in package.files)
            )
            for entry, row in _matching(txn, wanted)
            for package in (decode(PackageKey.from_entry(entry), row.record),)
        ]


def _matching(
    txn: Transaction, wanted: Query | None, *, back: bool = False
) -> Iterator[tuple[Entry, Trashed]]:
    """Yield what matches; with ``back``, also what is in the database again."""
    for entry, row in txn[TRASH].items():
        if entry in txn[PACKAGES] and not back:  # it was added again
            continue
        key = PackageKey.from_entry(entry)
        candidate = query.Candidate(key, lambda key=key, row=row: decode(key, row.record))  # type: ignore[misc]
        if wanted is None or wanted.matches(candidate):
            yield Entry(entry), row


def restore(
    session: Session, queries: Sequence[str], *, everything: bool = False, repo: str | None = None
) -> Restored:
    """Put packages back into the catalog, and into a repository where one is named.

    Without that the next cleanup finds them again, and their time begins anew.
    """
    if everything == bool(queries):
        raise InvalidInput(
            "name either packages by queries or all of them", hint='run "debrepo db trash"'
        )
    wanted = selection.parse(session.config, queries)
    with session.db.read() as txn:
        if repo is not None:
            lists.get(session.hook, txn, "repo", repo)
        found = dict(_matching(txn, wanted, back=repo is not None))
        remote = remote_files.known(session.hook, txn)
    if not found:
        raise NotFound("nothing in the trash matches", hint='run "debrepo db trash"')
    lost = [entry for entry, row in found.items() if not _has_files(session, remote, row)]
    back = [entry for entry in found if entry not in set(lost)]
    back, gone = _put_back(session, back, keep=repo is not None)
    keys = [PackageKey.from_entry(entry) for entry in back]
    if repo is not None and keys:
        try:
            session.call("repo.add-keys", name=repo, keys=[str(key) for key in keys])
        finally:  # if the process is killed before, the same command does the rest
            _put_back(session, back)
    return Restored(keys, [PackageKey.from_entry(entry) for entry in [*lost, *gone]])


def _has_files(session: Session, remote: frozenset[str], row: Trashed) -> bool:
    return all(one in session.pool or one in remote for one in digests(row.record))


def _put_back(
    session: Session, entries: list[Entry], *, keep: bool = False
) -> tuple[list[Entry], list[Entry]]:
    """Put packages back, each with its files; return them, and those that were deleted meanwhile.

    With ``keep`` they stay in the trash too, where nobody sees them.

    A cleanup deletes the record from the trash before it condemns the files: where the record
    is, they are.
    """
    back: list[Entry] = []
    gone: list[Entry] = []

    def change(txn: Transaction) -> None:
        back.clear()
        gone.clear()
        for entry in entries:
            row = txn[TRASH].get(entry)
            if row is None:
                (back if entry in txn[PACKAGES] else gone).append(entry)
                continue
            if entry not in txn[PACKAGES]:
                catalog.add(txn, [Known(entry, row.record, b"")])
            if not keep:
                del txn[TRASH][entry]
            back.append(entry)

    session.db.update(change)
    return back, gone


def background(session: Session, load: Load) -> Callable[[], None]:
    """Return what a server does again and again: delete what has been in the trash long enough."""

    def work() -> None:
        note_time(session)
        with session.db.read() as txn:
            over = expired(txn, kept_for(session.config))
        if over and load.is_idle():
            from debrepo_admin import garbage

            try:
                garbage.empty_trash(session)
            except DebrepoError as error:
                session.progress.note(f"The trash was not emptied: {error}")

    return work


def totals(txn: Transaction) -> tuple[int, set[str]]:
    """Return how many packages are in the trash, and the SHA256 of their files."""
    return sum(entry not in txn[PACKAGES] for entry in txn[TRASH]), set(files(txn))

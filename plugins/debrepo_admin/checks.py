"""Checks: whether the records of the database and the files of the pool are intact."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from debrepo import packageset, remote_files, verdicts
from debrepo.catalog import CHUNKS, DEFECTS, PACKAGES, TABLES
from debrepo.errors import DatabaseError, DebrepoError
from debrepo.package import Entry, PackageKey, decode
from debrepo.refs import TableRef, declared

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from debrepo.database import Transaction
    from debrepo.package import PackageList
    from debrepo.session import Session

_MANY = 1000  # records to read before the pages that they stand on are unmapped


def problems(session: Session, *, files: bool, deep: bool = False) -> Iterator[str]:
    """Yield a line for everything that is missing or damaged; with ``deep``, also what is broken.

    For that, all packages are read deep that have not been, but for those with damaged files.
    """
    wanted: dict[str, str] = {}
    unreadable: set[str] = set()
    yield from session.db.remarks()
    with session.db.read() as txn:
        damaged = list(_records(session, txn))
        yield from damaged
        yield from _lists(session, txn)
        yield from _packages(txn, wanted)
        for found in _answers(session, "debrepo_check", txn):
            yield from _still(damaged, found)
        remote = frozenset[str]()
        with suppress(DatabaseError):  # a damaged record has been named
            remote = remote_files.known(session.hook, txn)
    tracked = session.progress.track("Checking files", sorted(wanted), total=len(wanted))
    for digest in tracked:
        if digest in remote and digest not in session.pool:
            continue  # it is fetched when it is needed
        wrong = session.pool.check(digest) if files else None
        if not files and digest not in session.pool:
            wrong = f"{digest} is missing from the pool"
        if wrong:
            unreadable.add(digest)
            yield f"{wanted[digest]}: {wrong}"
    if deep:
        yield from _broken(session, unreadable)


def _broken(session: Session, unreadable: set[str]) -> Iterator[str]:
    """Yield a line for each package that dpkg would not unpack, with the lists that it is on."""
    from debrepo.ingest import deep  # unpacking is slow to load

    with session.db.read() as txn:
        entries = list(_whole(txn, unreadable))
    deep.read(session, entries)
    with session.db.read() as txn:
        known = [Entry(entry) for entry in txn[DEFECTS]]
        defects = {entry: verdicts.known_defect(session.config, txn, entry) for entry in known}
        lists: dict[Entry, list[str]] = {entry: [] for entry in known}
        for one in _all_lists(session, txn):
            for package in verdicts.broken(session.config, txn, one.set_id):
                lists[package.entry].append(str(one))
    for entry, defect in defects.items():
        if defect is not None:  # by the limits of today
            where = ", ".join(dict.fromkeys(lists[entry])) or "no list"
            yield f"{defect.file} of {where} is broken: {defect.reason}"


def _whole(txn: Transaction, unreadable: set[str]) -> Iterator[Entry]:
    """Yield the packages whose records and files are in order."""
    for entry, record in txn[PACKAGES].items():
        with suppress(Exception):  # a damaged record has been named
            files = decode(PackageKey.from_entry(entry), record).files
            if unreadable.isdisjoint(file.sha256 for file in files):
                yield Entry(entry)


def _all_lists(session: Session, txn: Transaction) -> Iterator[PackageList]:
    """Yield the package lists, and what is served, as far as they are in order."""
    for hook in ("debrepo_package_lists", "debrepo_served_lists"):
        for batch in _answers(session, hook, txn):
            for one in _readable(batch):
                if packageset.is_whole(txn[CHUNKS], one.set_id):
                    yield one


def _records(session: Session, txn: Transaction) -> Iterator[str]:
    """Yield every record that is not what its table says, by table and key."""
    for ref in sorted(declared(session.hook.debrepo_tables, "table", TableRef, TABLES)):
        table = txn[ref.ref.load()]
        yield from table.faults()
        if len(table) > _MANY:
            txn.trim()


def _packages(txn: Transaction, files: dict[str, str]) -> Iterator[str]:
    """Yield what is wrong with packages; put into ``files`` what to call theirs, by digest."""
    for entry, record in txn[PACKAGES].items():
        try:
            key = PackageKey.from_entry(entry)
            found = decode(key, record).files
        except Exception as error:
            shown = entry.decode(errors="backslashreplace")
            yield f"the record {shown!r} of {PACKAGES.name} is damaged: {_reason(error)}"
            continue
        files |= {file.sha256: f"{key.display}: {file.name}" for file in found}


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, DebrepoError) else f"{type(error).__name__}: {error}"


def _answers(session: Session, hook: str, txn: Transaction) -> Iterator[Iterable[Any]]:
    """Yield what each plugin answers, so that what one cannot read keeps no other back."""
    plugins = [plugin for _, plugin in session.plugins.list_name_plugin() if plugin]
    for plugin in plugins:
        others = [other for other in plugins if other is not plugin]
        yield _asked(session.plugins.subset_hook_caller(hook, others), txn)


def _asked(ask: Callable[..., Any], txn: Transaction) -> Iterator[Any]:
    for batch in ask(txn=txn):
        yield from batch


def _still(known: list[str], lines: Iterable[str]) -> Iterator[str]:
    """Yield lines up to the record that ends them, which is named if it is not known yet."""
    try:
        yield from lines
    except DatabaseError as error:
        if str(error) not in known:
            yield str(error)


def _lists(session: Session, txn: Transaction) -> Iterator[str]:
    """Yield what is wrong with package lists: chunks or packages that are not there."""
    seen: set[bytes] = set()
    store = txn[CHUNKS]
    for batch in _answers(session, "debrepo_package_lists", txn):
        for found in _readable(batch):
            try:
                chunks = packageset.chunks(store, found.set_id)
            except KeyError:
                yield f"{found}: its package set {found.set_id.hex()} is missing"
                continue
            for chunk in chunks:
                if chunk.hash in seen:
                    continue
                seen.add(chunk.hash)
                if chunk.hash not in store:
                    yield f"{found}: chunk {chunk.hash.hex()} of its package set is missing"
                    continue
                try:
                    entries = list(packageset.entries_of(store, chunk.hash))
                except Exception as error:
                    yield f"{found}: chunk {chunk.hash.hex()} is damaged: {_reason(error)}"
                    continue
                for entry in entries:
                    if entry not in txn[PACKAGES]:
                        yield f"{found}: package {PackageKey.from_entry(entry)} is missing"


def _readable(batch: Iterable[PackageList]) -> Iterator[PackageList]:
    """Yield package lists up to the first whose record is damaged: it has been named."""
    with suppress(DatabaseError):
        yield from batch

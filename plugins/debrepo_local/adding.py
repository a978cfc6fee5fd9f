"""Adding package files to a repository: read outside, commit in short transactions."""

from __future__ import annotations

from contextlib import ExitStack
from itertools import chain, islice
from typing import TYPE_CHECKING

from debrepo import acceptance, catalog, packageset, remote_files
from debrepo.arrival import FILE
from debrepo.catalog import CHUNKS, CONTENTS, PACKAGES, Known
from debrepo.errors import (
    AlreadyExists,
    Conflict,
    DebrepoError,
    InvalidInput,
    InvalidPackage,
    VerificationFailed,
)
from debrepo.ingest import (
    Ingested,
    Rejected,
    configured_depth,
    configured_limits,
    find,
    ingest,
)
from debrepo.package import Entry, PackageKey, decode, digests
from debrepo.values import NamedTuple
from debrepo.verdicts import known_defect
from debrepo_local import joining, repos

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from debrepo.arrival import Arrival
    from debrepo.database import Transaction
    from debrepo.ingest.seen import SeenFiles
    from debrepo.session import Session

#: Packages committed at once: a batch is durable before the next one is read.
BATCH = 2048


class Outcome(NamedTuple):
    """What became of one file that was to be added."""

    source: Path
    package: str  #: ``name_version_architecture``; empty when it could not be read
    #: ``added``, ``replaced``, ``skipped`` (it is there already), ``repaired`` (likewise, but a
    #: file of it was lost), ``failed``; or ``empty``, of a directory with nothing to add in it
    status: str
    reason: str = ""
    hint: str = ""
    repo: str = ""  #: empty for an upload whose repository is not known


def add_files(
    session: Session,
    name: str,
    paths: Iterable[Path],
    *,
    force_replace: bool,
    remove_files: bool,
    whole: bool,
    deep: bool,
    trust_mtime: bool,
) -> Iterator[Outcome]:
    """Add files to the repository ``name``, yielding what became of each once it is durable.

    With ``whole``, none is added unless all can be, and only failures are yielded then. With
    ``deep``, the data of all of them is unpacked and checked now, whatever is configured. With
    ``trust_mtime``, files are not read that are as they were when they were added before.
    """
    workers = session.config["ingest.workers"] or None
    limits = configured_limits(session.config)
    when = "add" if deep else configured_depth(session.config)
    files: list[Path] = []
    for path in paths:
        found = list(find([path]))
        files += found
        if not found:
            yield Outcome(path, "", "empty", "no package files in this directory", repo=name)
    with session.pool.reserving() as pool, ExitStack() as stack:
        known: list[Ingested] = []
        seen: SeenFiles | None = None
        total = len(files)
        if trust_mtime:
            from debrepo.ingest.seen import SeenFiles  # a second database, which few need

            seen = stack.enter_context(SeenFiles(session))
            known, files = seen.divide(pool, files, deep=deep)
        results = chain(known, ingest(pool, files, workers=workers, limits=limits, deep=when))
        tracked = iter(session.progress.track("Adding packages", results, total=total))
        while batch := list(islice(tracked, None if whole else BATCH)):
            yield from _add_batch(
                session,
                name,
                batch,
                force_replace=force_replace,
                remove_files=remove_files,
                whole=whole,
            )
            if seen is not None:
                seen.remember(item for item in batch if isinstance(item, Ingested))


def _add_batch(
    session: Session,
    name: str,
    batch: list[Ingested | Rejected],
    *,
    force_replace: bool,
    remove_files: bool,
    whole: bool,
) -> Iterator[Outcome]:
    read = [item for item in batch if isinstance(item, Ingested)]
    if whole and len(read) < len(batch):
        batch, read = [item for item in batch if isinstance(item, Rejected)], []
    for added in read:
        if added.remark:
            session.progress.note(f"{added.source}: {added.remark}")
    session.pool.sync()
    outcomes: dict[Path, Outcome] = {}
    if read:
        outcomes = commit(session, name, read, force_replace=force_replace, whole=whole)
        batch = [item for item in batch if isinstance(item, Rejected) or item.source in outcomes]
    for item in batch:
        if isinstance(item, Rejected):
            yield Outcome(item.source, "", "failed", reason(item), item.error.hint, name)
            continue
        outcome = outcomes[item.source]
        if remove_files and outcome.status != "failed":
            for part in item.parts:
                part.unlink(missing_ok=True)
        yield outcome


def reason(item: Rejected) -> str:
    """Return why a file is not in, without its name, which is known."""
    return str(item.error).removeprefix(f"{item.source}: ")


def commit(
    session: Session,
    name: str,
    batch: list[Ingested],
    *,
    force_replace: bool,
    whole: bool = False,
    arrival: Arrival = FILE,
    also: Callable[[Transaction], None] | None = None,
    documents: Iterable[str] = (),
) -> dict[Path, Outcome]:
    """Add a batch in one transaction, against what the repository is by then.

    With ``whole``, nothing is added if anything fails, and only failures are returned then.
    ``also`` changes more in the transaction, unless anything has failed, and names ``documents``.
    """
    record = remote_files.keep(session, (*documents, *_digests(batch)))

    def change(txn: Transaction) -> dict[Path, Outcome]:
        record(txn)
        outcomes = _join(
            session,
            txn,
            name,
            batch,
            arrival,
            force_replace=force_replace,
            whole=whole,
        )
        if also is not None and all(one.status != "failed" for one in outcomes.values()):
            also(txn)
        return outcomes

    return session.db.update(change)


def _join(
    session: Session,
    txn: Transaction,
    name: str,
    batch: list[Ingested],
    arrival: Arrival,
    *,
    force_replace: bool = False,
    whole: bool = False,
    strict: bool = False,
) -> dict[Path, Outcome]:
    """Let a batch join a repository; with ``strict``, raise if a package cannot."""
    repo = repos.get(txn, name)
    check = acceptance.checking(session, txn, repo.package_list())
    members = packageset.conflicts(txn[CHUNKS], repo.set_id, (i.entry for i in batch))
    taken = {packageset.short(entry): entry for entry in members.values()}
    outcomes: dict[Path, Outcome] = {}
    added: dict[Entry, Known] = {}
    removed: set[Entry] = set()
    for item in batch:
        key = PackageKey.from_entry(item.entry)
        there = taken.get(packageset.short(item.entry))
        try:
            _check_bytes(item, there, name, force_replace=force_replace)
            _check_data(session, txn, item)
            if check is not None and there != item.entry:
                coming = arrival._replace(remark=item.remark) if item.remark else arrival
                check(decode(key, item.record), coming)
        except DebrepoError as error:
            if strict:
                raise _about(item.source, error) from error
            outcomes[item.source] = Outcome(
                item.source, key.display, "failed", str(error), error.hint, name
            )
            continue
        if there == item.entry:
            lost = item.stored and item.entry not in added and not _fetchable(session, txn, item)
            status = "repaired" if lost else "skipped"
            outcomes[item.source] = Outcome(item.source, key.display, status, repo=name)
            continue
        if there is not None:
            removed.add(there)
            added.pop(there, None)
        added[item.entry] = Known(item.entry, item.record, item.contents)
        taken[packageset.short(item.entry)] = item.entry
        status = "added" if there is None else "replaced"
        outcomes[item.source] = Outcome(item.source, key.display, status, repo=name)
    failed = {path: one for path, one in outcomes.items() if one.status == "failed"}
    if whole and failed:
        return failed
    _keep_contents(txn, (item for item in batch if item.entry not in added))
    if added:
        _check_files(session, batch)
        catalog.add(txn, added.values())
        joining.change(session, txn, repo, added=added, removed=removed)
    return outcomes


def add_together(
    session: Session,
    files: Mapping[str, Sequence[Path]],
    arrival: Arrival,
    also: Callable[[Transaction], None],
) -> int:
    """Add files to repositories, all of them or none; return how many packages are new there.

    ``also`` changes more in the transaction that adds them.
    """
    paths = [path for given in files.values() for path in given]
    workers = session.config["ingest.workers"] or None
    limits, depth = configured_limits(session.config), configured_depth(session.config)
    with session.pool.reserving() as pool:
        items: dict[Path, Ingested] = {}
        for item in ingest(pool, paths, workers=workers, limits=limits, deep=depth):
            if isinstance(item, Rejected):
                raise _about(item.source, item.error)
            if item.remark:
                session.progress.note(f"{item.source}: {item.remark}")
            items[item.source] = item
        session.pool.sync()
        record = remote_files.keep(session, _digests(items.values()))

        def change(txn: Transaction) -> int:
            record(txn)
            new = 0
            for name, given in files.items():
                batch = [items[path] for path in given]
                outcomes = _join(session, txn, name, batch, arrival, strict=True)
                new += sum(one.status == "added" for one in outcomes.values())
            also(txn)
            return new

        return session.db.update(change)


def _about(path: Path, error: DebrepoError) -> DebrepoError:
    """Return an error with the name of the file that it is about."""
    if not isinstance(error, (AlreadyExists, InvalidInput, VerificationFailed)):
        return error
    kind = AlreadyExists if isinstance(error, AlreadyExists) else InvalidPackage
    return kind(f"{path.name}: {str(error).removeprefix(f'{path}: ')}", hint=error.hint)


def _check_bytes(item: Ingested, there: Entry | None, name: str, *, force_replace: bool) -> None:
    if there is not None and there != item.entry and not force_replace:
        raise AlreadyExists(
            f"{PackageKey.from_entry(item.entry).display} is in {name} already, with other bytes",
            hint="give the build a new version, or replace the old one with --force-replace",
        )


def _keep_contents(txn: Transaction, batch: Iterable[Ingested]) -> None:
    """Keep what was read of packages that are known already, and were not read before."""
    lists = {item.entry: item.contents for item in batch if item.contents}
    known = [entry for entry in lists if entry in txn[PACKAGES] and entry not in txn[CONTENTS]]
    catalog.put_contents(txn, [(entry, lists[entry]) for entry in known])


def _fetchable(session: Session, txn: Transaction, item: Ingested) -> bool:
    """Return whether all files of a package could be fetched: it was moved, and not lost."""
    return remote_files.known(session.hook, txn).issuperset(digests(item.record))


def _check_data(session: Session, txn: Transaction, item: Ingested) -> None:
    """Raise `InvalidPackage` if the package is known to be broken since its data was read."""
    defect = None if item.contents else known_defect(session.config, txn, item.entry)
    if defect is not None:
        raise InvalidPackage(defect.reason, hint=defect.hint)


def _digests(batch: Iterable[Ingested]) -> Iterator[str]:
    for item in batch:
        yield from digests(item.record)


def _check_files(session: Session, batch: list[Ingested]) -> None:
    """Raise `Conflict` if somebody deleted a file, whatever the pool reserves."""
    for item in batch:
        for digest in digests(item.record):
            if digest not in session.pool:
                raise Conflict(
                    f"{item.source} was taken out of the pool while it was being added",
                    hint="add it again",
                )

"""Checking: what another tool keeps and what is here, compared list by list and file by file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo import packageset
from debrepo.catalog import CHUNKS, PACKAGES
from debrepo.errors import NotFound
from debrepo.package import PackageKey, decode
from debrepo.stopping import each
from debrepo.values import NamedTuple
from debrepo_import import lists
from debrepo_import.report import Remark

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from debrepo.database import Transaction
    from debrepo.package import Entry, PackageFile, SetId
    from debrepo.session import Session
    from debrepo_import.foreign import ForeignList, ForeignPackage

_BATCH = 2048
_SHOWN = 10  # packages of a list that are named


class ArchiveDifference(NamedTuple):
    """One thing that is not the same on both sides."""

    subject: str  #: ``repo tools``, or ``package hello_1.0_amd64``
    text: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.text}"


class ComparedArchives(NamedTuple):
    """What was compared, and all that differs."""

    lists: int
    packages: int
    differences: tuple[ArchiveDifference, ...]


def compare(
    session: Session,
    there: Iterable[ForeignList],
    read: Callable[[Sequence[Entry]], Iterable[ForeignPackage | Remark]],
    *,
    files: bool = False,
) -> ComparedArchives:
    """Compare lists with those here, and each of their packages with its record.

    With ``files``, those in the pool are read.
    """
    found: list[ArchiveDifference] = []
    wanted: dict[Entry, None] = {}
    count = 0
    with session.db.read() as txn:
        here = lists.existing(session, txn)
        for one in there:
            count += 1
            name = f"{one.kind} {one.name}"
            wanted.update(dict.fromkeys(one.entries))
            known = here.get(f"{one.kind}:{one.name}")
            if known is None:
                found.append(ArchiveDifference(name, "it is not here"))
                continue
            found += _members(txn, name, set(one.entries), known.set_id)
            for field in ("component", "distribution"):
                said = one.properties.get(field, "")
                if one.kind != "mirror" and said != getattr(known, field):
                    text = f"its {field} is {said!r} there, {getattr(known, field)!r} here"
                    found.append(ArchiveDifference(name, text))
    entries = list(wanted)
    track = session.progress.track
    for start in track("Packages", range(0, len(entries), _BATCH)):
        found += _packages(session, entries[start : start + _BATCH], read, files=files)
    return ComparedArchives(count, len(entries), tuple(found))


def _members(
    txn: Transaction, name: str, theirs: set[Entry], set_id: SetId
) -> Iterator[ArchiveDifference]:
    ours = set(packageset.entries(txn[CHUNKS], set_id))
    for missing, where in ((theirs - ours, "not here"), (ours - theirs, "not there")):
        if missing:
            named = [PackageKey.from_entry(entry).display for entry in sorted(missing)[:_SHOWN]]
            more = ", …" if len(missing) > _SHOWN else ""
            packages = "package is" if len(missing) == 1 else "packages are"
            yield ArchiveDifference(
                name, f"{len(missing)} {packages} {where}: {', '.join(named)}{more}"
            )


def _packages(
    session: Session,
    entries: Sequence[Entry],
    read: Callable[[Sequence[Entry]], Iterable[ForeignPackage | Remark]],
    *,
    files: bool,
) -> Iterator[ArchiveDifference]:
    with session.db.read() as txn:
        records = {entry: txn[PACKAGES].get(entry) for entry in entries}
        txn.trim()
    there = [entry for entry, record in records.items() if record is not None]
    for one in each(read(there)):
        if isinstance(one, Remark):
            yield ArchiveDifference(one.subject, one.text)
            continue
        record = records[one.package.key.entry]
        if record is None:
            continue
        ours = {file.name: file for file in decode(one.package.key, record).files}
        subject = f"package {one.package.key.display}"
        theirs = {file.name: file for file in one.package.files}
        for name in sorted({*ours, *theirs}):
            text = _file(session, ours.get(name), theirs.get(name), deep=files)
            if text:
                yield ArchiveDifference(subject, f"{name} {text}")


def _file(
    session: Session, ours: PackageFile | None, theirs: PackageFile | None, *, deep: bool
) -> str:
    if ours is None or theirs is None:
        return "is only there" if ours is None else "is only here"
    for field in ("size", "md5", "sha1", "sha256", "sha512"):
        said, known = getattr(theirs, field), getattr(ours, field)
        if said != "" and known != "" and said != known:
            return f"has the {field.upper()} {said} there, {known} here"
    try:
        if session.pool.size(ours.sha256) != ours.size:
            return "is damaged in the pool"
    except NotFound:
        return "is missing in the pool"
    said = session.pool.check(ours.sha256) if deep else None
    return f"is damaged in the pool: {said}" if said else ""

"""Fetching the files of new packages, and recording the packages as they become whole."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from debrepo.archive import Digests
from debrepo.archive.stream import blocks
from debrepo.catalog import PACKAGES, Known
from debrepo.package import PackageKey, digests
from debrepo.package import files as files_of
from debrepo.stopping import watching
from debrepo.transport import address
from debrepo_mirror import recording
from debrepo_mirror.download import Downloads, DownloadTerms, WantedFile
from debrepo_mirror.recording import WholePackage
from debrepo_mirror.tables import ArchiveFault

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from debrepo.package import Entry, PackageFile
    from debrepo_mirror.work import UpdateWork

_AHEAD = 256  # packages whose files are reserved together


class GatheredPackages(NamedTuple):
    """What became of new packages: their entries by the provisional ones, and what is missing."""

    final: Mapping[Entry, Entry]
    failures: Sequence[str] = ()
    faults: Sequence[ArchiveFault] = ()
    files: int = 0
    bytes: int = 0
    outages: int = 0  #: of the failures, those that may not happen again


class _Coming:
    """A package of which files are still missing."""

    __slots__ = ("entry", "files", "left", "record")

    def __init__(self, entry: Entry, record: bytes) -> None:
        self.entry = entry
        self.record = record
        self.files = list(files_of(record))  # as listed, each until it is here
        self.left = len(self.files)


class _Gathering:
    """New packages on their way: which files they wait for, and what is whole and not recorded."""

    def __init__(self, work: UpdateWork, known: Mapping[Entry, Entry]) -> None:
        self._work = work
        self._known = known
        self._beginnings = work.pool.beginnings()
        self._waiting: dict[str, list[tuple[_Coming, int]]] = {}  # by URL
        self._whole: list[WholePackage] = []
        self._found: set[str] = set()  # SHA256 of their files that the pool had before
        self.faults: list[ArchiveFault] = []
        self.final: dict[Entry, Entry] = {}
        self.failures: list[str] = []
        self.outages = 0  # failures that say nothing of the archive
        self.files = 0
        self.bytes = 0

    def queue(self, missing: Iterable[Entry]) -> Iterator[WantedFile]:
        """Yield the files to fetch, each once; take those that the pool has."""
        entries = iter(missing)
        while some := list(islice(entries, _AHEAD)):
            loaded = zip(some, self._work.spool.read_many(some), strict=True)
            packages = [(_Coming(entry, record), paths) for entry, (record, paths) in loaded]
            ahead = {file.sha256 for package, _ in packages for file in package.files}
            self._work.pool.reserve_ahead(ahead - {""})
            for package, paths in packages:
                yield from self._queue(package, paths)

    def _queue(self, package: _Coming, paths: bytes) -> Iterator[WantedFile]:
        waiting = self._waiting
        wanted = _wanted(self._work.mirror.url, package.files, paths)
        for number, one in enumerate(wanted):
            found = self._in_pool(one.listed)
            others = waiting.get(one.urls[0])
            if found is not None:
                self._found.add(found.sha256)
                self._got(package, number, found)
            elif others is not None:
                others.append((package, number))
            else:
                waiting[one.urls[0]] = [(package, number)]
                yield one

    def _in_pool(self, listed: PackageFile) -> PackageFile | None:
        """Return a file that was in the pool before; what has come since has been waited for."""
        if listed.sha256[:2] not in self._beginnings:
            return None
        return _in_pool(self._work, listed)

    def take(self, wanted: WantedFile, found: PackageFile) -> None:
        """Take note that a file is in the pool now."""
        self.files += 1
        self.bytes += found.size
        for package, number in self._waiting.pop(wanted.urls[0]):
            self._got(package, number, found)

    def fail(self, wanted: WantedFile, reason: str, *, lacking: bool) -> None:
        """Take note that a file cannot be had; whether the archive is ``lacking`` it."""
        self.failures.append(reason)
        self.outages += not lacking
        for package, _ in self._waiting.pop(wanted.urls[0]):
            package.left = -1  # whatever becomes of its other files
            display = PackageKey.from_entry(package.entry).display
            self.faults.append(ArchiveFault("files", display, reason))

    def _got(self, package: _Coming, number: int, found: PackageFile) -> None:
        name = package.files[number].name
        package.files[number] = found if found.name == name else found._replace(name=name)
        package.left -= 1
        if not package.left:
            whole = package.entry, package.record, package.files
            self._whole.append(tuple.__new__(WholePackage, whole))  # calling it takes longer
            if len(self._whole) >= recording.BATCH:
                self.record()

    def _stored(self, packages: Iterable[WholePackage]) -> Iterator[tuple[Entry, Known]]:
        """Yield those of some packages that the database knows by these files."""
        with self._work.session.db.read() as txn:
            for entry, _, files in packages:
                stored = self._known.get(entry)
                record = txn[PACKAGES].get(stored) if stored else None
                here = sorted(file.sha256 for file in files)
                if stored and record is not None and sorted(digests(record)) == here:
                    yield entry, Known(stored, bytes(record), b"")

    def record(self) -> None:
        """Store what is whole."""
        work, whole = self._work, self._whole
        self._whole = []
        batch = recording.finished(whole)
        batch.update(self._stored(whole) if self._known else ())
        found = self._found and self._found.intersection(
            file.sha256 for package in whole for file in package.files
        )
        stored = recording.record(work.session, work.pool, work.mirror, batch, found)
        self.final.update(stored.final)
        self.faults += stored.faults


def gather(
    work: UpdateWork, missing: Sequence[Entry], known: Mapping[Entry, Entry]
) -> GatheredPackages:
    """Fetch the files of new packages, and record those that are whole, a batch at a time.

    Those that are ``known``, although their files are not here, keep the entries that they have.
    """
    listed = _Listing(work)
    missing = [entry for entry in missing if not listed.take(entry)]
    listed.record()
    gathering = _Gathering(work, known)
    total = sum(work.spool.size(entry) for entry in missing)
    pause = work.session.config["mirror.retry_pause"]
    terms = DownloadTerms(work.tries, pause, ignore_checksums=work.terms.ignore_checksums)
    downloads = Downloads(work.session, work.pool, work.transport, terms)
    try:
        wanted = gathering.queue(missing)
        for done in downloads.fetch(wanted, files=len(missing), size=total):
            if done.found is None:
                gathering.fail(done.wanted, done.reason, lacking=done.missing or done.damaged)
            else:
                gathering.take(done.wanted, done.found)
    finally:
        with watching(None):  # what is here is not lost, whatever ends the work
            gathering.record()
    return GatheredPackages(
        {**listed.final, **gathering.final},
        gathering.failures,
        [*listed.faults, *gathering.faults],
        gathering.files,
        gathering.bytes,
        gathering.outages,
    )


class _Listing:
    """Packages of a lazy mirror: recorded as listed, and fetched when they are needed."""

    def __init__(self, work: UpdateWork) -> None:
        self._work = work
        self._batch: list[WholePackage] = []
        self.final: dict[Entry, Entry] = {}
        self.faults: list[ArchiveFault] = []

    def take(self, entry: Entry) -> bool:
        """Take a package, unless its files are needed to know what it is."""
        work = self._work
        if work.mirror.download != "lazy":
            return False
        record = work.spool.record(entry)
        files = files_of(record)
        if any(file.size < 0 or not file.sha256 for file in files):
            return False
        self._batch.append(WholePackage(entry, record, files))
        if len(self._batch) >= recording.BATCH:
            self.record()
        return True

    def record(self) -> None:
        """Store what was taken."""
        if self._batch:
            work, batch = self._work, self._batch
            self._batch = []
            offered = [work.spool.get(package.entry) for package in batch]
            found = recording.finished(batch)
            stored = recording.record_lazily(work.session, work.mirror, found, offered)
            self.final.update(stored.final)
            self.faults += stored.faults


def queue_of(work: UpdateWork, missing: Iterable[Entry]) -> Iterator[PackageFile]:
    """Yield the files that would have to be fetched, each once."""
    if work.mirror.download == "lazy":
        return
    seen: set[str] = set()
    for entry in missing:
        record, paths = work.spool.read(entry)
        for urls, listed, _ in _wanted(work.mirror.url, files_of(record), paths):
            if urls[0] not in seen and not (listed.sha256 and listed.sha256 in work.session.pool):
                seen.add(urls[0])
                yield listed


def _wanted(root: str, files: Sequence[PackageFile], paths: bytes) -> list[WantedFile]:
    """Return the files of a package as they are asked for, from one place after the other."""
    return [
        WantedFile(tuple([address(root, path) for path in places.split("\t")]), file)
        for file, places in zip(files, paths.decode().split("\0"), strict=True)
    ]


def _in_pool(work: UpdateWork, listed: PackageFile) -> PackageFile | None:
    """Return a file that the pool has, with all its digests; it stays there meanwhile."""
    if not listed.sha256 or listed.sha256 not in work.pool:
        return None
    if not work.pool.reserve(listed.sha256):
        return None
    if listed.size not in (-1, work.pool.size(listed.sha256)):  # cut short by a power failure
        return None
    digests = Digests()
    with work.pool.open(listed.sha256) as file:
        for _ in digests.through(blocks(file)):
            pass
    found = digests.file(listed.name)
    return found if found.sha256 == listed.sha256 else None

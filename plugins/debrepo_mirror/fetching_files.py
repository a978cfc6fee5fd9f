"""Fetching the files of new packages, and recording the packages as they become whole."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from debrepo.archive import Digests
from debrepo.archive.stream import blocks
from debrepo.catalog import PACKAGES, Known
from debrepo.package import PackageKey, digests
from debrepo.stopping import watching
from debrepo.transport import address
from debrepo_mirror import recording
from debrepo_mirror.download import Downloads, DownloadTerms, WantedFile
from debrepo_mirror.tables import ArchiveFault

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from debrepo.package import Entry, PackageFile
    from debrepo_mirror.upstream.stanzas import Offered
    from debrepo_mirror.work import UpdateWork

_AHEAD = 256  # packages whose files are reserved together


class NeededFile(NamedTuple):
    """A file of a new package that is not in the pool."""

    entry: Entry  #: of the package, as the spool knows it
    number: int  #: among its files
    urls: tuple[str, ...]  #: one after the other, until it is there
    listed: PackageFile

    @property
    def size(self) -> int:
        """How many bytes it has, as the index says."""
        return max(self.listed.size, 0)

    @property
    def url(self) -> str:
        """The first place where it is looked for."""
        return self.urls[0]


class GatheredPackages(NamedTuple):
    """What became of new packages: their entries by the provisional ones, and what is missing."""

    final: Mapping[Entry, Entry]
    failures: Sequence[str] = ()
    faults: Sequence[ArchiveFault] = ()
    files: int = 0
    bytes: int = 0
    outages: int = 0  #: of the failures, those that may not happen again


class _Partial:
    """A package of which files are still missing."""

    __slots__ = ("files", "left", "offered")

    def __init__(self, offered: Offered) -> None:
        self.offered = offered
        self.files: list[PackageFile | None] = [None] * len(offered.package.files)
        self.left = len(self.files)


class _Gathering:
    """New packages on their way: which files they wait for, and what is whole and not recorded."""

    def __init__(self, work: UpdateWork, known: Mapping[Entry, Entry]) -> None:
        self._work = work
        self._known = known
        self._partial: dict[Entry, _Partial] = {}
        self._waiting: dict[str, list[tuple[Entry, int]]] = {}  # by URL
        self._whole: dict[Entry, Known] = {}
        self.faults: list[ArchiveFault] = []
        self.final: dict[Entry, Entry] = {}
        self.failures: list[str] = []
        self.outages = 0  # failures that say nothing of the archive
        self.files = 0
        self.bytes = 0

    def queue(self, missing: Iterable[Entry]) -> Iterator[NeededFile]:
        """Yield the files to fetch, each once; take those that the pool has."""
        entries = iter(missing)
        while some := list(islice(entries, _AHEAD)):
            pairs = [(entry, self._work.spool.get(entry)) for entry in some]
            files = (file for _, offered in pairs for file in offered.package.files)
            self._work.pool.reserve_ahead({file.sha256 for file in files if file.sha256})
            for entry, offered in pairs:
                yield from self._queue(entry, offered)

    def _queue(self, entry: Entry, offered: Offered) -> Iterator[NeededFile]:
        self._partial[entry] = _Partial(offered)
        for needed in _needed(self._work, entry, offered):
            found = _in_pool(self._work, needed.listed)
            if found is not None:
                self._got(entry, needed.number, found)
            elif needed.url in self._waiting:
                self._waiting[needed.url].append((entry, needed.number))
            else:
                self._waiting[needed.url] = [(entry, needed.number)]
                yield needed

    def take(self, needed: NeededFile, found: PackageFile) -> None:
        """Take note that a file is in the pool now."""
        self.files += 1
        self.bytes += found.size
        for entry, number in self._waiting.pop(needed.url):
            self._got(entry, number, found)

    def fail(self, needed: NeededFile, reason: str, *, lacking: bool) -> None:
        """Take note that a file cannot be had; whether the archive is ``lacking`` it."""
        self.failures.append(reason)
        self.outages += not lacking
        for entry, _ in self._waiting.pop(needed.url):
            self._partial.pop(entry, None)
            display = PackageKey.from_entry(entry).display
            self.faults.append(ArchiveFault("files", display, reason))

    def _got(self, entry: Entry, number: int, found: PackageFile) -> None:
        package = self._partial.get(entry)
        if package is None:  # another of its files cannot be had
            return
        listed = package.offered.package.files[number]
        package.files[number] = found._replace(name=listed.name)
        package.left -= 1
        if not package.left:
            del self._partial[entry]
            files = [file for file in package.files if file is not None]
            whole = self._stored(entry, files)
            self._whole[entry] = whole or recording.finished(package.offered.package, files)
            if len(self._whole) >= recording.BATCH:
                self.record()

    def _stored(self, entry: Entry, files: Sequence[PackageFile]) -> Known | None:
        """Return a package as the database has it, if it knows it by these files."""
        stored = self._known.get(entry)
        if stored is None:
            return None
        with self._work.session.db.read() as txn:
            record = txn[PACKAGES].get(stored)
        if record is None or sorted(digests(record)) != sorted(file.sha256 for file in files):
            return None
        return Known(stored, bytes(record), b"")

    def record(self) -> None:
        """Store what is whole."""
        work, whole = self._work, self._whole
        self._whole = {}
        stored = recording.record(work.session, work.pool, work.mirror, whole)
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
        wanted = _wanted(gathering.queue(missing))
        for done in downloads.fetch(wanted, files=len(missing), size=total):
            needed: Any = done.wanted.mark
            if done.found is None:
                gathering.fail(needed, done.reason, lacking=done.missing or done.damaged)
            else:
                gathering.take(needed, done.found)
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
        self._batch: dict[Entry, Known] = {}
        self._offered: list[Offered] = []
        self.final: dict[Entry, Entry] = {}
        self.faults: list[ArchiveFault] = []

    def take(self, entry: Entry) -> bool:
        """Take a package, unless its files are needed to know what it is."""
        work = self._work
        if work.mirror.download != "lazy":
            return False
        offered = work.spool.get(entry)
        files = offered.package.files
        if any(file.size < 0 or not file.sha256 for file in files):
            return False
        self._batch[entry] = recording.finished(offered.package, files)
        self._offered.append(offered)
        if len(self._batch) >= recording.BATCH:
            self.record()
        return True

    def record(self) -> None:
        """Store what was taken."""
        if self._batch:
            work = self._work
            stored = recording.record_lazily(work.session, work.mirror, self._batch, self._offered)
            self.final.update(stored.final)
            self.faults += stored.faults
            self._batch, self._offered = {}, []


def queue_of(work: UpdateWork, missing: Iterable[Entry]) -> Iterator[NeededFile]:
    """Yield the files that would have to be fetched, each once."""
    if work.mirror.download == "lazy":
        return
    seen: set[str] = set()
    for entry in missing:
        for needed in _needed(work, entry, work.spool.get(entry)):
            if needed.url in seen or needed.listed.sha256 in work.session.pool:
                continue
            seen.add(needed.url)
            yield needed


def _needed(work: UpdateWork, entry: Entry, offered: Offered) -> Iterator[NeededFile]:
    files = zip(offered.package.files, offered.paths, strict=True)
    for number, (file, path) in enumerate(files):
        urls = tuple(address(work.mirror.url, one) for one in path.split("\t"))
        yield NeededFile(entry, number, urls, file)


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


def _wanted(queue: Iterable[NeededFile]) -> Iterator[WantedFile]:
    for needed in queue:
        yield WantedFile(needed.urls, needed.listed, needed)

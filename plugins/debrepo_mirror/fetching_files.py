"""Fetching the files of new packages, and recording the packages as they become whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from debrepo.archive import Digests
from debrepo.archive.stream import blocks
from debrepo.transport import Want, address, said_of
from debrepo_mirror import recording

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from debrepo.catalog import Known
    from debrepo.package import Entry, PackageFile
    from debrepo_mirror.tables import ArchiveFault
    from debrepo_mirror.updating import UpdateWork
    from debrepo_mirror.upstream.stanzas import Offered


class NeededFile(NamedTuple):
    """A file of a new package that is not in the pool."""

    entry: Entry  #: of the package, as the spool knows it
    number: int  #: among its files
    url: str
    listed: PackageFile

    @property
    def size(self) -> int:
        """How many bytes it has, as the index says."""
        return self.listed.size


class GatheredPackages(NamedTuple):
    """What became of new packages: their entries by the provisional ones, and what is missing."""

    final: Mapping[Entry, Entry]
    failures: Sequence[str] = ()
    faults: Sequence[ArchiveFault] = ()
    files: int = 0
    bytes: int = 0


class _Partial:
    """A package of which files are still missing."""

    __slots__ = ("files", "left", "offered")

    def __init__(self, offered: Offered) -> None:
        self.offered = offered
        self.files: list[PackageFile | None] = [None] * len(offered.package.files)
        self.left = len(self.files)


class _Gathering:
    """New packages on their way: which files they wait for, and what is whole and not recorded."""

    def __init__(self, work: UpdateWork) -> None:
        self._work = work
        self._partial: dict[Entry, _Partial] = {}
        self._waiting: dict[str, list[tuple[Entry, int]]] = {}  # by URL
        self._whole: dict[Entry, Known] = {}
        self.faults: list[ArchiveFault] = []
        self.final: dict[Entry, Entry] = {}
        self.failures: list[str] = []
        self.files = 0
        self.bytes = 0

    def queue(self, missing: Iterable[Entry]) -> Iterator[NeededFile]:
        """Yield the files to fetch, each once; take those that the pool has."""
        for entry in missing:
            offered = self._work.spool.get(entry)
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

    def fail(self, needed: NeededFile, reason: str) -> None:
        """Take note that a file cannot be had."""
        self.failures.append(reason)
        for entry, _ in self._waiting.pop(needed.url):
            self._partial.pop(entry, None)

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
            self._whole[entry] = recording.finished(package.offered.package, files)
            if len(self._whole) >= recording.BATCH:
                self.record()

    def record(self) -> None:
        """Store what is whole."""
        work, whole = self._work, self._whole
        self._whole = {}
        stored = recording.record(work.session, work.pool, work.mirror, whole)
        self.final.update(stored.final)
        self.faults += stored.faults


def gather(work: UpdateWork, missing: Sequence[Entry]) -> GatheredPackages:
    """Fetch the files of new packages, and record those that are whole, a batch at a time."""
    if work.mirror.download == "lazy":
        return _listed(work, missing)
    gathering = _Gathering(work)
    try:
        for needed, found, reason in fetch(work, gathering.queue(missing)):
            if found is None:
                gathering.fail(needed, reason)
            else:
                gathering.take(needed, found)
    finally:
        gathering.record()
    return GatheredPackages(
        gathering.final, gathering.failures, gathering.faults, gathering.files, gathering.bytes
    )


def _listed(work: UpdateWork, missing: Sequence[Entry]) -> GatheredPackages:
    """Record packages as the index has them; their files are fetched when they are needed."""
    final: dict[Entry, Entry] = {}
    faults: list[ArchiveFault] = []
    for start in range(0, len(missing), recording.BATCH):
        batch: dict[Entry, Known] = {}
        origins: list[tuple[str, str, int]] = []
        for entry in missing[start : start + recording.BATCH]:
            offered = work.spool.get(entry)
            batch[entry] = recording.finished(offered.package, offered.package.files)
            origins += [
                (file.sha256, address(work.mirror.url, path), file.size)
                for file, path in zip(offered.package.files, offered.paths, strict=True)
            ]
        stored = recording.record_lazily(work.session, work.mirror, batch, origins)
        final.update(stored.final)
        faults += stored.faults
    return GatheredPackages(final, (), faults)


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
        yield NeededFile(entry, number, address(work.mirror.url, path), file)


def _in_pool(work: UpdateWork, listed: PackageFile) -> PackageFile | None:
    """Return a file that the pool has, with all its digests; it stays there meanwhile."""
    if not listed.sha256 or not work.pool.reserve(listed.sha256):
        return None
    if work.pool.size(listed.sha256) != listed.size:  # cut short by a power failure
        return None
    digests = Digests()
    with work.pool.open(listed.sha256) as file:
        for _ in digests.through(blocks(file)):
            pass
    found = digests.file(listed.name)
    return found if found.sha256 == listed.sha256 else None


def fetch(
    work: UpdateWork, queue: Iterable[NeededFile]
) -> Iterator[tuple[NeededFile, PackageFile | None, str]]:
    """Fetch files into the pool; yield each with its digests, or why it cannot be had."""

    def wants() -> Iterator[Want]:
        for needed in queue:
            parts: list[bytes] = []
            yield Want(needed.url, parts.append, parts.clear, mark=(needed, parts))

    for fetched in work.transport.fetch(wants()):
        mark: Any = fetched.want.mark
        needed, parts = mark
        if fetched.outcome != "whole":
            yield needed, None, said_of(fetched)
            continue
        data = b"".join(parts)
        found = Digests(data).file(needed.listed.name)
        expected = needed.listed.sha256
        if expected not in ("", found.sha256):
            reason = f"{needed.url} has the SHA256 checksum {found.sha256}, expected {expected}"
            yield needed, None, reason
            continue
        work.pool.put(found.sha256, data)
        yield needed, found, ""

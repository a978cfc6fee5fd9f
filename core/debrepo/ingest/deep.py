"""Reading deep: what is in the data of packages, unpacked when somebody needs it, and once.

A path list, or what is wrong with the package, is kept under the package's entry, and so by
content. Reading may be stopped, or killed, and goes on where it was; processes that need the
same packages share the work.
"""

from __future__ import annotations

import os
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import zstandard

from debrepo import archive, remote_files
from debrepo.archive import Budget, SourceTree
from debrepo.archive.stream import blocks
from debrepo.catalog import DEFECTS, PACKAGES, Defect, put_contents
from debrepo.errors import DatabaseError, DebrepoError, InvalidPackage, NotFound
from debrepo.ingest import alone, threads
from debrepo.ingest.claiming import Claims
from debrepo.ingest.surveying import configured_limits
from debrepo.package import Entry, PackageKey, decode
from debrepo.stopping import watching
from debrepo.verdicts import Broken, known_defect, rules, unread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from debrepo.archive import Limits
    from debrepo.package import Package, PackageFile
    from debrepo.pool import Pool
    from debrepo.session import Session

_BATCH = 128  # packages that are recorded in one transaction
_READ = 4 << 20  # bytes of packages after which to record what came out
_MOST = 8  # threads, each of which may need the memory that ``ingest.limits.memory`` allows


class Reading(NamedTuple):
    """What reading one package came to."""

    contents: bytes  #: the path list, as zstd; empty of a package that is broken
    defect: Defect | None = None
    remark: str = ""  #: a warning for the user, or the empty string


def read(
    session: Session, entries: Iterable[Entry], label: str = "Reading packages"
) -> list[Broken]:
    """Read what is not read yet, on all cores, and keep what came out; return what is broken.

    Open no transaction meanwhile: this takes as long as it takes, and opens short ones. Packages
    whose files are elsewhere are left out: see `remote_files.fetch`.
    """
    with session.db.read() as txn:
        wanted = unread(session.config, txn, entries)
        remote = remote_files.elsewhere(session, txn, wanted)
    wanted = left = [entry for entry in wanted if entry not in remote]
    if remote:
        session.progress.note(f"{len(remote)} packages are not read: their files are not here yet.")
    if not left:
        return []
    waited = False
    with Claims(session.root) as claims:
        while left := _read(session, claims, left, label):
            if not waited:
                session.progress.note("Waiting for another process, which reads the same packages.")
            waited = True
            claims.wait(left[0])
    with session.db.read() as txn:
        found = ((entry, known_defect(session.config, txn, entry)) for entry in wanted)
        return [Broken(entry, defect) for entry, defect in found if defect is not None]


def examine(session: Session, entry: Entry) -> Defect | None:
    """Return what is wrong inside a package of the catalog, which is read unless it was before."""
    read(session, [entry])
    with session.db.read() as txn:
        return known_defect(session.config, txn, entry)


def _read(session: Session, claims: Claims, entries: list[Entry], label: str) -> list[Entry]:
    """Read packages, and return those that others are reading."""
    limits, held_against = configured_limits(session.config), rules(session.config)
    busy: list[Entry] = []

    def make(step: Callable[[], None]) -> Callable[[Package], Reading | NotFound]:
        return _Reader(session.pool, limits, held_against, step).read

    count = session.config["ingest.workers"] or len(os.sched_getaffinity(0))
    packages = _claimed(session, claims, entries, busy)
    results = threads.as_done(make, packages, min(count, _MOST))
    batch = _Batch(session, claims)
    try:
        for package, reading in session.progress.track(label, results, total=len(entries)):
            batch.add(package, reading)
    except BaseException:
        results.close()
        with suppress(DebrepoError), watching(None):
            batch.record()
        raise
    batch.record()
    return busy


def _claimed(
    session: Session, claims: Claims, entries: Iterable[Entry], busy: list[Entry]
) -> Iterator[Package]:
    """Claim and yield packages, but for those that somebody has read meanwhile, or has taken."""
    for entry in entries:
        if not claims.take(entry):
            busy.append(entry)
            continue
        with session.db.read() as txn:
            record = txn[PACKAGES].get(entry)
            needed = record is not None and unread(session.config, txn, [entry])
        if record is None or not needed:
            claims.release([entry])
            continue
        yield decode(PackageKey.from_entry(entry), record)


class _Batch:
    """What was read and is not recorded yet."""

    def __init__(self, session: Session, claims: Claims) -> None:
        self._session = session
        self._claims = claims
        self._readings: dict[Entry, Reading] = {}
        self._read = 0

    def add(self, package: Package, reading: Reading | NotFound) -> None:
        """Add what reading a package came to, and record all if that is enough."""
        entry = package.key.entry
        if isinstance(reading, NotFound):
            with self._session.db.read() as txn:
                if entry in txn[PACKAGES]:
                    raise reading
            reading = Reading(b"")  # a cleanup has deleted it
        if reading.remark:
            self._session.progress.note(f"{package.key.display}: {reading.remark}")
        self._readings[entry] = reading
        self._read += sum(file.size for file in package.files)
        if self._read > _READ or len(self._readings) >= _BATCH:
            self.record()

    def record(self) -> None:
        """Store what was read, and give up the claims on it."""
        found, self._readings, self._read = self._readings, {}, 0
        if not found:
            return
        with self._session.db.write() as txn:
            there = sorted((e, one) for e, one in found.items() if e in txn[PACKAGES])
            put_contents(txn, [(entry, one.contents) for entry, one in there if one.contents])
            for entry, one in there:
                if one.defect is not None:
                    txn[DEFECTS][entry] = one.defect
        self._claims.release(found)


class _Reader:
    """Reads packages of the pool, one after the other."""

    def __init__(
        self, pool: Pool, limits: Limits, held_against: str, step: Callable[[], None]
    ) -> None:
        self._pool = pool
        self._limits = limits
        self._rules = held_against
        self._step = step
        self._compress = zstandard.ZstdCompressor(level=1).compress

    def read(self, package: Package) -> Reading | NotFound:
        """Unpack all of a package, and return what is in it; or that its files are gone."""
        if package.kind not in ("deb", "udeb", "source"):
            return Reading(self._compress(b""))
        read = self._source if package.kind == "source" else self._binary
        file = package.files[0]
        try:
            try:
                return alone.if_large(self._limits, partial(read, package))
            except InvalidPackage as error:
                self._check([file])
                return Reading(b"", Defect(file.name, str(error), error.hint, self._rules))
        except NotFound as error:
            return error
        except MemoryError:
            raise DatabaseError(
                f"there is not enough memory to read {file.name}",
                hint="set ingest.workers and ingest.limits.memory lower",
            ) from None

    def _binary(self, package: Package, limits: Limits) -> Reading:
        (file,) = package.files
        budget = Budget(limits, file.size, step=self._step)
        content = archive.examine(self._blocks(file), file.size, budget)
        remark = "; ".join(content.remarks)
        return Reading(self._compress(content.paths or b""), remark=remark)

    def _source(self, package: Package, limits: Limits) -> Reading:
        tree = SourceTree(limits, self._limits, self._step)
        parts = package.files[1:]  # the first one is the .dsc
        for file in parts:
            tree.read(file.name, file.size, self._blocks(file))
        if tree.remark:
            self._check(parts)
        return Reading(self._compress(tree.paths()), remark=tree.remark)

    def _blocks(self, file: PackageFile) -> Iterator[bytes]:
        try:
            with self._pool.open(file.sha256) as opened:
                for block in blocks(opened):
                    self._step()
                    yield block
        except NotFound as error:
            raise NotFound(f"{file.name}: {error}", hint=error.hint) from error
        except OSError as error:  # which would be one of unpacking, otherwise
            raise DatabaseError(f"{file.name} cannot be read: {error.strerror}") from error

    def _check(self, files: Iterable[PackageFile]) -> None:
        """Raise if a file is not what it was when it was added: the package is not to blame."""
        for file in files:
            if wrong := self._pool.check(file.sha256):
                raise DatabaseError(f"{file.name}: {wrong}", hint='run "debrepo db check"')

"""Reading changelogs: out of a binary package of each source version, once."""

from __future__ import annotations

import hashlib
import os
import re
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from debrepo import archive, catalog, remote_files
from debrepo.archive.compression import unpack
from debrepo.archive.stream import blocks
from debrepo.errors import InvalidPackage
from debrepo.ingest import alone, threads
from debrepo.ingest.surveying import configured_limits
from debrepo_publish.engine.changelogs import of_package, of_source, used_again
from debrepo_publish.model.tables import CHANGELOGS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from debrepo.archive import Limits
    from debrepo.database import Transaction
    from debrepo.package import Entry
    from debrepo.pool import Pool
    from debrepo.session import Session

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9+.-]*")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9+.~-]*")
_LARGEST = 32 << 20  # bytes that a changelog may unpack to
_BATCH = 128  # source versions that are recorded in one transaction
_MOST = 8  # threads


class _Binary(NamedTuple):
    """A package that may have the changelog of its source."""

    entry: Entry
    name: str
    sha256: str
    size: int


class _Source(NamedTuple):
    """A source version, with its packages: those first that are most likely to have it."""

    name: str
    version: str
    packages: list[_Binary]
    turn: int = 0  #: the package to read

    @property
    def path(self) -> str:
        """The path that apt asks for, below the component; empty if there can be none."""
        version = self.version.partition(":")[2] or self.version
        if not _NAME.fullmatch(self.name) or not _VERSION.fullmatch(version):
            return ""
        start = self.name[:4] if self.name.startswith("lib") else self.name[0]
        return f"{start}/{self.name}/{self.name}_{version}_changelog"

    @property
    def key(self) -> bytes:
        return of_source(self.name, self.version)


def read(session: Session, changes: Iterable[tuple[str, Iterable[Entry]]]) -> bool:
    """Read the changelogs of packages, as far as they are not known; return if there were any.

    Open no transaction meanwhile.
    """
    with session.db.read() as txn:
        entries = [entry for _, found in changes for entry in found]
        sources = list(_unread(txn, session.pool, entries))
        known = {one.key: _sound(session.pool, txn[CHANGELOGS].get(one.key)) for one in sources}
    done = [_Read(one, known[one.key]) for one in sources if known[one.key] or not one.path]
    _record(session, done)
    left = [one for one in sources if one.path and not known[one.key]]
    while left:
        left = _round(session, left)
    return bool(sources)


class _Read(NamedTuple):
    """What is known of a source version now: the row, and the text if it is new."""

    source: _Source
    row: bytes  #: checksum, size and path; empty where no package has a changelog
    text: bytes = b""


def _sound(pool: Pool, row: bytes | None) -> bytes:
    """Return a row, but for one whose file is gone."""
    said = (row or b"").partition(b"\n")[0]
    return said if said and said.partition(b" ")[0].decode() in pool else b""


def _unread(txn: Transaction, pool: Pool, entries: Iterable[Entry]) -> Iterator[_Source]:
    """Yield source versions with those of their packages of which nothing is known."""
    rows = ((entry, txn[CHANGELOGS].get(of_package(entry))) for entry in entries)
    unknown = [
        entry
        for entry, row in rows
        if row is None or not (row.startswith(b"\n") or _sound(pool, row))
    ]
    found: dict[tuple[str, str], list[_Binary]] = {}
    for entry, package in zip(unknown, catalog.get_many(txn, unknown), strict=True):
        if package.kind == "deb":
            file = package.files[0]
            binary = _Binary(entry, package.key.name, file.sha256, file.size)
            found.setdefault(package.source, []).append(binary)
    for (name, version), packages in sorted(found.items()):
        packages.sort(key=lambda one: (one.name != name, one.size, one.entry))
        yield _Source(name, version, packages)


def _round(session: Session, sources: list[_Source]) -> list[_Source]:
    """Read a package of each source version; return those of which to read another one."""
    first = [source.packages[source.turn] for source in sources]
    remote_files.fetch(session, [(one.sha256, one.size) for one in first])
    limits = configured_limits(session.config)
    count = session.config["ingest.workers"] or len(os.sched_getaffinity(0))

    def make(step: Callable[[], None]) -> Callable[[_Source], bytes]:
        return partial(_text, session, limits, step)

    left: list[_Source] = []
    done: list[_Read] = []
    results = threads.as_done(make, sources, min(count, _MOST))
    tracked = session.progress.track("Reading changelogs", results, total=len(sources))
    with closing(results):
        for source, text in tracked:
            if text:
                digest = hashlib.sha256(text).hexdigest()
                row = f"{digest} {len(text)} {source.path}".encode()
                done.append(_Read(source, row, text))
            elif source.turn + 1 < len(source.packages):
                left.append(source._replace(turn=source.turn + 1))
            else:
                done.append(_Read(source, b""))
            if len(done) == _BATCH:
                _record(session, done)
                done = []
        _record(session, done)
    return left


def _text(session: Session, limits: Limits, step: Callable[[], None], source: _Source) -> bytes:
    """Return the changelog in a package; nothing, where there is none that can be read."""
    binary = source.packages[source.turn]
    start = f"usr/share/doc/{binary.name}/changelog"
    names = [f"{start}{end}".encode() for end in (".Debian.gz", ".gz", ".Debian", "")]

    def found(limits: Limits) -> bytes:
        budget = archive.Budget(limits, binary.size, step=step)
        with session.pool.open(binary.sha256) as file:
            kept = archive.read_files(blocks(file), binary.size, budget, names)
        name = next((name for name in names if kept.get(name)), b"")
        suffix = ".gz" if name.endswith(b".gz") else ""
        pieces = [kept[name]] if name else []
        parts = unpack(iter(pieces), suffix, "the changelog", limit=_LARGEST, budget=budget)
        return b"".join(parts) if pieces else b""

    try:
        return alone.if_large(limits, found)
    except InvalidPackage:
        return b""  # whether the package can be published is judged elsewhere


def _record(session: Session, done: list[_Read]) -> None:
    """Keep what was read: the texts in the pool, and then what packages have."""
    if not done:
        return
    with session.pool.reserving() as pool:
        for _, row, text in done:
            if text:
                pool.put(row.partition(b" ")[0].decode(), text)
        pool.sync()
        with session.db.write() as txn:
            for source, row, _ in done:
                known = txn[CHANGELOGS].get(source.key)
                there = _sound(pool, known) or row
                if there:
                    txn[CHANGELOGS][source.key] = used_again(there, known)
                    catalog.keep(txn, [there.partition(b" ")[0].decode()])
                for binary in source.packages:
                    txn[CHANGELOGS][of_package(binary.entry)] = there + b"\n" + binary.entry

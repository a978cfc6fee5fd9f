"""The survey: what the indexes of an archive offer, and which of it debrepo knows already."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from debrepo import packageset
from debrepo.archive.sound import expect_many
from debrepo.catalog import PACKAGES
from debrepo.errors import InvalidPackage, RemoteError
from debrepo.package import Entry, PackageKey, decode
from debrepo.stopping import checkpoint
from debrepo_mirror.tables import ArchiveFault
from debrepo_mirror.upstream import plain, stanzas, unpacking

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from debrepo.archive import Limits
    from debrepo.database import Transaction
    from debrepo.package import Package
    from debrepo_mirror.cache import HeldIndex
    from debrepo_mirror.spool import Spool
    from debrepo_mirror.upstream.indexes import ReadIndex
    from debrepo_mirror.upstream.stanzas import Offered

_LOOKUPS = 4096  # packages that are looked for in one transaction


class SurveyRules(NamedTuple):
    """What the stanzas of an archive are held against."""

    limits: Limits
    unpacked: int  #: bytes that an index may have
    packages: int  #: that it may list
    weak: bool = False  #: whether MD5 and SHA1 checksums are enough
    lazy: bool = False  #: whether files are fetched later, by their SHA256


class Surveyed(NamedTuple):
    """What an index offers, each with the digest of its stanza."""

    read: ReadIndex
    known: Sequence[tuple[bytes, Entry]] = ()  #: entries of the last update
    fresh: Sequence[tuple[bytes, Entry]] = ()  #: provisional ones, of the spool
    gone: Sequence[Entry] = ()  #: entries of the last update that are not offered any more
    faults: Sequence[ArchiveFault] = ()

    @property
    def entries(self) -> Iterator[Entry]:
        """All that is offered."""
        return (entry for _, entry in chain(self.known, self.fresh))


def survey(
    index: ReadIndex,
    held: HeldIndex,
    remembered: Mapping[bytes, Entry],
    spool: Spool,
    rules: SurveyRules,
) -> Surveyed:
    """Read an index; what was not ``remembered`` goes into the spool."""
    known: list[tuple[bytes, Entry]] = []
    fresh: dict[bytes, tuple[bytes, Entry]] = {}  # by name, architecture and version
    seen: set[bytes] = set()
    faults: list[ArchiveFault] = []
    left = dict(remembered)
    if not remembered:
        expect_many()
    what = index.path + held.suffix
    pieces = unpacking.pieces(held.pieces(), held.suffix, what, limit=rules.unpacked)
    for batch in stanzas.split(pieces, what, longest=rules.limits.control_file):
        checkpoint()
        clean = index.kind == "deb" and not remembered and plain.are_clean(batch)
        for stanza in batch:
            digest = stanzas.digest_of(stanza)
            entry = left.pop(digest, None)
            if entry is not None:
                known.append((digest, entry))
            elif digest not in remembered and digest not in seen:  # else it is listed twice
                seen.add(digest)
                added = clean and _add_plain(stanza, digest, index, fresh, spool)
                if not added and (fault := _add(stanza, digest, index, fresh, spool, rules)):
                    faults.append(fault)
        if len(known) + len(fresh) > rules.packages:
            raise RemoteError(
                f"{what} lists more than {rules.packages} packages",
                hint="raise the setting mirror.limits.packages if you trust this archive",
            )
    twice = [fresh.pop(short)[1] for short in _taken(known, fresh)]
    faults += [_twice(index, entry) for entry in twice]
    return Surveyed(index, known, tuple(fresh.values()), tuple(left.values()), faults)


def _add_plain(
    stanza: bytes,
    digest: bytes,
    index: ReadIndex,
    fresh: dict[bytes, tuple[bytes, Entry]],
    spool: Spool,
) -> bool:
    """Add what a stanza offers as `_add` does, if it is plain and all is well with it."""
    offered = plain.read(stanza)
    if offered is None:
        return False
    short, mark, record, path, size = offered
    if short in fresh or short.split(b"\0", 2)[1].decode() not in index.architectures:
        return False
    entry = Entry(short + mark)
    spool.put(entry, record, path, size)
    fresh[short] = digest, entry
    return True


def _add(
    stanza: bytes,
    digest: bytes,
    index: ReadIndex,
    fresh: dict[bytes, tuple[bytes, Entry]],
    spool: Spool,
    rules: SurveyRules,
) -> ArchiveFault | None:
    """Add what a stanza offers to what is ``fresh``; return what is wrong with it."""
    try:
        offered = _offered(stanza, index, rules)
    except InvalidPackage as error:
        text = f"{error}; {error.hint}" if error.hint else str(error)
        return ArchiveFault(index.path, stanzas.name_of(stanza), text)
    if offered is None:
        return None
    entry = spool.add(offered)
    other = fresh.setdefault(packageset.short(entry), (digest, entry))
    return None if other[1] == entry else _twice(index, entry)


def _twice(index: ReadIndex, entry: Entry) -> ArchiveFault:
    display = PackageKey.from_entry(entry).display
    return ArchiveFault(index.path, display, "it is listed twice, with other files")


def _taken(known: Sequence[tuple[bytes, Entry]], fresh: Mapping[bytes, object]) -> Iterator[bytes]:
    """Yield the versions that are fresh, and known with other files."""
    names = {short[: short.index(b"\0")] for short in fresh}
    for _, entry in known if names else ():
        if entry[: entry.index(b"\0")] in names:
            short = packageset.short(entry)
            if short in fresh:
                yield short


def _offered(stanza: bytes, index: ReadIndex, rules: SurveyRules) -> Offered | None:
    """Return what a stanza offers; nothing if that is of another machine in a flat repository."""
    if index.kind == "source":
        offered = stanzas.source(stanza, rules.limits, weak=rules.weak)
    else:
        offered = stanzas.binary(stanza, index.kind, rules.limits, weak=rules.weak)
    architecture = offered.package.key.architecture
    if index.architectures and architecture not in index.architectures:
        if not index.component:
            return None
        raise InvalidPackage(f"{architecture} is not an architecture of this index")
    if rules.lazy and not all(file.sha256 for file in offered.package.files):
        raise InvalidPackage("it has no SHA256 checksum, by which a file is fetched later")
    return offered


def recognized(txn: Transaction, spool: Spool, entries: Sequence[Entry]) -> dict[Entry, Entry]:
    """Return those of the spool that the database has, with the entries that it has them by."""
    found: dict[Entry, Entry] = {}
    records = txn[PACKAGES]
    if not records:
        return found
    for number, entry in enumerate(entries, 1):
        if not number % _LOOKUPS:
            txn.trim()
            checkpoint()
        short = packageset.short(entry)
        best = -1
        for known in records.prefix_keys(short):
            stored = decode(PackageKey.from_entry(known), records[known])
            if not known.startswith(short) or not _same_files(spool, entry, stored):
                continue
            digests = sum(map(bool, stored.files[0]))
            if digests > best:  # of a lazy mirror, a package may have some of them only
                best, found[entry] = digests, Entry(known)
    return found


def _same_files(spool: Spool, entry: Entry, stored: Package) -> bool:
    """Tell whether a stored package has the files that are offered."""
    offered = spool.get(entry).package
    if offered.kind != stored.kind or len(offered.files) != len(stored.files):
        return False
    mine = sorted(offered.files)
    for file, other in zip(mine, sorted(stored.files), strict=True):
        if file.size not in (-1, other.size):
            return False
        digests = [(a, b) for a, b in zip(file[2:], other[2:], strict=True) if a and b]
        if not digests or any(a != b for a, b in digests):
            return False
        if not (file.sha256 and other.sha256) and not (file.sha512 and other.sha512):
            return False
    return True

"""The survey: what the indexes of an archive offer, and which of it debrepo knows already."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from debrepo import packageset
from debrepo.archive.sound import expect_many
from debrepo.catalog import PACKAGES
from debrepo.errors import InvalidPackage, RemoteError
from debrepo.package import Entry, PackageKey, decode
from debrepo.stopping import checkpoint
from debrepo_mirror.tables import ArchiveFault
from debrepo_mirror.upstream import stanzas, unpacking

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
    """What an index offers: entries that debrepo knows, and provisional ones of the spool."""

    read: ReadIndex
    entries: Sequence[tuple[bytes, Entry]]  #: with the digests of their stanzas, in order
    faults: Sequence[ArchiveFault] = ()


def survey(
    index: ReadIndex,
    held: HeldIndex,
    remembered: Mapping[bytes, Entry],
    spool: Spool,
    rules: SurveyRules,
) -> Surveyed:
    """Read an index; what was not ``remembered`` goes into the spool."""
    entries: list[tuple[bytes, Entry]] = []
    faults: list[ArchiveFault] = []
    taken: dict[bytes, Entry] = {}
    seen: set[bytes] = set()
    if not remembered:
        expect_many()
    what = index.path + held.suffix
    pieces = unpacking.pieces(held.pieces(), held.suffix, what, limit=rules.unpacked)
    for batch in stanzas.split(pieces, what, longest=rules.limits.control_file):
        checkpoint()
        for stanza in batch:
            digest = stanzas.digest_of(stanza)
            if digest in seen:  # it is listed twice, letter by letter
                continue
            seen.add(digest)
            entry = remembered.get(digest)
            if entry is None:
                try:
                    offered = _offered(stanza, index, rules)
                    if offered is None:
                        continue
                    entry = spool.add(offered)
                except InvalidPackage as error:
                    text = f"{error}; {error.hint}" if error.hint else str(error)
                    faults.append(ArchiveFault(index.path, stanzas.name_of(stanza), text))
                    continue
            short = packageset.short(entry)
            other = taken.get(short)
            if other is None:
                taken[short] = entry
                entries.append((digest, entry))
            elif other != entry:
                display = PackageKey.from_entry(entry).display
                faults.append(
                    ArchiveFault(index.path, display, "it is listed twice, with other files")
                )
        if len(entries) > rules.packages:
            raise RemoteError(
                f"{what} lists more than {rules.packages} packages",
                hint="raise the setting mirror.limits.packages if you trust this archive",
            )
    return Surveyed(index, entries, faults)


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

"""Plans: which versions of its packages a repository can do without."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from debrepo import catalog, packageset, query, selection
from debrepo.catalog import CHUNKS, PACKAGES
from debrepo.stopping import each
from debrepo.version import sort_key
from debrepo_retention import arrivals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from debrepo.config import Config
    from debrepo.database import Transaction
    from debrepo.package import Entry, PackageList, SetId
    from debrepo_retention.tables import RetentionPolicy

_WALK = 4096  # packages to read before the pages that they stand on are unmapped
_SUFFIX = b"-dbgsym"
_UNCOUNTED = (b"installer\n", b"appstream\n", b"translation\n")  # they have no versions


class SourcedPackage(NamedTuple):
    """A package of a repository, and the source that it was built from."""

    entry: Entry
    source: bytes
    version: bytes  #: of the source


class PrunePlan(NamedTuple):
    """What leaves a repository, and what stays though there are newer versions of it."""

    target: PackageList  #: the state of the repository that it was made for
    policy: RetentionPolicy
    removed: tuple[Entry, ...] = ()
    young: tuple[Entry, ...] = ()
    excepted: tuple[Entry, ...] = ()
    touched: frozenset[bytes] = frozenset()  #: names of what is removed, and of its sources


def plan(
    config: Config,
    txn: Transaction,
    target: PackageList,
    policy: RetentionPolicy,
    now: float,
    sources: frozenset[bytes] | None = None,
) -> PrunePlan:
    """Return what a policy removes from a repository; with ``sources``, only of these.

    All packages of one source stay together, or all that have the same name and architecture.
    """
    members = list(_members(txn, target.set_id, sources))
    versions = _considered(config, txn, members, policy)
    old = _beyond(versions, policy.keep)
    excepts = _chooser(config, txn, policy.excepts) if policy.excepts else _nothing
    excepted, old = _split(old, excepts)
    fresh = arrivals.since(txn, target.name, now - policy.min_age) if policy.min_age else set()
    young, old = _split(old, lambda found: [e for e in found if arrivals.mark(e) in fresh])
    if policy.per == "binary":  # the last: sources of what stays for any reason stay
        old = _without_needed(members, old)
    gone = {member.entry: member for version in old for member in version}
    touched = {name for one in gone.values() for name in (one.source, _counted_name(one.entry))}
    return PrunePlan(
        target,
        policy,
        tuple(sorted(gone)),
        tuple(sorted(member.entry for version in young for member in version)),
        tuple(sorted(member.entry for version in excepted for member in version)),
        frozenset(touched),
    )


def touched_by(txn: Transaction, entries: Iterable[Entry]) -> frozenset[bytes]:
    """Return the names of packages, and of their sources, as plans have them."""
    found = (_member(entry, txn[PACKAGES].get(entry, b"")) for entry in entries)
    return frozenset(name for one in found for name in (one.source, _counted_name(one.entry)))


def sources_of(txn: Transaction, entries: Iterable[Entry]) -> frozenset[bytes]:
    """Return the names of the sources of packages."""
    return frozenset(_member(entry, txn[PACKAGES].get(entry, b"")).source for entry in entries)


def _members(
    txn: Transaction, set_id: SetId, sources: frozenset[bytes] | None
) -> Iterator[SourcedPackage]:
    record_of = txn[PACKAGES].get
    for number, entry in enumerate(each(packageset.entries(txn[CHUNKS], set_id)), 1):
        if not number % _WALK:
            txn.trim()
        record = record_of(entry, b"")
        if record.startswith(_UNCOUNTED):
            continue
        member = _member(entry, record)
        if sources is None or member.source in sources:
            yield member


def _member(entry: Entry, record: bytes) -> SourcedPackage:
    """Return a package with its source; Policy 5.6.1 says how a stanza names that."""
    name, architecture, version, _ = entry.split(b"\0")
    place = record.find(b"\nSource:")
    if place < 0 or architecture == b"source":
        return SourcedPackage(entry, name, version)
    line = record[
        place + 8 : record.find(b"\n", place + 1) if b"\n" in record[place + 1 :] else None
    ]
    source, _, rest = line.strip().partition(b" ")
    return SourcedPackage(entry, source or name, rest.strip(b" ()") or version)


def _counted_name(entry: bytes) -> bytes:
    return entry.partition(b"\0")[0].removesuffix(_SUFFIX)


def _is_source(entry: bytes) -> bool:
    return entry.split(b"\0", 2)[1] == b"source"


def _considered(
    config: Config, txn: Transaction, members: Iterable[SourcedPackage], policy: RetentionPolicy
) -> dict[bytes, dict[bytes, list[SourcedPackage]]]:
    """Return what is counted: each version of a source, or of a binary package."""
    by_source = policy.per == "source"
    found: dict[bytes, dict[bytes, list[SourcedPackage]]] = {}
    for member in members:
        if by_source:
            group, version = member.source, member.version
        else:
            name, architecture, version, _ = member.entry.split(b"\0")
            group = name.removesuffix(_SUFFIX) + b"\0" + architecture
        found.setdefault(group, {}).setdefault(version, []).append(member)
    if not policy.queries:
        return found
    choose = _chooser(config, txn, policy.queries)
    every = [member.entry for versions in found.values() for v in versions.values() for member in v]
    wanted = set(choose(every))
    return {
        group: {v: all_ for v, all_ in versions.items() if any(m.entry in wanted for m in all_)}
        for group, versions in found.items()
    }


def _beyond(
    groups: dict[bytes, dict[bytes, list[SourcedPackage]]], keep: int
) -> list[list[SourcedPackage]]:
    """Return the versions of each group that come after the newest ones."""
    found: list[list[SourcedPackage]] = []
    for versions in groups.values():
        if len(versions) <= keep:
            continue
        ranked: dict[bytes, list[SourcedPackage]] = {}
        for version, members in versions.items():  # 1.0 and 1.00 are one version
            ranked.setdefault(sort_key(version.decode()), []).extend(members)
        found += (ranked[rank] for rank in sorted(ranked, reverse=True)[keep:])
    return found


def _without_needed(
    members: Iterable[SourcedPackage], old: list[list[SourcedPackage]]
) -> list[list[SourcedPackage]]:
    """Return versions without those of sources that binary packages which stay were built from."""
    gone = {member.entry for version in old for member in version}
    needed = {
        (member.source, member.version)
        for member in members
        if member.entry not in gone and not _is_source(member.entry)
    }

    def is_needed(member: SourcedPackage) -> bool:
        return _is_source(member.entry) and (member.source, member.version) in needed

    return [version for version in old if not any(map(is_needed, version))]


def _split(
    versions: list[list[SourcedPackage]], choose: Callable[[list[Entry]], Iterable[Entry]]
) -> tuple[list[list[SourcedPackage]], list[list[SourcedPackage]]]:
    """Return the versions that have a package which is chosen, and the others."""
    chosen = set(choose([member.entry for version in versions for member in version]))
    sides: tuple[list[list[SourcedPackage]], list[list[SourcedPackage]]] = ([], [])
    for version in versions:
        sides[not any(member.entry in chosen for member in version)].append(version)
    return sides


def _chooser(
    config: Config, txn: Transaction, queries: Iterable[str]
) -> Callable[[list[Entry]], Iterable[Entry]]:
    """Return what chooses the packages that match any of the queries."""
    wanted = selection.parse(config, queries)
    assert wanted is not None
    return lambda found: query.select(wanted, found, lambda entry: catalog.get(txn, entry))


def _nothing(_: list[Entry]) -> Iterable[Entry]:
    return ()

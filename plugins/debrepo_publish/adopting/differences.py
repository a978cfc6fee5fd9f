"""Differences between what clients read now, and what they would read after a publish."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from debrepo import catalog, clock, packageset
from debrepo.catalog import CHUNKS
from debrepo.errors import NotFound
from debrepo.package import PackageKey
from debrepo.version import sort_key
from debrepo_publish.adopting import served
from debrepo_publish.engine import changes, dating, narrowing
from debrepo_publish.engine import plan as planning
from debrepo_publish.engine.changes import PackageChange
from debrepo_publish.engine.fields import of_release
from debrepo_publish.engine.layout import CARRIED
from debrepo_publish.indexes import release
from debrepo_publish.model import publications
from debrepo_publish.model.publication import generation_key
from debrepo_publish.model.tables import COMMITS, HISTORY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from debrepo.database import Transaction
    from debrepo.package import Entry
    from debrepo.session import Session
    from debrepo_publish.adopting.served import ServedArchive, ServedPackage
    from debrepo_publish.engine.plan import Plan
    from debrepo_publish.model.publication import Generation, Publication

#: Fields of Release whose change makes ``apt-get update`` fail until somebody confirms it.
STOPPING = frozenset(["Origin", "Label", "Codename", "NotAutomatic", "ButAutomaticUpgrades"])
#: Those that change with every publish, or that clients do not look at.
_PASSING = frozenset(["Date", "Valid-Until", "Acquire-By-Hash", "No-Support-for-Architecture-all"])


class FieldChange(NamedTuple):
    """A field of the Release file that has another value; an empty one is not there."""

    name: str
    before: str
    after: str
    stops: bool  #: whether apt refuses the archive until somebody confirms the change


class ClientDifference(NamedTuple):
    """What clients will notice of a publish."""

    publication: str
    fields: tuple[FieldChange, ...]
    packages: tuple[PackageChange, ...]
    problems: tuple[str, ...]  #: what cannot be read of what is live
    new: bool  #: whether nothing is live now


#: Component, architecture and name of a package.
_Name = tuple[str, str, str]


def compare(
    session: Session, publication: Publication, live: ServedArchive | None
) -> ClientDifference:
    """Return the difference between what is live and what a publish would make of it now."""
    plan, fields = _planned(session, publication)
    before = _grouped(live.packages if live else ())
    with session.db.read() as txn:
        found = _changes(txn, plan, before)
        packages = tuple(sorted(found, key=lambda one: (one[1:4], one.change)))
    return ClientDifference(
        str(publication),
        _fields(live.fields, fields) if live else (),
        packages,
        live.problems if live else (),
        live is None,
    )


def coming(session: Session, publication: Publication) -> ClientDifference:
    """Return what `compare` does, with what the database says is live: at the cost of what differs.

    Nothing of the published tree is read.
    """
    plan, fields = _planned(session, publication)
    key = publication.key
    with session.db.read() as txn:
        live = publications.live(txn, key)
        packages = () if live is None else tuple(changes.between(txn, live, plan.generation))
        number = live.number if live else 0
        before = served.fields_of(txn[COMMITS].get(generation_key(key, number).encode(), b""))
    return ClientDifference(
        str(publication),
        _fields(before, fields) if before else (),
        packages,
        (),
        new=live is None,
    )


def _planned(session: Session, publication: Publication) -> tuple[Plan, dict[str, str]]:
    """Return the plan of a publish now, and the fields of the Release file that it would write."""
    now = clock.moment(clock.now()).isoformat()
    sound = narrowing.narrowed(session, publication)
    with session.db.read() as txn:
        plan = planning.make(session, txn, publication, "", now, sound=sound)
    standard = release.fields(publication, plan.generation, clock.seconds())
    standard |= dating.fields(session, publication)
    return plan, of_release(session, publication, plan.generation, standard)


def between(session: Session, publication: Publication, start: int, end: int) -> ClientDifference:
    """Return the difference between two generations that are kept, by their numbers."""
    key = publication.key
    with session.db.read() as txn:
        old, new = (_kept(txn, publication, number) for number in (start, end))
        packages = tuple(changes.between(txn, old, new))
        before, after = (
            served.fields_of(txn[COMMITS].get(generation_key(key, one.number).encode(), b""))
            for one in (old, new)
        )
    return ClientDifference(str(publication), _fields(before, after), packages, (), new=False)


def _kept(txn: Transaction, publication: Publication, number: int) -> Generation:
    """Return a generation that was live once, and whose packages are known."""
    kept = [
        found
        for found in publications.generations(txn, publication.key)
        if found.state in ("live", "past")
    ]
    found = next((one for one in kept if one.number == number), None)
    if found is None:
        there = ", ".join(str(one.number) for one in kept) or "none"
        past = generation_key(publication.key, number) in txn[HISTORY]
        raise NotFound(
            f"generation {number} of {publication} is not kept any more"
            if past
            else f"{publication} has no generation {number}",
            hint=f"there are: {there}",
        )
    if found.adopted:
        raise NotFound(
            f"generation {number} of {publication} was published by another tool: its packages are"
            " not known here"
        )
    return found


def _fields(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[FieldChange, ...]:
    """Return the fields that differ; of lists, the order does not count."""
    found = []
    for name in dict.fromkeys([*before, *after]):
        if name in _PASSING:
            continue
        old, new = (fields.get(name, "").strip() for fields in (before, after))
        if name in ("Architectures", "Components"):
            old, new = (" ".join(sorted(set(text.split()) - _UNSAID)) for text in (old, new))
        if name in ("NotAutomatic", "ButAutomaticUpgrades"):
            old, new = (text if text.lower() == "yes" else "" for text in (old, new))
        if old != new:
            found.append(FieldChange(name, old, new, name in STOPPING))
    return tuple(found)


_UNSAID = {"all", "source"}  # architectures that a Release file may or may not list


def _grouped(packages: Iterable[ServedPackage]) -> dict[_Name, dict[str, set[str]]]:
    """Return, by name, the versions and the checksums that each has."""
    found: dict[_Name, dict[str, set[str]]] = {}
    for component, architecture, name, version, sha256 in packages:
        found.setdefault((component, architecture, name), {}).setdefault(version, set()).add(sha256)
    return found


def _changes(
    txn: Transaction, plan: Plan, before: dict[_Name, dict[str, set[str]]]
) -> Iterator[PackageChange]:
    seen: set[_Name] = set()
    for name, entries in _published(txn, plan):
        seen.add(name)
        versions = {PackageKey.from_entry(entry).version: entry for entry in entries}
        newest = max(versions, key=sort_key)
        there = before.get(name)
        if there is None:
            yield PackageChange("added", *name, "", newest)
            continue
        old = max(there, key=sort_key)
        if sort_key(old) != sort_key(newest):
            upgraded = sort_key(old) < sort_key(newest)
            yield PackageChange("upgraded" if upgraded else "downgraded", *name, old, newest)
        elif not _is_same(txn, versions[newest], there[old]):
            yield PackageChange("rebuilt", *name, old, newest)
    for name, there in before.items():
        if name not in seen:
            yield PackageChange("removed", *name, max(there, key=sort_key), "")


def _is_same(txn: Transaction, entry: Entry, known: set[str]) -> bool:
    """Return whether a package has one of these checksums; an empty one may be any."""
    return "" in known or catalog.get(txn, entry).files[0].sha256 in known


def _published(txn: Transaction, plan: Plan) -> Iterator[tuple[_Name, list[Entry]]]:
    """Yield the packages that a generation would serve, by component, architecture and name."""
    served = plan.generation.served
    for component, part in plan.generation.parts.items():
        entries = packageset.entries(txn[CHUNKS], part.set_id)
        for group, found in groupby(entries, lambda entry: entry.split(b"\0", 2)[:2]):
            name, architecture = (text.decode() for text in group)
            members = list(found)
            if name in CARRIED and catalog.get(txn, members[0]).kind in CARRIED:
                continue
            if architecture in served:
                yield (component, architecture, name), members

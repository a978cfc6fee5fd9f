"""Importing from reprepro: each component of a distribution becomes a repository here."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from debrepo.errors import DebrepoError
from debrepo.ingest import configured_limits
from debrepo.lists import check_name
from debrepo_import import lists, packages, settings
from debrepo_import.foreign import ForeignList, ForeignPackage
from debrepo_import.report import ImportReport, Remark
from debrepo_import.reprepro import counterparts
from debrepo_import.reprepro.configuration import open_base
from debrepo_import.reprepro.reading import opened
from debrepo_import.tables import BROUGHT, brought_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from debrepo.package import Entry
    from debrepo.pool import Pool
    from debrepo.session import Session
    from debrepo_import.files import Way
    from debrepo_import.packages import BroughtPackages
    from debrepo_import.reprepro.configuration import Base, RepreproDistribution
    from debrepo_import.reprepro.reading import Databases, PackageTree


_BATCH = 2048  # packages that are in memory at once


class RepreproTerms(NamedTuple):
    """How to import."""

    way: Way = "copy"
    force: bool = False
    storage: str = "reprepro"  #: the name that its public directory has as a storage here


def bring(session: Session, base: Path, terms: RepreproTerms) -> ImportReport:
    """Bring what reprepro keeps, and what has changed there since the last time."""
    found = open_base(base)
    distributions = found.distributions()
    total = ImportReport(0, 0, 0, (), (), 0, tuple(counterparts.remarks(found, distributions)))
    source = f"reprepro:{found.base}"
    with opened(session, found) as databases, session.pool.reserving() as pool:
        trees = databases.trees()
        if databases.tracked:
            text = "which files belong to which source is known by the packages; notes are not kept"
            total = _with(total, Remark("unsupported", "tracking.db", text))
        for one in distributions:
            for component in one.components:
                mine = [t for t in trees if (t.codename, t.component) == (one.codename, component)]
                work = _Work(session, pool, databases, found, source, terms)
                total = _bring_component(work, one, component, mine, total)
        total = _with(total, *_unknown(distributions, trees))
        with session.db.write() as txn:
            packages.settle(txn, source)
    total = _mirrors(session, found, distributions, source, total, force=terms.force)
    return _publish(session, found, distributions, terms, total)


class _Work(NamedTuple):
    session: Session
    pool: Pool
    databases: Databases
    base: Base
    source: str
    terms: RepreproTerms


def _bring_component(
    work: _Work,
    distribution: RepreproDistribution,
    component: str,
    trees: list[PackageTree],
    total: ImportReport,
) -> ImportReport:
    session, name = work.session, distribution.list_name(component)
    state = work.databases.state(trees)
    with session.db.read() as txn:
        last = txn[BROUGHT].get(brought_key(work.source, f"repo:{name}"))
        here = f"repo:{name}" in lists.existing(session, txn)
    if last is not None and last.whole and last.state == state and here:
        return total._replace(unchanged=total.unchanged + 1)
    entries: dict[Entry, None] = {}
    final: dict[Entry, Entry] = {}
    for tree in trees:
        for known, remarks in _read(work, tree):
            brought = _bring(work, known)
            entries.update(dict.fromkeys(known))
            final.update(brought.final)
            total = _with(total, *remarks, *brought.remarks)._replace(
                packages=total.packages + brought.packages,
                files=total.files + brought.files,
                bytes=total.bytes + brought.bytes,
            )
    properties = {
        "component": component.rpartition("/")[2],
        "distribution": distribution.codename,
        "comment": f"From reprepro, {work.base.base}",
    }
    found = ForeignList("repo", name, tuple(entries), properties, state)
    done = lists.put(session, work.source, found, final, force=work.terms.force)
    return _noted(total, f"repo:{name}", done)


def _bring(work: _Work, known: Mapping[Entry, ForeignPackage]) -> BroughtPackages:
    def read(wanted: Sequence[Entry]) -> Iterable[ForeignPackage]:
        return (known[entry] for entry in wanted)

    return packages.bring(work.session, work.pool, work.source, known.keys(), read, work.terms.way)


def _read(
    work: _Work, tree: PackageTree
) -> Iterator[tuple[dict[Entry, ForeignPackage], list[Remark]]]:
    """Yield the packages of a tree by their entries, a batch at a time, and what cannot come."""
    limits = configured_limits(work.session.config)
    rest = work.databases.packages(tree, work.base.out, limits)
    while batch := list(islice(rest, _BATCH)):
        known = {one.package.key.entry: one for one in batch if isinstance(one, ForeignPackage)}
        yield known, [one for one in batch if isinstance(one, Remark)]


def _noted(total: ImportReport, name: str, done: lists.PutList) -> ImportReport:
    total = _with(total, *done.remarks)
    if done.outcome == "created":
        return total._replace(created=(*total.created, name))
    if done.outcome == "changed":
        return total._replace(changed=(*total.changed, name))
    return total._replace(unchanged=total.unchanged + (done.outcome == "unchanged"))


def _with(total: ImportReport, *remarks: Remark) -> ImportReport:
    known = dict.fromkeys([*total.remarks, *remarks])
    return total._replace(remarks=tuple(known))


def _unknown(
    distributions: Iterable[RepreproDistribution], trees: Iterable[PackageTree]
) -> list[Remark]:
    """Return what the databases have and the configuration does not name any more."""
    named = {(one.codename, name) for one in distributions for name in one.components}
    others = dict.fromkeys((t.codename, t.component) for t in trees)
    text = "conf/distributions does not name it any more, so its packages are not brought"
    return [
        Remark("note", f"{codename} {component}", text)
        for codename, component in others
        if (codename, component) not in named
    ]


def _mirrors(
    session: Session,
    base: Base,
    distributions: Iterable[RepreproDistribution],
    source: str,
    total: ImportReport,
    *,
    force: bool,
) -> ImportReport:
    """Store update rules as mirrors; their first update fetches what they are to have."""
    for rule in counterparts.mirrors(base, distributions):
        if isinstance(rule, Remark):
            total = _with(total, rule)
            continue
        state = repr(sorted(rule.properties.items()))
        name = f"mirror:{rule.name}"
        with session.db.read() as txn:
            last = txn[BROUGHT].get(brought_key(source, name))
            here = name in lists.existing(session, txn)
        if last is not None and here and last.state == state:
            total = total._replace(unchanged=total.unchanged + 1)
            continue
        found = ForeignList("mirror", rule.name, (), rule.properties, state)
        total = _noted(total, name, lists.put(session, source, found, {}, force=force))
    return total


def _publish(
    session: Session,
    base: Base,
    distributions: Iterable[RepreproDistribution],
    terms: RepreproTerms,
    total: ImportReport,
) -> ImportReport:
    """Store how distributions are published; ``publish update --take-over`` makes them live."""
    storage = storage_of(session, base) or terms.storage
    check_name(storage)
    section = {f"storage.fs.{storage}.root": str(base.out)}
    total = _with(total, *settings.keep(session, section, ()))
    created: list[str] = []
    for one in distributions:
        wanted = counterparts.publishing(one)
        with session.db.read() as txn:
            here = lists.existing(session, txn)
        names = {component: f"repo:{one.list_name(component)}" for component in one.components}
        subject = f"publication fs:{storage}:./{one.codename}"
        absent = [name for name in names.values() if name not in here]
        if absent:
            text = f"what it publishes is not here: {absent[0].replace(':', ' ', 1)}"
            total = _with(total, Remark("refused", subject, text))
            continue
        try:
            with session.db.write() as txn:
                new = session.hook.debrepo_import_publication(
                    session=session,
                    txn=txn,
                    place=f"fs:{storage}:.",
                    distribution=wanted.distribution,
                    sources=names,
                    options=wanted.options,
                )
        except DebrepoError as error:
            total = _with(total, Remark("refused", subject, str(error)))
            continue
        if new:
            created.append(f"publication:fs:{storage}:./{one.codename}")
    return total._replace(created=(*total.created, *created))


def storage_of(session: Session, base: Base) -> str:
    """Return the name of the storage that is the public directory of reprepro, if there is one."""
    for name in session.config.names("storage.fs"):
        root = str(session.config.section(f"storage.fs.{name}")["root"])
        if root and (session.root / root).absolute() == base.out:
            return name
    return ""

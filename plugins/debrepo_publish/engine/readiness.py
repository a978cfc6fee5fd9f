"""Readiness: plans whose packages have been read as deep as their indexes need, and are sound.

A package that turns out to be broken is named, and left out; the others are published. The
data is unpacked before anything is written, and only if an index is to be made of which the kind
reads it, such as Contents.
"""

from __future__ import annotations

from collections import ChainMap
from contextlib import closing
from typing import TYPE_CHECKING

from debrepo import catalog, clock, packageset, remote_files, verdicts
from debrepo.catalog import CHUNKS, DEFECTS, Defect
from debrepo_publish.engine import changelogs, narrowing, pdiffs, skeleton, verbatim
from debrepo_publish.engine import plan as planning
from debrepo_publish.engine.layout import CARRIED
from debrepo_publish.indexes.release import own_fields
from debrepo_publish.model import publications

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from debrepo.database import Transaction
    from debrepo.package import Entry, SetId
    from debrepo.packageset import Store
    from debrepo.session import Session
    from debrepo.verdicts import Broken
    from debrepo_publish.engine.plan import Plan
    from debrepo_publish.model.publication import Publication


def prepare(
    session: Session, publication: Publication, why: str, *, again: int, force: bool
) -> Plan:
    """Return the plan of the next generation, once all that it needs to know is known.

    With ``force``, nothing is taken to be as it was for the previous generation.
    """
    if publication.verbatim:
        return _verbatim(session, publication, why, again=again, force=force)
    named: set[str] = set()
    while True:
        plan = _sound(session, publication, why, again, named)
        if plan.unchanged and not force:
            return plan
        changelogs.release_fields(session, publication)  # raises before anything is read
        own_fields(publication.options)
        pdiffs.check(publication)
        with session.db.read() as txn:
            changes = list(planning.changelog_changes(txn, plan.previous, plan.generation))
        if changes:
            from debrepo_publish.engine import changelog_reading

            if changelog_reading.read(session, changes):
                session.db.look_again()
                continue  # there are more files now
        with session.db.read() as txn:
            needed = verdicts.unread(session.config, txn, _listed(txn, plan, anew=force))
            files = list(_files(txn, plan, needed, anew=force))
        remote_files.fetch(session, _without_copies(session, publication, plan, files))
        if needed:
            from debrepo.ingest import deep  # unpacking is slow to load

            deep.read(session.seeing(None), needed)  # others read them as well
            session.db.look_again()
        with session.db.read() as txn:
            sets = [part.set_id for part in plan.generation.parts.values()]
            if needed and not all(packageset.is_whole(txn[CHUNKS], one) for one in sets):
                continue  # the lists have changed meanwhile, and a cleanup has been here
            if not any(verdicts.broken(session.config, txn, set_id) for set_id in sets):
                return plan


def _without_copies(
    session: Session, publication: Publication, plan: Plan, files: list[tuple[str, int]]
) -> list[tuple[str, int]]:
    """Return the files that have to come here: not those that the storage copies by itself."""
    links = {file.sha256 for file in plan.additions}
    others = {digest for digest, _ in files[len(plan.additions) :]}
    with closing(session.storage(publication.storage)) as storage:
        most = storage.copies_up_to
    if not most:
        return files
    copied = remote_files.beside(session, publication.storage, links - others)
    return [file for file in files if file[0] not in copied or file[1] > most]


def _verbatim(
    session: Session, publication: Publication, why: str, *, again: int, force: bool
) -> Plan:
    """Return the plan of what another archive has signed, which nothing is left out of."""
    now = clock.moment(clock.now()).isoformat()
    with session.db.read() as txn:
        plan = planning.make(session, txn, publication, why, now, again=again, sound={})
    if force or not plan.unchanged:
        verbatim.fetch(session, plan, anew=force)
    return plan


def _files(
    txn: Transaction, plan: Plan, needed: Iterable[Entry], *, anew: bool
) -> Iterator[tuple[str, int]]:
    """Yield the files that a publish reads or links, by their SHA256, and their sizes."""
    yield from ((file.sha256, file.size) for file in plan.additions)
    yield from remote_files.of_packages(txn, needed)
    if anew and plan.previous:
        place = plan.publication.place
        known = planning.changed_files(txn, place, None, plan.generation)
        yield from ((file.sha256, file.size) for file in known)
    for part in plan.generation.parts.values():
        for kind in CARRIED:
            entries = packageset.find(txn[CHUNKS], part.set_id, f"{kind}\0".encode())
            yield from remote_files.of_packages(txn, entries)


def leave_out(session: Session, publication: Publication, reasons: Mapping[Entry, str]) -> None:
    """Record packages that no index takes as broken, and that nothing was written of a plan."""
    rules = verdicts.rules(session.config)
    with session.db.read() as txn:
        packages = list(catalog.get_many(txn, reasons))
    with session.db.write() as txn:
        for (entry, reason), package in zip(reasons.items(), packages, strict=True):
            txn[DEFECTS][entry] = Defect(package.files[0].name, reason, "", rules)
        last = publications.last_number(txn, publication.key)
        if last and publications.generation(txn, publication.key, last).state == "void":
            publications.remove_generation(txn, publication.key, last)


def _sound(
    session: Session, publication: Publication, why: str, again: int, named: set[str]
) -> Plan:
    """Plan a generation without the packages that are known to be broken; warn of new ones."""
    now = clock.moment(clock.now()).isoformat()
    files = skeleton.read(session, publication, named)
    sound: dict[SetId, SetId] = {}
    while True:
        narrowed = {} if again else narrowing.narrowed(session, publication)
        found: dict[SetId, tuple[SetId, list[Broken]]] = {}
        warnings: list[str] = []
        with session.db.read() as txn:
            inputs = planning.inputs(txn, session.hook, publication, again=again)
            if narrowed and any(one.set_id not in narrowed for one in inputs):
                continue  # the lists have changed meanwhile
            for one in inputs:
                set_id = narrowed.get(one.set_id, one.set_id)
                broken = verdicts.broken(session.config, txn, set_id)
                warnings += [_warning(one.source, package) for package in broken]
                if one.set_id in sound:
                    continue
                less = _stored_without(txn, set_id, broken) if broken else set_id
                if less is None:
                    found[one.set_id] = set_id, broken
                elif less != one.set_id:
                    sound[one.set_id] = less
            plan = None
            if not found:
                plan = planning.make(session, txn, publication, why, now, again=again, sound=sound)
        for warning in warnings:
            if warning not in named:
                session.progress.note(warning)
        named.update(warnings)
        if plan is not None:
            return skeleton.joined(plan, files)
        with session.db.write() as txn:
            for given, (set_id, broken) in found.items():
                if packageset.is_whole(txn[CHUNKS], set_id):  # a cleanup may have been here
                    sound[given] = _without(txn[CHUNKS], set_id, broken)


def _without(store: Store, set_id: SetId, broken: Iterable[Broken]) -> SetId:
    return packageset.update(store, set_id, remove=[one.entry for one in broken])


def _stored_without(txn: Transaction, set_id: SetId, broken: Iterable[Broken]) -> SetId | None:
    """Return a set without some packages, if a publish before this one has stored it."""
    new: dict[bytes, bytes] = {}
    less = _without(ChainMap(new, txn[CHUNKS]), set_id, broken)
    return None if new else less


def _warning(source: str, package: Broken) -> str:
    file, reason = package.defect.file, package.defect.reason
    return f"Warning: {file} of {source} is broken, and is not published: {reason}"


def _listed(txn: Transaction, plan: Plan, *, anew: bool) -> Iterator[Entry]:
    """Yield the packages whose paths are needed, without those that were needed before."""
    previous, generation = plan.previous, plan.generation
    as_before = (
        not anew
        and previous is not None
        and previous.rendering == generation.rendering
        and previous.architectures == generation.architectures
        and previous.served == generation.served
    )
    for component, part in generation.parts.items():
        taken = {kind for one in plan.kinds.read(component, "contents") for kind in one.kind.takes}
        if not taken:
            continue
        before = previous.parts.get(component) if previous and as_before else None
        entries = _added(txn, before.set_id if before else packageset.EMPTY, part.set_id)
        for entry in entries:
            architecture = _architecture(entry)
            wanted = "source" in taken if architecture == "source" else taken != {"source"}
            if wanted and architecture in generation.served:
                yield entry


def _added(txn: Transaction, old: SetId, new: SetId) -> Iterable[Entry]:
    if old == packageset.EMPTY:
        return packageset.entries(txn[CHUNKS], new)
    return packageset.diff(txn[CHUNKS], old, new).added


def _architecture(entry: Entry) -> str:
    return entry.split(b"\0", 2)[1].decode()

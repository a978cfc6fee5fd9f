"""Importing from aptly: what it keeps is brought here, and at the next time what has changed."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from debrepo import packageset
from debrepo.catalog import CHUNKS
from debrepo.errors import DebrepoError
from debrepo_import import lists, packages, settings
from debrepo_import.aptly import configuration, publications, reading, skeleton
from debrepo_import.foreign import ForeignList
from debrepo_import.report import ImportReport, Remark
from debrepo_import.tables import BROUGHT, brought_key

if TYPE_CHECKING:
    from collections.abc import Iterable

    from debrepo.database import Transaction
    from debrepo.package import Entry
    from debrepo.session import Session
    from debrepo_import.aptly.lists import AptlyList
    from debrepo_import.aptly.source import AptlySource
    from debrepo_import.files import Way
    from debrepo_import.packages import BroughtPackages


class ImportTerms(NamedTuple):
    """How to import."""

    way: Way = "copy"
    force: bool = False
    prune: bool = False


def bring(session: Session, source: AptlySource, terms: ImportTerms) -> ImportReport:
    """Bring what aptly has and is not here, and what has changed there since."""
    remarks = list(source.remarks)
    for found in source.lists:
        remarks += found.remarks
    with session.db.read() as txn:
        here = lists.existing(session, txn)
        changed = [one for one in source.lists if not _known(txn, source, here, one)]
    outcomes: dict[str, str] = {}
    with session.pool.reserving() as pool:
        kept = _kept(session, source, changed)
        wanted = _wanted(source, changed, kept, remarks)
        read = partial(
            reading.packages,
            source.records,
            source.configuration.pool,
            session.config["archive.policy"],
        )
        brought = packages.bring(session, pool, source.name, wanted, read, terms.way)
        brought.final.update((entry, entry) for entry in kept)
        remarks += brought.remarks
        for found in session.progress.track("Lists", changed, len(changed)):
            outcomes[f"{found.kind}:{found.name}"] = _put(
                session, source, found, brought, remarks, force=terms.force
            )
        with session.db.write() as txn:
            packages.settle(txn, source.name)
    published = _publish(session, source, remarks)
    remarks += _configure(session, source)
    remarks += skeleton.bring(session, source, force=terms.force)
    remarks += _gone(session, source, prune=terms.prune)
    return ImportReport(
        brought.packages,
        brought.files,
        brought.bytes,
        tuple(name for name, outcome in outcomes.items() if outcome == "created") + published,
        tuple(name for name, outcome in outcomes.items() if outcome == "changed"),
        len(source.lists)
        - sum(outcome in {"created", "changed", "kept"} for outcome in outcomes.values()),
        tuple(dict.fromkeys(remarks)),
    )


def _known(txn: Transaction, source: AptlySource, here: Iterable[str], found: AptlyList) -> bool:
    """Return whether a list is as the last import has left it; one that is gone here is not."""
    name = f"{found.kind}:{found.name}"
    last = txn[BROUGHT].get(brought_key(source.name, name))
    return last is not None and last.whole and last.state == found.state and name in here


def _kept(session: Session, source: AptlySource, changed: Iterable[AptlyList]) -> set[Entry]:
    """Return the packages that lists have since an earlier import: they are not looked at again."""
    kept: set[Entry] = set()
    with session.db.read() as txn:
        here = lists.existing(session, txn)
        for found in changed:
            name = f"{found.kind}:{found.name}"
            last = txn[BROUGHT].get(brought_key(source.name, name))
            if last is not None and name in here and here[name].set_id.hex() == last.set_id:
                kept.update(packageset.entries(txn[CHUNKS], here[name].set_id))
    return kept


def _wanted(
    source: AptlySource, changed: Iterable[AptlyList], kept: set[Entry], remarks: list[Remark]
) -> list[Entry]:
    """Return what lists have besides, in the order in which aptly's database has it."""
    wanted: dict[Entry, None] = {}
    for found in changed:
        entries, odd = found.entries(source.records)
        remarks += odd
        wanted.update((entry, None) for entry in entries if entry not in kept)
    return sorted(wanted, key=_place)


def _place(entry: bytes) -> list[bytes]:
    name, architecture, *rest = entry.split(b"\0")
    return [architecture, name, *rest]


def _put(
    session: Session,
    source: AptlySource,
    found: AptlyList,
    brought: BroughtPackages,
    remarks: list[Remark],
    *,
    force: bool,
) -> str:
    entries, _ = found.entries(source.records)
    whole = ForeignList(found.kind, found.name, entries, found.properties, found.state)
    result = lists.put(session, source.name, whole, brought.final, force=force)
    remarks += result.remarks
    return result.outcome


def _publish(session: Session, source: AptlySource, remarks: list[Remark]) -> tuple[str, ...]:
    """Store the publications; return those that are new here."""
    created = []
    current = {f"{one.kind}:{one.name}": one.digest for one in source.lists}
    with session.db.read() as txn:
        here = set(lists.existing(session, txn))
    for found in publications.publications(source.records, source.names):
        if isinstance(found, Remark):
            remarks.append(found)
            continue
        subject = f"publication {found}"
        absent = [name for name in found.sources.values() if name not in here]
        if absent:
            text = f"what it publishes is not here: {absent[0].replace(':', ' ', 1)}"
            remarks.append(Remark("refused", subject, text))
            continue
        try:
            with session.db.write() as txn:
                new = session.hook.debrepo_import_publication(
                    session=session, txn=txn, **_arguments(found)
                )
        except DebrepoError as error:
            remarks.append(Remark("refused", subject, str(error)))
            continue
        if new:
            created.append(f"publication:{found}")
        for component, published in found.as_published.items():
            if published != current.get(found.sources[component]):
                text = f"the repository of {component} has changed since it was published"
                remarks.append(Remark("note", subject, text))
    return tuple(created)


def _configure(session: Session, source: AptlySource) -> list[Remark]:
    """Bring the configuration; keys that are here already stay those that sign."""
    wanted, remarks = configuration.translated(source.configuration)
    if (session.root / "gnupg").is_dir():
        wanted.pop("signing.gpg.home", None)
    return settings.keep(session, wanted, remarks)


def _arguments(found: publications.AptlyPublication) -> dict[str, object]:
    return {
        "place": found.place,
        "distribution": found.distribution,
        "sources": found.sources,
        "options": found.options,
    }


def _gone(session: Session, source: AptlySource, *, prune: bool) -> list[Remark]:
    """Return what an earlier import brought and is no longer there; with ``prune``, drop it."""
    names = set(source.names.values())
    prefix = brought_key(source.name, "")
    with session.db.read() as txn:
        here = lists.existing(session, txn)
        known = [key.removeprefix(prefix) for key in txn[BROUGHT].prefix_keys(prefix.encode())]
    remarks = []
    for name in known:
        if name in names or name.startswith(skeleton.KIND):
            continue
        kind, _, plain = name.partition(":")
        if name in here and not prune:
            text = "it is no longer there; --prune drops it here too"
            remarks.append(Remark("gone", f"{kind} {plain}", text))
            continue
        try:
            if name in here:
                session.call(f"{kind}.drop", name=plain)
        except DebrepoError as error:
            remarks.append(Remark("gone", f"{kind} {plain}", f"it is kept here: {error}"))
            continue
        with session.db.write() as txn:
            txn[BROUGHT].pop(brought_key(source.name, name), None)
    return remarks

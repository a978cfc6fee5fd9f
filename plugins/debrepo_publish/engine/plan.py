"""The plan: what a publish has to do, as the database says."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from debrepo import catalog, lists, packageset
from debrepo.catalog import CHUNKS
from debrepo.errors import InvalidInput, NotFound
from debrepo.package import NO_MACHINE
from debrepo.packageset import EMPTY
from debrepo.values import NamedTuple
from debrepo_publish.engine import changelogs, expecting, ledger, verbatim
from debrepo_publish.engine import displaced as displacement
from debrepo_publish.engine.layout import files
from debrepo_publish.indexes import admission
from debrepo_publish.model import publications
from debrepo_publish.model.hashing import key_of
from debrepo_publish.model.publication import Generation, Part, Publication

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pluggy import HookRelay

    from debrepo.archive import Policy
    from debrepo.database import Transaction
    from debrepo.package import Entry, SetId
    from debrepo.session import Session
    from debrepo_publish.engine.displaced import Displaced
    from debrepo_publish.engine.fields import Fields
    from debrepo_publish.engine.ledger import File
    from debrepo_publish.indexes.contexts import Kinds


class Plan(NamedTuple):
    """A generation to make, and the files that it needs."""

    publication: Publication
    generation: Generation
    previous: Generation | None
    additions: list[File]
    #: Paths among the additions that the storage may not hold; true: it has never held them, false:
    #: they were superseded and are put again in case they are being deleted.
    missing: dict[str, bool]
    displaced: Displaced  #: shelf and package, with a directory of its own
    kinds: Kinds
    fields: Fields  #: that plugins add to packages
    unchanged: bool
    policy: Policy  #: the setting ``archive.policy``: which packages are left out of indexes
    #: Files that are published beside indexes, by path below the distribution; see `skeleton`.
    skeleton: Mapping[str, bytes] = {}

    @property
    def has_new_alias(self) -> bool:
        """Whether all indexes get a further name, and not only those that change."""
        known = self.previous.publication.aliases if self.previous else ()
        return not set(self.publication.aliases).issubset(known)


def make(
    session: Session,
    txn: Transaction,
    publication: Publication,
    why: str,
    now: str,
    *,
    again: int = 0,
    sound: Mapping[SetId, SetId],
) -> Plan:
    """Plan the next generation of a publication from what its package lists hold now.

    With the number of a generation in ``again``, from what they held for that one. Of the sets
    in ``sound``, those are published that they map to.
    """
    policy = session.config["archive.policy"]
    previous = publications.live(txn, publication.key)
    before = previous.parts if previous else {}
    parts: dict[str, Part] = {}
    for one in inputs(txn, session.hook, publication, again=again):
        set_id = sound.get(one.set_id, one.set_id)
        known = one.part or before.get(one.component)
        same = one.part if set_id == one.set_id else None
        parts[one.component] = same or _part(txn, one.source, set_id, known)
    architectures = _architectures(publication, parts)
    generation = Generation(
        number=publications.last_number(txn, publication.key) + 1,
        state="pending",
        base=previous.number if previous else 0,
        parts=parts,
        architectures=architectures,
        served=(*architectures, "all", *["source"] * publication.has_source(parts)),
        options=publication.fingerprint(),
        created=now,
        who=session.actor or _user(),
        why=why,
        publication=publication,
    )
    if publication.verbatim:
        return _verbatim(session, txn, publication, previous, generation, policy, again=again)
    for component, part in parts.items():
        expecting.changes(txn, before.get(component), part)
    displaced = displacement.known(txn, publication.place)
    new = _additions(txn, publication, previous, generation, displaced)
    displaced = displacement.within(txn, generation, displaced) | new.moved
    kinds, fields = _kinds_and_fields(session, txn, publication, generation)
    rendering = _rendering(publication, kinds, fields, displaced, policy)
    generation = generation._replace(rendering=rendering)
    unchanged = previous is not None and previous.inputs == generation.inputs
    return Plan(
        publication,
        generation,
        previous,
        new.files,
        new.missing,
        displaced,
        kinds,
        fields,
        unchanged,
        policy,
    )


def _verbatim(
    session: Session,
    txn: Transaction,
    publication: Publication,
    previous: Generation | None,
    generation: Generation,
    policy: Policy,
    *,
    again: int,
) -> Plan:
    """Plan a generation of what another archive has signed."""
    if again:
        found = publications.generation(txn, publication.key, again).verbatim
    else:
        found = verbatim.archive(txn, session.hook, publication)
    if found is None:
        raise InvalidInput(f"generation {again} of {publication} is not verbatim")
    made = generation._replace(verbatim=found, rendering=verbatim.rendering(found))
    files = verbatim.changed_files(txn, previous, made)
    missing = verbatim.check_free(txn, publication, files)
    kinds, fields = _kinds_and_fields(session, txn, publication, made)
    unchanged = previous is not None and previous.inputs == made.inputs
    return Plan(
        publication,
        made,
        previous,
        files,
        missing,
        frozenset(),
        kinds,
        fields,
        unchanged,
        policy,
    )


class Input(NamedTuple):
    """The package list that a component is made from, and the package set that it stands for."""

    component: str
    source: str
    set_id: SetId
    part: Part | None = None  #: what was made of it, in a generation that is published again


def inputs(
    txn: Transaction, hook: HookRelay, publication: Publication, *, again: int = 0
) -> list[Input]:
    """Return what a publication is made from now, or was for the generation ``again``."""
    if again:
        known = publications.generation(txn, publication.key, again)
        _check_ours(publication, known)
        return [
            Input(component, part.source, part.set_id, part)
            for component, part in known.parts.items()
        ]
    found: list[Input] = []
    for component, source in sorted(publication.sources.items()):
        kind, _, name = source.partition(":")
        found.append(Input(component, source, lists.get(hook, txn, kind, name).set_id))
    return found


def again(
    session: Session, txn: Transaction, publication: Publication, generation: Generation
) -> Plan:
    """Return the plan of a generation that exists."""
    _check_ours(publication, generation)
    displaced = displacement.within(txn, generation, displacement.known(txn, publication.place))
    kinds, fields = _kinds_and_fields(session, txn, publication, generation)
    return Plan(
        publication,
        generation,
        generation,
        [],
        {},
        displaced,
        kinds,
        fields,
        unchanged=True,
        policy=session.config["archive.policy"],
    )


def _check_ours(publication: Publication, generation: Generation) -> None:
    """Raise `NotFound` for a generation of another tool: nobody knows its packages here."""
    if generation.adopted:
        raise NotFound(
            f"generation {generation.number} of {publication} was published by another tool",
            hint=f'publish it from package lists: run "debrepo publish update {publication.words}"',
        )


def _kinds_and_fields(
    session: Session, txn: Transaction, publication: Publication, generation: Generation
) -> tuple[Kinds, Fields]:
    """Return what plugins have to do with the indexes of a generation."""
    from debrepo_publish.engine.fields import added  # which commands that only look do without
    from debrepo_publish.indexes.contexts import kinds

    found = kinds(session, publication, generation)
    return found, added(session, txn, publication, generation)


def _rendering(
    publication: Publication, kinds: Kinds, fields: Fields, displaced: Displaced, policy: Policy
) -> str:
    """Return a hash of all that indexes depend on besides packages and architectures."""
    parts = [*publication.compressions, *publication.sums, admission.origin(policy)]
    parts += ["multi-dist"] * publication.multi_dist
    parts += ["pdiffs"] * bool(publication.options.get("pdiffs"))
    moved = [shelf.encode() + b"\0" + entry for shelf, entry in sorted(displaced)]
    added = [
        part
        for component, found in sorted(fields.items())
        for entry, one in sorted(found.items())
        for part in (component.encode(), entry, one.signature)
    ]
    return key_of(kinds.key, *(part.encode() for part in parts), *moved, b"fields", *added).hex()


def _part(txn: Transaction, source: str, set_id: SetId, before: Part | None) -> Part:
    if before and before.set_id == set_id:
        return before._replace(source=source)
    counts = dict(before.architectures) if before else {}
    removed, added = packageset.diff(txn[CHUNKS], before.set_id if before else EMPTY, set_id)
    for entries, step in ((added, 1), (removed, -1)):
        for entry in entries:
            architecture = entry.split(b"\0", 2)[1].decode()
            counts[architecture] = counts.get(architecture, 0) + step
    # An architecture without packages keeps its empty indexes: clients ask for them.
    return Part(source, set_id, dict(sorted(counts.items())))


def _architectures(publication: Publication, parts: dict[str, Part]) -> tuple[str, ...]:
    """Return the architectures to make indexes for, without ``all`` and ``source``.

    One that no machine has, such as rpm's noarch, is made for only if it was asked for.
    """
    there = {name for part in parts.values() for name in part.architectures}
    chosen = publication.architectures or there - NO_MACHINE
    found = tuple(sorted(set(chosen) - {"all", "source"}))
    if not chosen and not there:
        raise InvalidInput(
            f"cannot tell the architectures of {publication}: there are no packages",
            hint="name them with --architectures",
        )
    return found


def _user() -> str:
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def changes(
    txn: Transaction, old: Generation | None, new: Generation | None
) -> Iterator[tuple[str, list[Entry]]]:
    """Yield each shelf of ``new`` with the packages that ``old`` does not serve there, in order."""
    if new is None:
        return
    for component, part in sorted(new.parts.items()):
        shelf = new.shelf(component)
        before = old.parts.get(component) if old and old.shelf(component) == shelf else None
        if before is None or old is None or old.served == new.served:
            start = before.set_id if before else EMPTY
            found = packageset.diff(txn[CHUNKS], start, part.set_id).added
            yield shelf, [entry for entry in found if _serves(new, entry)]
            continue
        added = set(packageset.diff(txn[CHUNKS], before.set_id, part.set_id).added)
        yield (
            shelf,
            [
                entry
                for entry in packageset.entries(txn[CHUNKS], part.set_id)
                if _serves(new, entry) and (entry in added or not _serves(old, entry))
            ],
        )


def _serves(generation: Generation, entry: Entry) -> bool:
    """Return whether an index of the generation lists a package, by its architecture."""
    served = generation.served
    return not served or entry.split(b"\0", 2)[1].decode() in served


class _Additions(NamedTuple):
    files: list[File]
    missing: dict[str, bool]
    moved: set[tuple[str, Entry]]


def _additions(
    txn: Transaction,
    publication: Publication,
    previous: Generation | None,
    generation: Generation,
    displaced: Displaced,
) -> _Additions:
    """Find the path of every file of each new package, and which of them are missing."""
    new = _Additions([], {}, set())
    planned: dict[str, str] = {}  # the digest that a path will have
    if previous and previous.verbatim:
        previous = None  # its files are elsewhere
    held = ledger.reader(txn, publication.place)
    for shelf, entries in changes(txn, previous, generation):
        for entry, package in expecting.packages(txn, publication.place, shelf, entries):
            there = (shelf, entry) in displaced
            wanted = files(shelf, package, displaced=there)
            rows = [held(path) for path, _, _ in wanted]
            if not there and _are_taken(wanted, rows, planned):
                new.moved.add((shelf, entry))
                wanted = files(shelf, package, displaced=True)
                rows = [held(path) for path, _, _ in wanted]
            for (path, sha256, _), row in zip(wanted, rows, strict=True):
                planned[path] = sha256
                if row is None or not row.references:
                    new.missing[path] = row is None
            new.files.extend(wanted)
    for file in changelogs.files(txn, changelog_changes(txn, previous, generation)):
        row = held(file.path)
        if row is None or not row.references:
            new.missing[file.path] = row is None
        new.files.append(file)
    return new


def changelog_changes(
    txn: Transaction, old: Generation | None, new: Generation | None
) -> Iterator[tuple[str, list[Entry]]]:
    """Yield what `changes` does, of what has changelogs beside the packages."""
    if changelogs.wanted(new):
        yield from changes(txn, old if changelogs.wanted(old) else None, new)


def _are_taken(wanted: list[File], rows: list[ledger.Held | None], planned: dict[str, str]) -> bool:
    """Return whether other content is, was or will be served under any of the paths."""
    for (path, sha256, _), row in zip(wanted, rows, strict=True):
        if planned.get(path, row.sha256 if row else sha256) != sha256:
            return True
    return False


def changed_files(
    txn: Transaction, place: str, old: Generation | None, new: Generation | None
) -> list[File]:
    """Return the pool files of what is in ``new`` and not in ``old``: packages, and changelogs.

    The order is always the same, so that interrupted work can be resumed. Swap the two
    to get the files that ``new`` no longer needs.
    """
    if new and new.verbatim:
        return verbatim.changed_files(txn, old, new)
    if old and old.verbatim:
        old = None  # its files are elsewhere
    displaced = displacement.known(txn, place)
    found = [
        file
        for shelf, entries in changes(txn, old, new)
        for entry, package in zip(entries, catalog.get_many(txn, entries), strict=True)
        for file in files(shelf, package, displaced=(shelf, entry) in displaced)
    ]
    return found + changelogs.files(txn, changelog_changes(txn, old, new))

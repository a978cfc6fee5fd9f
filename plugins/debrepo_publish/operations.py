"""What can be done with publications."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from debrepo import lists
from debrepo.errors import AlreadyExists, InUse, NotFound
from debrepo_publish.engine import dropping, expecting, places
from debrepo_publish.listing_operations import show
from debrepo_publish.model import component_sources as pending
from debrepo_publish.model import documents, publications
from debrepo_publish.model.beginning import begin
from debrepo_publish.model.options import declared
from debrepo_publish.model.publication import Publication, check_distribution, split_place
from debrepo_publish.model.tables import PUBLICATIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from debrepo.session import Session
    from debrepo_publish.checking.comparing import Verified
    from debrepo_publish.checking.repair import Repaired
    from debrepo_publish.engine.dropping import Dropped
    from debrepo_publish.engine.publishing import Result


def create(
    session: Session,
    kind: str,
    names: Sequence[str],
    place: str = "",
    *,
    distribution: str = "",
    components: Sequence[str] = (),
    options: Mapping[str, Any] | None = None,
    force: bool = False,
    force_overwrite: bool = False,
) -> Result:
    """Publish package lists of a ``kind`` for the first time, each as one component.

    ``options`` are fields of `Publication`, or declared by plugins; the configuration has others.
    ``force`` takes over a place where another publisher has published; ``force_overwrite``
    replaces package files there that debrepo did not write.
    """
    wanted = begin(session, kind, names, place, distribution=distribution, components=components)
    publication = documents.checked(_changed(session, wanted, options))

    def first(existing: Publication | None) -> Publication:
        if existing and existing.live:  # one that was imported waits for its first publish
            raise AlreadyExists(
                f"{existing} is published already",
                hint=f'run "debrepo publish update {existing.words}"',
            )
        return publication

    why = f"publish {kind} {' '.join(names)}"
    from debrepo_publish.engine import publishing as engine  # it imports much

    return engine.publish(
        session,
        publication.place,
        publication.distribution,
        first,
        why=why,
        force=force,
        force_overwrite=force_overwrite,
    )


def update(
    session: Session,
    distribution: str,
    place: str = "",
    *,
    options: Mapping[str, Any] | None = None,
    force: bool = False,
    force_overwrite: bool = False,
    skip_cleanup: bool = False,
    yes_really: bool = False,
    same_packages: bool = False,
) -> Result:
    """Publish what the package lists hold now, and apply pending changes of component sources.

    ``options`` change fields of the publication; ``skip_cleanup`` leaves superseded files
    to the next publish. With ``same_packages``, those are published that clients see now.
    """
    live = 0
    if same_packages:
        with session.db.read() as txn:
            live = publications.get(txn, _named(distribution, place).key).live

    def change(publication: Publication) -> Publication:
        if not same_packages:
            sources = publication.next_sources
            publication = publication._replace(sources=sources, pending=None)
        return _changed(session, publication, options)

    return _again(
        session,
        distribution,
        place,
        change,
        why="publish update",
        again=live,
        force=force,
        force_overwrite=force_overwrite,
        skip_cleanup=skip_cleanup,
        yes_really=yes_really,
    )


def rollback(
    session: Session,
    distribution: str,
    place: str = "",
    *,
    generation: int = 0,
    skip_cleanup: bool = False,
) -> Result:
    """Publish an older generation again, the one before the live one if none is named.

    It becomes a new generation, with the components, packages and Release fields of the old
    one. How it is signed, and how long superseded files stay, is as it is now.
    """
    shown = show(session, distribution, place)
    past = {found.number: found for found in shown.generations if found.state == "past"}
    number = generation or max(past, default=0)
    if number not in past:
        kept = f"there are: {', '.join(map(str, sorted(past)))}"
        none = f'nothing else is kept of it: run "debrepo publish show {shown.publication.words}"'
        raise NotFound(
            f"{shown.publication} has no past generation{f' {number}' if number else ''}",
            hint=kept if past else none,
        )
    old = past[number].publication
    with session.db.read() as txn:
        there = publications.existing(txn, session.hook, old.sources)

    def change(now: Publication) -> Publication:
        return documents.rolled_back(now, old, there)

    why = f"publish rollback {number}"
    return _again(
        session, distribution, place, change, why=why, again=number, skip_cleanup=skip_cleanup
    )


def _changed(session: Session, old: Publication, options: Mapping[str, Any] | None) -> Publication:
    return documents.changed(old, options, declared(session.hook))


def _named(distribution: str, place: str) -> Publication:
    """Return a publication with nothing but its name."""
    return Publication(*split_place(place), distribution, {})


def switch(
    session: Session,
    distribution: str,
    names: Sequence[str],
    place: str = "",
    *,
    kind: str = "snapshot",
    components: Sequence[str] = (),
    join: bool = False,
    options: Mapping[str, Any] | None = None,
    force: bool = False,
    force_overwrite: bool = False,
    skip_cleanup: bool = False,
    yes_really: bool = False,
) -> Result:
    """Replace the package lists of components, and publish.

    Unless components are named, a repository's publication does not become a snapshot's. With
    ``join``, new components are added, and pending changes are applied.
    """
    with session.db.read() as txn:
        publications.get(txn, _named(distribution, place).key, after=names)
        found = [str(lists.get(session.hook, txn, kind, name)) for name in names]

    def change(publication: Publication) -> Publication:
        switched = pending.switched(publication, found, components, join=join)
        return _changed(session, switched, options)

    why = f"publish switch {' '.join(names)}"
    return _again(
        session,
        distribution,
        place,
        change,
        why=why,
        force=force,
        force_overwrite=force_overwrite,
        skip_cleanup=skip_cleanup,
        yes_really=yes_really,
    )


def _again(
    session: Session,
    distribution: str,
    place: str,
    change: Callable[[Publication], Publication],
    *,
    yes_really: bool = False,
    **how: Any,
) -> Result:
    wanted = _named(distribution, place)

    with session.db.read() as txn:
        expected = expecting.publication(txn, session.hook, wanted.place, wanted.key)
        publications.get(txn, wanted.key)

    def edit(existing: Publication | None) -> Publication:
        if existing is None:
            raise NotFound(f"{wanted} is not published any more")
        changed = documents.checked(change(existing))
        if changed.sources != existing.sources and not yes_really:
            check_unprotected(existing, "replaced")
        return changed

    from debrepo_publish.engine import publishing as engine

    return engine.publish(session, wanted.place, distribution, edit, expected=expected, **how)


def check_unprotected(publication: Publication, verb: str) -> None:
    """Raise `InUse` for a publication that is protected from being ``verb``: ``dropped``."""
    if publication.options.get("protected"):
        raise InUse(
            f"{publication} is protected, and cannot be {verb} just so",
            hint=f'run "debrepo promote FROM {publication.words}", or insist with --yes-really',
        )


def drop(
    session: Session,
    distribution: str,
    place: str = "",
    *,
    skip_cleanup: bool = False,
    force: bool = False,
    yes_really: bool = False,
) -> Dropped:
    """Drop a publication, and delete the files that only it needs.

    ``skip_cleanup`` leaves its files to the next publish or drop in the place; ``force`` drops the
    publication even if its files cannot be deleted.
    """
    wanted = _named(distribution, place)
    if not yes_really:
        with session.db.read() as txn:
            check_unprotected(publications.get(txn, wanted.key), "dropped")
    where = wanted.place
    return dropping.drop(session, where, distribution, skip_cleanup=skip_cleanup, force=force)


def verify(
    session: Session,
    distribution: str,
    place: str = "",
    *,
    url: str | None = None,
    keyring: bytes = b"",
    files: bool = False,
) -> Verified:
    """Check a published tree as a client would, and against the database.

    ``url`` is that of the archive root, for the tree that clients get; ``keyring`` holds
    public keys, instead of our own; ``files`` reads every package file too.
    """
    from debrepo_publish.checking import comparing  # decompressing is slow to load

    wanted = _named(check_distribution(distribution), place)
    return comparing.verify(session, wanted, url=url or "", keyring=keyring, files=files)


def repair(
    session: Session,
    distribution: str,
    place: str = "",
    *,
    files: bool = False,
    reconcile: bool = False,
    dry_run: bool = False,
    force: bool = False,
) -> Repaired:
    """Repair what `verify` finds; ``reconcile`` lists the storage, and corrects the ledger.

    ``force`` replaces Release files that debrepo did not write.
    """
    from debrepo_publish.checking import repair as repairing

    return repairing.repair(
        session,
        _named(distribution, place),
        files=files,
        reconciling=reconcile,
        dry_run=dry_run,
        force=force,
    )


def source_list(session: Session, distribution: str, place: str = "") -> Publication:
    """Return a publication that has pending changes of component sources."""
    publication = show(session, distribution, place).publication
    if publication.pending is None:
        raise NotFound(
            f"no changes are pending for {publication}",
            hint='run "debrepo publish source add --help"',
        )
    return publication


def source_add(
    session: Session,
    distribution: str,
    names: Sequence[str],
    place: str = "",
    *,
    components: Sequence[str] = (),
    kind: str = "",
) -> Publication:
    """Add components with the next update."""
    return _revise(
        session,
        distribution,
        place,
        lambda old: pending.add(old, pending.matched(old, names, components, kind)),
    )


def source_update(
    session: Session,
    distribution: str,
    names: Sequence[str],
    place: str = "",
    *,
    components: Sequence[str] = (),
    kind: str = "",
) -> Publication:
    """Change the package lists of components with the next update."""
    return _revise(
        session,
        distribution,
        place,
        lambda old: pending.update(old, pending.matched(old, names, components, kind)),
    )


def source_replace(
    session: Session,
    distribution: str,
    names: Sequence[str],
    place: str = "",
    *,
    components: Sequence[str] = (),
    kind: str = "",
) -> Publication:
    """Replace all components with the next update."""
    return _revise(
        session,
        distribution,
        place,
        lambda old: pending.replace(old, pending.matched(old, names, components, kind)),
    )


def source_remove(
    session: Session, distribution: str, components: Sequence[str], place: str = ""
) -> Publication:
    """Remove components with the next update."""
    return _revise(session, distribution, place, lambda old: pending.remove(old, components))


def source_drop(session: Session, distribution: str, place: str = "") -> Publication:
    """Drop the pending changes of component sources."""
    return _revise(session, distribution, place, lambda old: old._replace(pending=None))


def _revise(
    session: Session,
    distribution: str,
    place: str,
    change: Callable[[Publication], Publication],
) -> Publication:
    wanted = _named(distribution, place)
    with places.hold(session, wanted.place), session.db.write() as txn:
        before = publications.get(txn, wanted.key)
        changed = change(before)
        for source in sorted(
            set((changed.pending or {}).values()) - {*before.next_sources.values()}
        ):
            lists.get(session.hook, txn, *lists.parse(source, ""))  # raises where there is none
        txn[PUBLICATIONS][wanted.key] = changed
    return changed

"""What can be done about what clients read now: take it over, and see what would change."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

from debrepo import lists
from debrepo_publish.engine import places
from debrepo_publish.model import component_sources, documents, publications
from debrepo_publish.model.beginning import begin
from debrepo_publish.model.options import declared
from debrepo_publish.model.publication import Publication, split_place
from debrepo_publish.model.tables import PUBLICATIONS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from debrepo.session import Session
    from debrepo_publish.adopting.differences import ClientDifference
    from debrepo_publish.adopting.exporting import ExportedTree
    from debrepo_publish.engine.publishing import Result


def take_over(
    session: Session,
    kind: str = "",
    names: Sequence[str] = (),
    place: str = "",
    *,
    distribution: str = "",
    components: Sequence[str] = (),
    options: Mapping[str, Any] | None = None,
    force: bool = False,
) -> Result:
    """Publish package lists of a ``kind`` over what another tool has published.

    Without ``names``, it is a publication that an import has stored and that is not live yet.
    Fields of the Release file, checksums, compressions and the key that signs stay as they are,
    unless ``options`` say otherwise. What clients may still fetch stays until its grace is over;
    package files that are the same are kept. ``force`` signs with a key that is new to clients.
    """
    from debrepo_publish.adopting import taking  # reading indexes is slow to load

    if names:
        wanted = begin(
            session, kind, names, place, distribution=distribution, components=components
        )
    else:
        wanted = _stored(session, distribution, place)
    why = " ".join(["take over, with", *wanted.sources.values()])
    return taking.take_over(session, wanted, options, why=why, force=force)


def _stored(session: Session, distribution: str, place: str) -> Publication:
    """Return a publication as it is stored, with pending changes of component sources."""
    key = Publication(*split_place(place), distribution, {}).key
    with session.db.read() as txn:
        found = publications.get(txn, key)
    return found._replace(sources=found.next_sources, pending=None)


def diff(
    session: Session,
    distribution: str = "",
    place: str = "",
    *,
    kind: str = "",
    names: Sequence[str] = (),
    components: Sequence[str] = (),
    options: Mapping[str, Any] | None = None,
    take_over: bool = False,
    join: bool = False,
    url: str | None = None,
) -> ClientDifference:
    """Return what clients would notice of the next publish; nothing is written.

    With ``names``, of a first publish of these package lists, or of a switch to them; with
    ``take_over``, of taking over what another tool has published. ``url`` is that of the archive
    root that clients have, where it is not the place itself.
    """
    from debrepo_publish.adopting import differences, served, taking
    from debrepo_publish.checking.trees import ServedTree, StoredTree

    with session.db.read() as txn:
        known = txn[PUBLICATIONS].get(Publication(*split_place(place), distribution, {}).key)
    if names and (take_over or known is None):  # as `publish.create` would
        wanted = begin(
            session, kind, names, place, distribution=distribution, components=components
        )
        publication = taking.planned(session, wanted, options) if take_over else wanted
    elif names and known is not None:
        with session.db.read() as txn:
            found = [str(lists.get(session.hook, txn, kind, name)) for name in names]
        publication = component_sources.switched(known, found, components, join=join)
    else:
        wanted = _stored(session, distribution, place)
        publication = taking.planned(session, wanted, options) if take_over else wanted
    if not take_over:
        changed = documents.changed(publication, options, declared(session.hook))
        publication = documents.checked(changed)
    with closing(places.open_storage(session, publication.place)) as storage:
        tree = ServedTree(url) if url else StoredTree(storage, publication)
        live = served.read(tree, publication.distribution)
    return differences.compare(session, publication, live)


def compare(
    session: Session, distribution: str, place: str = "", *, start: int, end: int = 0
) -> ClientDifference:
    """Return what clients noticed between two generations that are kept; 0 is the live one."""
    from debrepo_publish.adopting import differences

    with session.db.read() as txn:
        known = publications.get(txn, Publication(*split_place(place), distribution, {}).key)
    return differences.between(session, known, start or known.live, end or known.live)


def export(session: Session, directory: Path, distribution: str, place: str = "") -> ExportedTree:
    """Write a published distribution to a directory, as clients get it, signatures and all."""
    from debrepo_publish.adopting import exporting

    return exporting.export(session, Publication(*split_place(place), distribution, {}), directory)

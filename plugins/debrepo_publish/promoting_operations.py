"""Promoting: what was tried in one place becomes what clients of another one are served."""

from __future__ import annotations

import time
from contextlib import closing, suppress
from typing import TYPE_CHECKING

from debrepo import lists
from debrepo.errors import AlreadyExists, Conflict, DebrepoError, InvalidInput, NotFound
from debrepo.values import NamedTuple
from debrepo_publish import operations
from debrepo_publish.engine import live_tree, places
from debrepo_publish.model import component_sources, publications
from debrepo_publish.model.publication import Publication, split_place
from debrepo_publish.model.tables import PUBLICATIONS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from debrepo.database import Transaction
    from debrepo.package import PackageList
    from debrepo.session import Session
    from debrepo_publish.adopting.differences import ClientDifference

_MOST = 1000  # promotions of one list a day


class Promoted(NamedTuple):
    """What a promotion does, or did."""

    publication: str
    sources: tuple[tuple[str, str], ...]  #: what each component is made from
    snapshots: tuple[str, ...]  #: that were created; none for a dry run, or if nothing changes
    difference: ClientDifference | None  #: what clients notice; of a dry run
    generation: int = 0  #: the new one


def edit(
    session: Session, distribution: str, place: str = "", *, protected: bool | None = None
) -> Publication:
    """Protect a publication from switches and drops that do not say that they mean it, or not."""
    key = Publication(*split_place(place), distribution, {}).key
    with session.db.write() as txn:
        publication = publications.get(txn, key)
        if protected is not None:
            options = {name: v for name, v in publication.options.items() if name != "protected"}
            if protected:
                options["protected"] = True
            publication = publication._replace(options=options)
            txn[PUBLICATIONS][key] = publication
    return publication


def promote(
    session: Session,
    source: str,
    distribution: str,
    place: str = "",
    *,
    components: Sequence[str] = (),
    name: str = "",
    dry_run: bool = False,
) -> Promoted:
    """Make dated snapshots of a list or of what a publication serves, and switch another to them.

    ``source`` is the name of a repository, ``KIND:NAME``, or ``PLACE/DISTRIBUTION`` of a
    publication. ``components`` are those to replace: all if none are named. ``name`` is that of the
    snapshot, or its beginning if there are several. If the switch fails, the snapshots are dropped.
    """
    key = Publication(*split_place(place), distribution, {}).key
    with session.db.read() as txn:
        publication = _published(txn, key)
        found = _sources(session, txn, publication, source, components)
        same = all(_is_live(txn, publication, part, one) for part, one in found.items())
    said = str(publication), tuple((part, str(one)) for part, one in found.items())
    if dry_run:
        return Promoted(*said, (), _difference(session, publication, found))
    if same:
        _check_live(session, publication)
        return Promoted(*said, (), None)
    _check_kinds(publication, found)
    made: list[str] = []
    try:
        for part, one in found.items():
            wanted = name or _beginning(one, source)
            if len(found) > 1:
                wanted = f"{wanted}-{part.replace('/', '-')}"
            made.append(_snapshot(session, wanted, one, dated=not name))
        result = operations.switch(
            session, distribution, made, place, components=list(found), yes_really=True
        )
    except BaseException:
        for one_made in made:
            with suppress(DebrepoError):
                session.call("snapshot.drop", name=one_made)
        raise
    return Promoted(*said, tuple(made), None, result.generation)


def preview(
    session: Session,
    distribution: str,
    place: str = "",
    *,
    sources: Mapping[str, str] | None = None,
    promoted: str = "",
    components: Sequence[str] = (),
) -> ClientDifference:
    """Return what clients will notice of the next publish, by what the database says is live.

    ``sources`` maps components to lists that they are switched to, as ``kind:name``; ``promoted``
    and ``components`` are the first arguments of `promote`. The published tree is not read.
    """
    from debrepo_publish.adopting import differences

    key = Publication(*split_place(place), distribution, {}).key
    with session.db.read() as txn:
        known = publications.get(txn, key)
        if promoted:
            found = _sources(session, txn, known, promoted, components)
            wanted = {part: str(one) for part, one in found.items()}
        else:
            wanted = {
                part: str(lists.get(session.hook, txn, *lists.parse(one, "snapshot")))
                for part, one in (sources or {}).items()
            }
    if not wanted:
        publication = known._replace(sources=known.next_sources, pending=None)
    elif promoted:
        publication = known._replace(sources={**known.sources, **wanted})
    else:
        publication = component_sources.switched(known, [*wanted.values()], [*wanted], join=False)
    return differences.coming(session, publication)


def _published(txn: Transaction, key: str) -> Publication:
    """Return a publication; where none is meant, say how there comes to be one."""
    place, _, distribution = key.rpartition(" ")
    where = "" if place == "." else f" {place}"
    command = f"debrepo publish snapshot NAME{where} --distribution {distribution}"
    first = f'publish a snapshot for the first time: run "{command}"'
    return publications.get(txn, key, otherwise=first)


def _sources(
    session: Session,
    txn: Transaction,
    publication: Publication,
    source: str,
    components: Sequence[str],
) -> dict[str, PackageList]:
    """Return what each component is to be made from."""
    wanted = list(components) or list(publication.sources)
    unknown = [part for part in wanted if part not in publication.sources]
    if unknown:
        raise InvalidInput(
            f"{publication} has no component {unknown[0]}",
            hint=f"there are: {', '.join(publication.sources)}",
        )
    kind, name = lists.parse(source, "repo")
    if "/" not in source:
        if len(wanted) > 1:
            raise InvalidInput(
                f"{publication} has {len(wanted)} components, and {source} is one list",
                hint=f"say which with --component: {', '.join(wanted)}",
            )
        return {wanted[0]: lists.get(session.hook, txn, kind, name)}
    where, _, other = source.removeprefix("publication:").rpartition("/")
    served = publications.get(txn, Publication(*split_place(where), other, {}).key)
    live = publications.live(txn, served.key)
    if live is None:
        raise NotFound(
            f"{served} is not live yet", hint=f'run "debrepo publish update {served.words}"'
        )
    missing = [part for part in wanted if part not in live.parts]
    if missing:
        raise InvalidInput(
            f"{served} has no component {missing[0]}, which {publication} has",
            hint="name those to promote with --component",
        )
    names = {part: f"{served}/{part}" if len(live.parts) > 1 else str(served) for part in wanted}
    return {part: lists.get(session.hook, txn, "publication", of) for part, of in names.items()}


def _is_live(txn: Transaction, publication: Publication, part: str, source: PackageList) -> bool:
    live = publications.live(txn, publication.key)
    return bool(live and part in live.parts and live.parts[part].set_id == source.set_id)


def _check_kinds(publication: Publication, found: dict[str, PackageList]) -> None:
    """Raise `InvalidInput` if a component follows a list of another kind than snapshots."""
    for part, one in found.items():
        try:
            component_sources.switched(publication, ["snapshot:NAME"], [part], join=False)
        except InvalidInput as error:
            snapshot = f'"debrepo snapshot create NAME from {one.kind} {one.name}"'
            hint = error.hint.replace("run ", f"run {snapshot}, then ", 1)
            raise InvalidInput(str(error), hint=hint) from None


def _check_live(session: Session, publication: Publication) -> None:
    """Raise `Conflict` if clients do not get what the database says is live."""
    with closing(places.open_storage(session, publication.place)) as storage:
        found = live_tree.look(session, storage, publication)
    if found.state == "sound":
        return
    if not found.is_lost:
        raise found.conflict(publication)
    raise Conflict(
        found.lack, hint=f'run "debrepo publish update {publication.words}", which puts it back'
    )


def _difference(
    session: Session, publication: Publication, found: dict[str, PackageList]
) -> ClientDifference:
    """Return what clients would notice."""
    from debrepo_publish.adopting import differences, served
    from debrepo_publish.checking.trees import StoredTree

    sources = {part: str(one) for part, one in found.items()}
    wanted = publication._replace(sources={**publication.sources, **sources})
    with closing(places.open_storage(session, publication.place)) as storage:
        live = served.read(StoredTree(storage, publication), publication.distribution)
    return differences.compare(session, wanted, live)


def _beginning(source: PackageList, named: str) -> str:
    """Return what the name of a snapshot begins with: that of the list, or of the distribution."""
    return named.rpartition("/")[2] if source.kind == "publication" else source.name


def _today() -> str:
    return time.strftime("%Y%m%d")


def _snapshot(session: Session, wanted: str, source: PackageList, *, dated: bool) -> str:
    """Create a snapshot; with ``dated``, called by today's date, and numbered if that is taken."""
    words = {"kind": source.kind, "source": source.name}
    if not dated:
        session.call("snapshot.create", name=wanted, **words)
        return wanted
    beginning = name = f"{wanted}-{_today()}"
    for number in range(2, _MOST):
        try:
            session.call("snapshot.create", name=name, **words)
        except AlreadyExists:
            name = f"{beginning}-{number}"
        else:
            return name
    raise AlreadyExists(f"snapshot {beginning} exists already", hint="choose a name with --name")

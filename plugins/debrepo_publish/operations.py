"""What can be done with publications."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from debrepo import lists
from debrepo.errors import AlreadyExists, InvalidInput, NotFound
from debrepo_publish import engine, publications
from debrepo_publish.model import (
    COMPRESSIONS,
    SUMS,
    Generation,
    Publication,
    check_component,
    check_distribution,
    split_place,
)
from debrepo_publish.tables import PUBLICATIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from debrepo.session import Session
    from debrepo_publish.engine import Result


class Shown(NamedTuple):
    """A publication, and its generations, newest first."""

    publication: Publication
    generations: tuple[Generation, ...] = ()


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
) -> Result:
    """Publish package lists of a ``kind`` for the first time, each as one component.

    ``options`` are fields of `Publication`; what is not given comes from the configuration.
    """
    storage, prefix = split_place(place)
    with session.db.read() as txn:
        found = [lists.get(session.hook, txn, kind, name) for name in names]
    named = list(components) or [""] * len(names)
    if len(named) != len(names):
        raise InvalidInput(
            f"{len(names)} lists to publish, but {len(named)} components",
            hint="name one component for each list: --component main,contrib",
        )
    sources: dict[str, str] = {}
    for target, given in zip(found, named, strict=True):
        component = check_component(given or target.component or "main")
        if component in sources:
            raise InvalidInput(
                f"two lists for the component {component}", hint="tell them apart with --component"
            )
        sources[component] = str(target)
    guesses = {target.distribution for target in found}
    name = distribution or (guesses.pop() if len(guesses) == 1 else "")
    if not name:
        raise InvalidInput("cannot tell the distribution", hint="name it with --distribution")
    fields = {**defaults(session), **(options or {})}
    publication = _checked(
        Publication(storage, prefix, check_distribution(name), sources, **fields)
    )

    def first(existing: Publication | None) -> Publication:
        if existing:
            raise AlreadyExists(
                f"{existing} is published already",
                hint="debrepo publish update or switch; debrepo publish drop takes it down",
            )
        return publication

    why = f"publish {kind} {' '.join(names)}"
    return engine.publish(session, publication.place, name, first, why=why, force=force)


def update(
    session: Session,
    distribution: str,
    place: str = "",
    *,
    options: Mapping[str, Any] | None = None,
    force: bool = False,
) -> Result:
    """Publish what the package lists hold now; ``options`` change fields of the publication."""
    return _again(
        session,
        distribution,
        place,
        lambda publication: publication._replace(**(options or {})),
        why="publish update",
        force=force,
    )


def switch(
    session: Session,
    distribution: str,
    names: Sequence[str],
    place: str = "",
    *,
    kind: str = "snapshot",
    components: Sequence[str] = (),
    options: Mapping[str, Any] | None = None,
    force: bool = False,
) -> Result:
    """Publish other lists in the place of those that components had so far."""
    with session.db.read() as txn:
        found = [str(lists.get(session.hook, txn, kind, name)) for name in names]

    def change(publication: Publication) -> Publication:
        named = list(components) or list(publication.sources)
        if len(named) != len(found):
            raise InvalidInput(
                f"{len(found)} snapshots for {len(named)} components",
                hint=f"components of {publication}: {', '.join(publication.sources)}",
            )
        unknown = [name for name in named if name not in publication.sources]
        if unknown:
            raise NotFound(
                f"{publication} has no component {', '.join(unknown)}",
                hint=f"there are: {', '.join(publication.sources)}",
            )
        sources = {**publication.sources, **dict(zip(named, found, strict=True))}
        return publication._replace(sources=sources, **(options or {}))

    why = f"publish switch {' '.join(names)}"
    return _again(session, distribution, place, change, why=why, force=force)


def _again(
    session: Session,
    distribution: str,
    place: str,
    change: Callable[[Publication], Publication],
    *,
    why: str,
    force: bool,
) -> Result:
    storage, prefix = split_place(place)
    wanted = Publication(storage, prefix, distribution, {})

    def edit(existing: Publication | None) -> Publication:
        if existing is None:
            raise NotFound(f"{wanted} is not published", hint="see: debrepo publish list")
        return _checked(change(existing))

    return engine.publish(session, wanted.place, distribution, edit, why=why, force=force)


def drop(session: Session, distribution: str, place: str = "") -> None:
    """Take a publication down, with everything that only it needed."""
    storage, prefix = split_place(place)
    engine.drop(session, Publication(storage, prefix, distribution, {}).place, distribution)


def list_(session: Session) -> list[Publication]:
    """Return all publications, sorted by place and distribution."""
    with session.db.read() as txn:
        return list(txn[PUBLICATIONS].values())


def show(session: Session, distribution: str, place: str = "") -> Shown:
    """Return a publication with its generations."""
    storage, prefix = split_place(place)
    key = Publication(storage, prefix, distribution, {}).key
    with session.db.read() as txn:
        known = list(publications.generations(txn, key))
        return Shown(publications.get(txn, key), tuple(reversed(known)))


def defaults(session: Session) -> dict[str, Any]:
    """Return the fields that the configuration sets for new publications."""
    config = session.config
    return {
        "architectures": config["architectures"],
        "origin": config["publish.origin"],
        "label": config["publish.label"],
        "compressions": config["publish.compressions"],
        "sums": config["publish.sums"],
        "keep_generations": config["publish.keep_generations"],
        "grace": parse_duration(config["publish.grace"]),
        "skip_signing": config["publish.skip_signing"],
        "contents": not config["publish.skip_contents"],
    }


def _checked(publication: Publication) -> Publication:
    for what, given, known in (
        ("compression", publication.compressions, COMPRESSIONS),
        ("sum", publication.sums, SUMS),
    ):
        unknown = [name for name in given if name not in known]
        if unknown or not given:
            raise InvalidInput(
                f"no {what} called {', '.join(unknown) or 'nothing'}",
                hint=f"there are: {', '.join(known)}",
            )
    if not {"sha256", "sha512"} & set(publication.sums):
        raise InvalidInput("apt needs a strong sum", hint="list sha256 or sha512 among the sums")
    for name in ("origin", "label", "suite", "codename", "version", "description", "signed_by"):
        if not str(getattr(publication, name)).isprintable():
            raise InvalidInput(f"{name} has to be one line of text")
    if publication.but_automatic_upgrades and not publication.not_automatic:
        raise InvalidInput("ButAutomaticUpgrades needs NotAutomatic", hint="add --notautomatic=yes")
    return publication


_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


def parse_duration(text: str) -> int:
    """Return the seconds that ``14d``, ``12h`` or ``90s`` are; a bare number is seconds."""
    number, unit = (text[:-1], text[-1:]) if text[-1:] in _UNITS else (text, "s")
    if not number.isdecimal():
        raise InvalidInput(
            f"not a length of time: {text!r}", hint="write it as 90s, 30m, 12h, 14d or 2w"
        )
    return int(number) * _UNITS[unit]

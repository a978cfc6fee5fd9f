"""Component sources: the package list behind each component, from the next update on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo.errors import AlreadyExists, InvalidInput, NotFound
from debrepo_publish.model.publication import Publication, check_component

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


def revised(publication: Publication, sources: Mapping[str, str]) -> Publication:
    """Return the publication with these sources from its next update on."""
    if not sources:
        raise InvalidInput(
            f"{publication} would have no component left",
            hint='drop it with "debrepo publish drop"',
        )
    same = dict(sources) == publication.sources
    return publication._replace(pending=None if same else dict(sources))


def add(publication: Publication, new: Mapping[str, str]) -> Publication:
    """Add components."""
    sources = publication.next_sources
    taken = [component for component in new if component in sources]
    if taken:
        raise AlreadyExists(
            f"{publication} has {_named(taken)} already",
            hint='change its source with "debrepo publish source update"',
        )
    return revised(publication, {**sources, **new})


def update(publication: Publication, new: Mapping[str, str]) -> Publication:
    """Change the package lists of components."""
    sources = publication.next_sources
    _check_there(publication, sources, new)
    return revised(publication, {**sources, **new})


def replace(publication: Publication, new: Mapping[str, str]) -> Publication:
    """Replace all components."""
    return revised(publication, new)


def remove(publication: Publication, components: Sequence[str]) -> Publication:
    """Remove components."""
    sources = publication.next_sources
    _check_there(publication, sources, components)
    return revised(publication, {c: s for c, s in sources.items() if c not in components})


def switched(
    publication: Publication, found: Sequence[str], components: Sequence[str], *, join: bool
) -> Publication:
    """Return the publication with other sources at once, for all components or those named.

    With ``join``, components may be new, and pending changes are applied. A component stays of
    its kind: what was a repository's does not become a snapshot's.
    """
    if join:
        publication = publication._replace(sources=publication.next_sources, pending=None)
    sources = publication.sources
    named = list(components) or list(sources)
    if len(named) != len(found):
        raise InvalidInput(
            f"{len(found)} snapshots for {len(named)} components",
            hint=f"components of {publication}: {', '.join(sources)}",
        )
    for name, source in zip(named, found, strict=True):
        check_component(name)
        _check_kind(publication, name, sources.get(name, source), source)
    if not join:
        _check_there(publication, sources, named)
    new = dict(zip(named, found, strict=True))
    pending = publication.pending
    if pending is not None:  # changes that are pending for other components stay pending
        pending = {name: new.get(name, source) for name, source in pending.items()}
    return publication._replace(sources={**sources, **new}, pending=pending)


def _check_kind(publication: Publication, component: str, old: str, new: str) -> None:
    """Raise `InvalidInput` if a source would be replaced by one of another kind."""
    (was, _, name), (kind, _, _) = old.partition(":"), new.partition(":")
    if was != kind:
        distribution, place = publication.distribution, publication.place
        update = f"source update {distribution} {new} --component {component}"
        elsewhere = ("", "") if place == "." else (f" --prefix {place}", f" {place}")
        raise InvalidInput(
            f"component {component} of {publication} is of the {_KINDS.get(was, was)} {name},"
            f" and would be of a {kind}",
            hint=f'run "debrepo publish {update}{elsewhere[0]}",'
            f' then "debrepo publish update {distribution}{elsewhere[1]}"',
        )


_KINDS = {"repo": "repository"}


def _check_there(
    publication: Publication, sources: Mapping[str, str], components: Iterable[str]
) -> None:
    unknown = [component for component in components if component not in sources]
    if unknown:
        raise NotFound(
            f"{publication} has no {_named(unknown)}", hint=f"there are: {', '.join(sources)}"
        )


def _named(components: Sequence[str]) -> str:
    return f"component{'s' * (len(components) > 1)} {', '.join(components)}"


def matched(
    publication: Publication, names: Sequence[str], components: Sequence[str], kind: str
) -> dict[str, str]:
    """Return the sources that ``names`` are, by component.

    A name without its kind, as in ``snapshot:NAME``, is of the ``kind`` given, else of the
    kind that the publication has already. Without components, there can be one name only,
    for the only component there is, or for ``main``.
    """
    if not components and len(names) == 1:
        current = list(publication.next_sources)
        components = current if len(current) == 1 else ["main"]
    if len(names) != len(components) or len(set(components)) != len(components):
        raise InvalidInput(
            f"mismatch in number of components ({len(set(components))}) and sources ({len(names)})",
            hint="name one component for each source: --component main,contrib",
        )
    kinds = {source.partition(":")[0] for source in publication.next_sources.values()}
    usual = kind or (kinds.pop() if len(kinds) == 1 else "snapshot")
    return {
        check_component(component): name if ":" in name else f"{usual}:{name}"
        for component, name in zip(components, names, strict=True)
    }

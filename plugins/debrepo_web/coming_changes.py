"""Coming changes of a publication: what clients will notice, before it is done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from debrepo.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from debrepo.session import Session

_KINDS = ("repo", "mirror", "snapshot")  # whose lists can be published


class ShownFieldChange(Protocol):
    """A field of the Release file that has another value."""

    @property
    def name(self) -> str: ...
    @property
    def before(self) -> str: ...
    @property
    def after(self) -> str: ...
    @property
    def stops(self) -> bool: ...


class ShownPackageChange(Protocol):
    """What clients see of a package."""

    @property
    def change(self) -> str: ...
    @property
    def component(self) -> str: ...
    @property
    def architecture(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def before(self) -> str: ...
    @property
    def after(self) -> str: ...


class ShownDifference(Protocol):
    """What clients will notice."""

    @property
    def fields(self) -> Sequence[ShownFieldChange]: ...
    @property
    def packages(self) -> Sequence[ShownPackageChange]: ...
    @property
    def new(self) -> bool: ...


class NamedPublication(NamedTuple):
    """A publication, as operations name it."""

    distribution: str
    place: str

    @property
    def words(self) -> str:
        """What commands call it."""
        return self.distribution if self.place == "." else f"{self.distribution} {self.place}"


class Component(NamedTuple):
    """A component of a publication, and the lists that it can be switched to."""

    name: str
    source: str  #: ``kind:name``
    choices: tuple[str, ...]  #: of its kind


class ComingChange(NamedTuple):
    """What clients will notice, of which a page shows the beginning."""

    fields: tuple[ShownFieldChange, ...]
    packages: tuple[ShownPackageChange, ...]
    total: int  #: packages that change
    counts: dict[str, int]  #: packages by the kind of their change
    new: bool  #: whether nothing is live yet


_ROWS = 500  # packages on a page


def paired(components: Sequence[str], sources: Sequence[str]) -> dict[str, str]:
    """Return the list that a form names for each component."""
    if len(components) != len(sources):
        raise InvalidInput(f"{len(components)} components, but {len(sources)} lists for them")
    return {part: source for part, source in zip(components, sources, strict=True) if source}


def switched(
    session: Session, target: NamedPublication, sources: Mapping[str, str]
) -> ComingChange:
    """Return what a switch, or without ``sources`` an update, will change."""
    found = session.call("publish.preview", **target._asdict(), sources=dict(sources))
    return _shown(found)


def promoted(
    session: Session, target: NamedPublication, source: str, components: Sequence[str]
) -> ComingChange:
    """Return what it will change to promote a list, or what another publication serves."""
    found = session.call(
        "publish.preview", **target._asdict(), promoted=source, components=components
    )
    return _shown(found)


def rolled_back(session: Session, target: NamedPublication, generation: int) -> ComingChange:
    """Return what it will change to publish an older generation again."""
    found = session.call("publish.compare", **target._asdict(), start=0, end=generation)
    return _shown(found)


def _shown(found: ShownDifference) -> ComingChange:
    counts: dict[str, int] = {}
    for one in found.packages:
        counts[one.change] = counts.get(one.change, 0) + 1
    return ComingChange(
        tuple(found.fields),
        tuple(found.packages[:_ROWS]),
        len(found.packages),
        dict(sorted(counts.items())),
        found.new,
    )


def components(session: Session, publication: Any) -> list[Component]:
    """Return the components of a publication, with the lists that they can be switched to."""
    known = list_names(session)
    found = []
    for part, source in publication.sources.items():
        kind = source.partition(":")[0]
        alike = tuple(one for one in known if one.startswith(f"{kind}:"))
        found.append(Component(part, source, alike))
    return found


def list_names(session: Session, kinds: Sequence[str] = _KINDS) -> list[str]:
    """Return the names of package lists that can be published, as ``kind:name``."""
    return [
        f"{kind}:{getattr(shown, kind).name}"
        for kind in kinds
        if f"{kind}.list" in session.operations
        for shown in session.call(f"{kind}.list")
    ]


def other_publications(session: Session, publication: Any) -> list[str]:
    """Return the names of other publications, as ``place/distribution``."""
    return [str(one) for one in session.call("publish.list") if one != publication]

"""Publications: what pages show of them, and what needs attention."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from debrepo import clock
from debrepo.errors import DebrepoError
from debrepo_web import trees

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from debrepo.session import Session
    from debrepo_web.trees import Addresses, ShownPublication, Usage

SOON = 30 * 86400  #: seconds before a key expires in which that is told


class ShownSigner(Protocol):
    """A key that has signed what clients see."""

    @property
    def fingerprint(self) -> str: ...
    @property
    def expires(self) -> str: ...


class Overview(Protocol):
    """What ``publish.overview`` returns of a publication."""

    @property
    def publication(self) -> Any: ...
    @property
    def generation(self) -> int: ...
    @property
    def committed(self) -> int: ...
    @property
    def expires(self) -> int: ...
    @property
    def components(self) -> Mapping[str, Mapping[str, int]]: ...
    @property
    def packages(self) -> int: ...
    @property
    def architectures(self) -> Sequence[str]: ...
    @property
    def signers(self) -> Sequence[ShownSigner]: ...
    @property
    def behind(self) -> Sequence[str]: ...


class PublicationRemark(NamedTuple):
    """What needs attention, and how much: ``bad``, ``warn`` or ``good``."""

    degree: str
    text: str


class PublicationRow(NamedTuple):
    """A publication in the list."""

    name: str
    overview: Overview
    remarks: tuple[PublicationRemark, ...]


class PublicationView(NamedTuple):
    """A publication on its page."""

    name: str
    overview: Overview
    remarks: tuple[PublicationRemark, ...]
    url: str  #: of the archive root; empty if clients cannot get there
    usage: Usage | None
    addresses: Addresses
    past: Sequence[Any]  #: rows of ``publish.history``, newest first


def listed(session: Session) -> list[PublicationRow]:
    """Return all publications."""
    if "publish.overview" not in session.operations:
        return []
    now = clock.now()
    return [
        PublicationRow(trees.name_of(one.publication), one, tuple(remarks(one, now)))
        for one in session.call("publish.overview")
    ]


def shown(
    session: Session, distribution: str, place: str, url: str, addresses: Addresses, *, past: int
) -> PublicationView:
    """Return a publication, and the last rows of its history."""
    (found,) = session.call("publish.overview", distribution=distribution, place=place)
    rows = session.call("publish.history", distribution=distribution, place=place, limit=past)
    usage = None
    if url and found.generation:
        try:
            usage = trees.usage(session, found.publication, url)
        except DebrepoError:  # the key that signs it is not here, or nobody has chosen one
            usage = None
    name = trees.name_of(found.publication)
    said = tuple(remarks(found, clock.now()))
    return PublicationView(name, found, said, url, usage, addresses, rows)


def remarks(one: Overview, now: int) -> Iterator[PublicationRemark]:
    """Yield what needs attention of a publication, the worst first."""
    if not one.generation:
        yield PublicationRemark("warn", "not live yet")
        return
    if one.expires and one.expires <= now:
        yield PublicationRemark("bad", "clients refuse it: it has expired")
    for key in one.signers:
        left = _seconds(key.expires) - now if key.expires else SOON + 1
        if left <= 0:
            yield PublicationRemark("bad", f"key {key.fingerprint[-8:]} has expired")
        elif left <= SOON:
            yield PublicationRemark(
                "warn", f"key {key.fingerprint[-8:]} expires in {left // 86400} days"
            )
    if not one.signers and not one.publication.verbatim:
        yield PublicationRemark("warn", "not signed")
    for source in one.behind:
        yield PublicationRemark("warn", f"behind {source.replace(':', ' ', 1)}")
    if one.publication.pending is not None:
        yield PublicationRemark("warn", "changes of its components wait for the next update")


def _seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def named(one: ShownPublication) -> str:
    """Return what commands call a publication: the distribution, and the place if it is another."""
    return one.distribution if one.place == "." else f"{one.distribution} {one.place}"

"""Publications, as hooks show them to plugins that do not publish themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from debrepo.package import PackageList


class PublicationState(NamedTuple):
    """A state of a publication: one that clients see, have seen, or are about to see."""

    storage: str  #: ``SCHEME:NAME``; empty for the default one
    prefix: str  #: ``.`` for the root of the storage
    distribution: str
    generation: int  #: counts from 1
    components: Mapping[str, PackageList]  #: what each is made of, as it was published
    architectures: tuple[str, ...]
    origin: str
    label: str
    suite: str
    codename: str
    #: What was given of the options that plugins declare, by name.
    options: Mapping[str, bool | int | str | tuple[str, ...]] = {}  # never changed

    def __str__(self) -> str:
        place = f"{self.storage}:{self.prefix}" if self.storage else self.prefix
        return f"{place}/{self.distribution}"


class Superseded(NamedTuple):
    """What clients of a publication do not see any more, and what is kept of it for a while."""

    publication: str
    generations: int  #: that can be rolled back to, or only wait to be deleted
    indexes: int  #: files below ``dists`` that wait
    index_bytes: int
    packages: int  #: files of packages that wait
    package_bytes: int
    expired: int = 0  #: generations whose grace is over: the next cleanup deletes their files

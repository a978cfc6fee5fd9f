"""What one command of reprepro works with: a base, its distributions, and what is here of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from debrepo.errors import DebrepoError, NotFound
from debrepo_import.reprepro.importing import storage_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from debrepo.package import PackageKey
    from debrepo.session import Session
    from debrepo_import.reprepro.configuration import Base, RepreproDistribution
    from debrepo_import.reprepro.spelling import AskedCommand


class NoSuchDistribution(DebrepoError):
    """``conf/distributions`` does not name it."""


class NoSuchComponent(DebrepoError):
    """No distribution of ``conf/distributions`` has it."""


class ShadowWork(NamedTuple):
    """What a command works with."""

    session: Session
    asked: AskedCommand
    base: Base
    distributions: dict[str, RepreproDistribution]
    say: Callable[[str], None]
    complain: Callable[[str], None]

    def distribution(self, name: str) -> RepreproDistribution:
        """Return a distribution by its codename, or by its suite where only one has that."""
        if name in self.distributions:
            return self.distributions[name]
        found = [d for d in self.distributions.values() if d.stanza.get("Suite") == name]
        if len(found) == 1:
            return found[0]
        raise NoSuchDistribution(f"Cannot find definition of distribution '{name}'!")

    def components(self, found: RepreproDistribution) -> Iterable[str]:
        """Return the components that a command is about."""
        for name in self.asked.components:
            if not any(name in one.components for one in self.distributions.values()):
                raise NoSuchComponent(
                    f"Error: Component '{name}' as given to --component is not know."
                )
        wanted = self.asked.components or found.components
        return [name for name in found.components if name in wanted]


class ListedLine(NamedTuple):
    """A package as a line of reprepro names it."""

    kind: str  #: ``deb``, ``udeb`` or ``dsc``
    component: str
    architecture: str  #: of the index, not of the package
    key: PackageKey

    def line(self, codename: str) -> str:
        mark = "u|" if self.kind == "udeb" else ""
        return (
            f"{mark}{codename}|{self.component}|{self.architecture}:"
            f" {self.key.name} {self.key.version}"
        )


def members(work: ShadowWork, found: RepreproDistribution, query: str = "") -> Iterator[ListedLine]:
    """Yield the packages of a distribution in the order in which reprepro lists them."""
    asked = work.asked
    for component in work.components(found):
        packages = work.session.call(
            "repo.search",
            name=repo_of(work, found, component),
            queries=[query] if query else [],
            details=True,
        )
        whole = [(one.key, _KINDS[one.package.kind]) for one in packages if one.package]
        pairs = [(name, kind) for name in found.architectures for kind in ("deb", "udeb", "dsc")]
        for architecture, kind in pairs:
            if asked.kinds and kind not in asked.kinds:
                continue
            if asked.architectures and architecture not in asked.architectures:
                continue
            if (architecture == "source") != (kind == "dsc"):
                continue
            for key, its in sorted(whole):
                if its == kind and key.architecture in (architecture, "all"):
                    yield ListedLine(kind, component, architecture, key)


_KINDS = {
    "deb": "deb",
    "udeb": "udeb",
    "source": "dsc",
    **dict.fromkeys(("installer", "appstream", "translation"), ""),
}


def repo_of(work: ShadowWork, found: RepreproDistribution, component: str) -> str:
    """Return the repository of a component; raise `NotFound` if it was not imported."""
    name = found.list_name(component)
    try:
        work.session.call("repo.show", name=name)
    except NotFound:
        raise NotFound(
            f"what reprepro keeps as {found.codename} {component} is not here",
            hint=f'run "debrepo import reprepro {work.base.base}"',
        ) from None
    return name


def named(name: str) -> str:
    """Return a query for packages of a name."""
    return f"Name (= {name})"


def export(work: ShadowWork, changed: Iterable[RepreproDistribution]) -> int:
    """Publish distributions, and take over at the first time what reprepro has published."""
    if not work.asked.exports:
        return 0
    if not work.asked.silent and work.asked.command != "export":
        work.say("Exporting indices...")
    place = place_of(work)
    for found in changed:
        shown = work.session.call("publish.show", distribution=found.codename, place=place)
        theirs = any(
            (work.base.out / "dists" / found.codename / name).exists()
            for name in ("InRelease", "Release")
        )
        if shown.publication.live or not theirs:
            work.session.call("publish.update", distribution=found.codename, place=place)
        else:
            work.session.call("publish.take-over", distribution=found.codename, place=place)
    return 0


def place_of(work: ShadowWork) -> str:
    """Return the place that reprepro has published to; raise `NotFound` if it is no storage."""
    name = storage_of(work.session, work.base)
    if not name:
        raise NotFound(
            f"{work.base.out} is no storage of debrepo",
            hint=f'run "debrepo import reprepro {work.base.base}", or configure it as a storage',
        )
    return f"fs:{name}:."

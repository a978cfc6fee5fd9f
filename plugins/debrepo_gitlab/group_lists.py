"""Package lists of a group's distribution: the packages of its public projects."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from debrepo import packageset
from debrepo.catalog import CHUNKS
from debrepo.errors import NotFound
from debrepo.package import Link, PackageList, SetId
from debrepo.packageset import EMPTY
from debrepo_gitlab import containers, contributions, distributions
from debrepo_gitlab.containers import CONTAINERS
from debrepo_gitlab.distributions import DISTRIBUTIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from debrepo.database import Transaction
    from debrepo.package import Entry
    from debrepo.session import Session
    from debrepo_gitlab.containers import Container
    from debrepo_gitlab.contributions import Contribution
    from debrepo_gitlab.distributions import Distribution


def list_name(found: Distribution, component: str) -> str:
    """Return the name of the package list of a component of a group's distribution."""
    return f"{found.container.partition(':')[2]} {found.codename} {component}"


class Gathered(NamedTuple):
    """The projects that a group's distribution was gathered from."""

    sources: tuple[str, ...]
    changed: int  #: what `distributions.mark` had counted by then
    withdrawn: bool  #: whether the tree holds packages of other projects, too


def gather(session: Session, group: Container, codename: str) -> Gathered:
    """Update the package lists of a group's distribution from its projects.

    The projects are recorded before the publish, so that no request finds a tree with the
    packages of a project that is not on record.
    """

    def change(txn: Transaction) -> Gathered:
        found = distributions.get(txn, group, codename)
        now = containers.get(txn, group.key)
        projects = containers.public_below(txn, now)
        given = list(contributions.of_group(session.hook, txn, found, projects))
        gathered = {name: _union(txn, name, given) for name in found.components}
        sources = tuple(one.source for one in given)
        every = (*found.sources, *(one for one in sources if one not in found.sources))
        after = found._replace(components=gathered, sources=every)
        after = after._replace(shown=contributions.are_current(txn, now, after))
        if after != found:
            txn[DISTRIBUTIONS][found.key] = after
        return Gathered(sources, after.changed, not after.shown)

    return session.db.update(change)


def discard(session: Session, group: Container, codename: str, gathered: Gathered) -> None:
    """Record that only the gathered projects are left in the tree."""

    def change(txn: Transaction) -> None:
        found = distributions.get(txn, group, codename)._replace(sources=gathered.sources)
        shown = contributions.are_current(txn, containers.get(txn, group.key), found)
        txn[DISTRIBUTIONS][found.key] = found._replace(shown=shown)

    session.db.update(change)


def _union(txn: Transaction, component: str, given: Iterable[Contribution]) -> str:
    """Return the package set, in hex, of a component of several projects.

    Of builds of one version with different bytes, that of the oldest project counts.
    """
    together = EMPTY
    for one in given:
        if component not in one.lists:
            continue
        new = packageset.diff(txn[CHUNKS], together, one.lists[component].set_id).added
        taken = packageset.conflicts(txn[CHUNKS], together, new)
        joining = [entry for entry in new if entry not in taken]
        together = packageset.update(txn[CHUNKS], together, add=_once(joining))
    return together.hex()


def _once(entries: Iterable[Entry]) -> list[Entry]:
    return list({packageset.short(entry): entry for entry in entries}.values())


def package_list(txn: Transaction, name: str) -> PackageList:
    """Return a component of a group's distribution as a package list."""
    found = next((one for one in package_lists(txn) if one.name == name), None)
    if found is None:
        raise NotFound(f"no group publishes {name}", hint='run "debrepo group list"')
    return found


def package_lists(txn: Transaction) -> Iterator[PackageList]:
    """Yield the components of the distributions of all groups."""
    for found in txn[DISTRIBUTIONS].values():
        if found.container.startswith("group:"):
            for component, set_id in found.components.items():
                packages = SetId(bytes.fromhex(set_id)) if set_id else EMPTY
                name = list_name(found, component)
                yield PackageList("group", name, packages, component, found.codename)


def links(txn: Transaction) -> Iterator[Link]:
    """Yield links from the lists of groups to the repositories that they were made from."""
    for found in txn[DISTRIBUTIONS].values():
        group = txn[CONTAINERS].get(found.container)
        if group is None or group.kind != "group":
            continue
        for project in containers.public_below(txn, group):
            theirs = txn[DISTRIBUTIONS].get(f"{project.key}\0{found.codename}")
            for component in set(found.components) & set(theirs.components if theirs else ()):
                source = theirs.components[component] if theirs else ""
                yield Link(f"repo:{source}", f"group:{list_name(found, component)}")

"""Package lists of a group's distribution: the packages of its public projects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo import lists, packageset
from debrepo.catalog import CHUNKS
from debrepo.errors import NotFound
from debrepo.package import Link, PackageList, SetId
from debrepo.packageset import EMPTY
from debrepo_gitlab import containers, distributions
from debrepo_gitlab.containers import CONTAINERS
from debrepo_gitlab.distributions import DISTRIBUTIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from debrepo.database import Transaction
    from debrepo.package import Entry
    from debrepo.session import Session
    from debrepo_gitlab.containers import Container
    from debrepo_gitlab.distributions import Distribution


def list_name(found: Distribution, component: str) -> str:
    """Return the name of the package list of a component of a group's distribution."""
    return f"{found.container.partition(':')[2]} {found.codename} {component}"


def gather(session: Session, group: Container, codename: str) -> None:
    """Update the package lists of a group's distribution from its projects."""

    def change(txn: Transaction) -> None:
        found = distributions.get(txn, group, codename)
        gathered = {name: _union(session, txn, group, found, name) for name in found.components}
        if gathered != found.components:
            txn[DISTRIBUTIONS][found.key] = found._replace(components=gathered)

    session.db.update(change)


def _union(
    session: Session, txn: Transaction, group: Container, found: Distribution, component: str
) -> str:
    """Return the package set, in hex, of a component of several projects.

    Of builds of one version with different bytes, that of the oldest project counts.
    """
    together = EMPTY
    for project in containers.public_below(txn, group):
        theirs = txn[DISTRIBUTIONS].get(f"{project.key}\0{found.codename}")
        if theirs is None or component not in theirs.components:
            continue
        try:
            their = lists.get(session.hook, txn, "repo", theirs.components[component])
        except NotFound:  # it is being dropped
            continue
        new = packageset.diff(txn[CHUNKS], together, their.set_id).added
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

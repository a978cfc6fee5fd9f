"""Contributions: the projects whose packages a group publishes, and whether it still may."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from debrepo import lists
from debrepo.errors import NotFound
from debrepo.packageset import EMPTY
from debrepo_gitlab import containers, distributions, packages
from debrepo_gitlab.containers import CONTAINERS
from debrepo_gitlab.distributions import DISTRIBUTIONS
from debrepo_gitlab.refusals import Withheld

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pluggy import HookRelay

    from debrepo.database import Transaction
    from debrepo.package import PackageList
    from debrepo.session import Session
    from debrepo_gitlab.containers import Container
    from debrepo_gitlab.distributions import Distribution


class Contribution(NamedTuple):
    """The packages of a project in a distribution of its group, by component."""

    source: str  #: ``project:5 17``: the project, and the number of its distribution
    lists: dict[str, PackageList]


def of_group(
    hook: HookRelay, txn: Transaction, found: Distribution, projects: Iterable[Container]
) -> Iterator[Contribution]:
    """Yield what projects contribute to a group's distribution; empty components do not count."""
    for project in projects:
        theirs = txn[DISTRIBUTIONS].get(f"{project.key}\0{found.codename}")
        if theirs is None:
            continue
        given: dict[str, PackageList] = {}
        for component in found.components:
            try:
                their = lists.get(hook, txn, "repo", theirs.components[component])
            except (KeyError, NotFound):  # it lacks the component, or is being dropped
                continue
            if their.set_id != EMPTY:
                given[component] = their
        if given:
            yield Contribution(f"{project.key} {theirs.id}", given)


def check_all(txn: Transaction) -> None:
    """Note which groups may no longer show all that their published trees hold.

    Whatever changes a project, its place or its distributions does this in its transaction,
    so that no reader has to check every project.
    """
    for found in list(txn[DISTRIBUTIONS].values()):
        group = txn[CONTAINERS].get(found.container) if found.shown else None
        if group is not None and not are_current(txn, group, found):
            txn[DISTRIBUTIONS][found.key] = found._replace(shown=False)


def are_current(txn: Transaction, group: Container, found: Distribution) -> bool:
    """Return whether each project in a group's published tree is public and in the group."""
    return all(_is_current(txn, group, found.codename, source) for source in found.sources)


def _is_current(txn: Transaction, group: Container, codename: str, source: str) -> bool:
    key, _, number = source.partition(" ")
    project = txn[CONTAINERS].get(key)
    if project is None or project.visibility != "public":
        return False
    theirs = txn[DISTRIBUTIONS].get(f"{key}\0{codename}")
    below = project.path.startswith(f"{group.path}/")
    return below and theirs is not None and str(theirs.id) == number


def public_project(txn: Transaction, group: Container, number: str) -> Container | None:
    """Return the project of this number, if it is public and in the group."""
    project = txn[CONTAINERS].get(f"project:{number}") if len(number) < 18 else None
    if project is None or project.visibility != "public":
        return None
    return project if project.path.startswith(f"{group.path}/") else None


def owner(session: Session, txn: Transaction, group: Container, file_name: str) -> Container | None:
    """Return the project whose file of this name a group publishes: the oldest that has it."""
    for found in distributions.list_(txn, group):
        for source in found.sources:
            key = source.partition(" ")[0]
            theirs = txn[DISTRIBUTIONS].get(f"{key}\0{found.codename}")
            if theirs is not None and packages.file(session, txn, theirs, file_name):
                return txn[CONTAINERS].get(key)
    return None


def check_shown(txn: Transaction, container: Container, codename: str = "") -> None:
    """Raise `Withheld` if a tree holds packages of projects that its group may not show.

    Without a ``codename`` that goes for all distributions of the group, which share a pool.
    """
    if container.kind != "group":
        return
    group = containers.get(txn, container.key)
    for found in distributions.list_(txn, group):
        if codename not in ("", found.codename) or found.shown:
            continue
        if not are_current(txn, group, found):
            raise Withheld(
                f"{found.codename} of group {group.path} has to be published first",
                hint=f'run "debrepo distribution publish group:{group.path} {found.codename}"',
            )


def outdated(hook: HookRelay, txn: Transaction) -> list[tuple[Container, str]]:
    """Return the groups and codenames whose projects are others than those published."""
    public = [one for one in containers.list_(txn, "project") if one.visibility == "public"]
    rows = []
    for found in txn[DISTRIBUTIONS].values():
        group = txn[CONTAINERS].get(found.container)
        if group is None or group.kind != "group":
            continue
        below = [project for project in public if project.path.startswith(f"{group.path}/")]
        now = {one.source for one in of_group(hook, txn, found, below)}
        if not now <= set(found.sources) or not are_current(txn, group, found):
            rows.append((group, found.codename))
    return rows

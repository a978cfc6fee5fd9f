"""Acceptance: the other plugins look at packages that are about to join a package list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo.arrival import RefusedPackage
from debrepo.errors import InvalidPackage
from debrepo.notices import tell

if TYPE_CHECKING:
    from collections.abc import Callable

    from debrepo.arrival import Arrival
    from debrepo.database import Transaction
    from debrepo.package import Package, PackageList
    from debrepo.session import Session


def checking(
    session: Session, txn: Transaction, target: PackageList
) -> Callable[[Package, Arrival], None] | None:
    """Return what lets other plugins look at each package that is about to join, and keep it out.

    ``None``: they let everything in. What is returned raises `InvalidPackage`.
    """
    known = {"session": session, "target": target}
    passing = [
        plugin.plugin
        for plugin in session.hook.debrepo_accepts_all.get_hookimpls()
        if plugin.function(*(known[name] for name in plugin.argnames))
    ]
    ask = session.plugins.subset_hook_caller("debrepo_accept_package", passing)
    if not ask.get_hookimpls():
        return None

    refused: list[RefusedPackage] = []

    def check(package: Package, arrival: Arrival) -> None:
        try:
            ask(session=session, txn=txn, package=package, target=target, arrival=arrival)
        except InvalidPackage as error:
            if txn.writable:  # else somebody only asks what would be
                if not refused:
                    txn.when_over(lambda: _tell(session, target, refused))
                refused.append(RefusedPackage(package.key, str(error), error.hint, arrival))
            raise

    return check


def _tell(session: Session, target: PackageList, refused: list[RefusedPackage]) -> None:
    facts = {"target": target, "refused": tuple(refused)}
    tell(session, "debrepo_packages_refused", **facts)

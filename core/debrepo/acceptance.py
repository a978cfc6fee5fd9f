"""Acceptance: the other plugins look at packages that are about to join a package list."""

from __future__ import annotations

from typing import TYPE_CHECKING

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

    def check(package: Package, arrival: Arrival) -> None:
        ask(session=session, txn=txn, package=package, target=target, arrival=arrival)

    return check

"""The hooks about packages that join a list, or are kept out of one.

They are like those of `debrepo.hookspecs`; `debrepo.acceptance` calls the first of them.
"""

from __future__ import annotations

from debrepo.hookspecs import hookspec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from debrepo.arrival import Arrival, JudgedUpload, RefusedPackage
    from debrepo.database import Transaction
    from debrepo.package import Entry, Package, PackageList, SetId
    from debrepo.session import Session


@hookspec
def debrepo_accepts_all(session: Session, target: PackageList) -> bool:
    """Return whether you let any package join ``target``.

    *Collects*, in the write transaction, once for many packages: the plugins that say so are not
    asked with `debrepo_accept_package`, and where all do, the packages need not be read.
    """


@hookspec
def debrepo_accept_package(
    session: Session, txn: Transaction, package: Package, target: PackageList, arrival: Arrival
) -> None:
    """Look at a package about to join ``target``; raise `InvalidPackage` to keep it out.

    *Tells*, in the write transaction, before the package joins the list: be quick.
    ``session.actor`` is who adds it, ``session.config`` has your settings, and ``arrival``
    says where the package comes from: a file, an upload that is signed, another list.
    """


@hookspec
def debrepo_packages_refused(
    session: Session, target: PackageList, refused: Sequence[RefusedPackage]
) -> None:
    """Take note that packages were kept out of a list by `debrepo_accept_package`.

    *Tells*, when the transaction is over, whether it was committed or undone: raising here is a
    warning. Each refusal has the key of the package, the reason, and where the package comes
    from. The update of a mirror tells of what it keeps out each time that it meets it.
    """


@hookspec
def debrepo_upload_judged(session: Session, upload: JudgedUpload) -> None:
    """Take note that an upload, a .changes file with packages, was included or refused.

    *Tells*, when its packages are stored, or none is: raising here is a warning. What fails for
    reasons that are none of the upload's is not told.
    """


@hookspec
def debrepo_packages_changing(
    session: Session,
    txn: Transaction,
    target: PackageList,
    before: SetId | None,
    added: Collection[Entry],
    removed: Collection[Entry],
) -> None:
    """Take note, within the transaction, that packages join a repository or leave it.

    *Tells*, in the write transaction, when the list is stored: be quick, and change no list.
    Raising here undoes the transaction. ``before`` is the package set that the repository had,
    nothing of a new one; ``target`` has the one that it gets.
    """


@hookspec
def debrepo_packages_changed(
    session: Session,
    target: PackageList,
    before: SetId | None,
    added: frozenset[Entry],
    removed: frozenset[Entry],
) -> None:
    """Take note that a package list has changed.

    *Tells*, after the commit: raising here is a warning, and undoes nothing. ``before`` is
    the package set that the list had; ``target`` has the one that it has now.
    """

"""The hooks about the care of an installation: its records, and whether all is well.

They are like those of `debrepo.hookspecs`.
"""

from __future__ import annotations

from debrepo.hookspecs import hookspec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from debrepo.calls import Call
    from debrepo.database import Transaction
    from debrepo.health import Checkup
    from debrepo.published import Superseded
    from debrepo.session import Session


@hookspec
def debrepo_changing(txn: Transaction, call: Call) -> None:
    """Take note, within the transaction, of what an operation is about to commit.

    *Tells*, as the last act of its first write transaction, and of each later one in which
    a plugin noted a change with ``txn.note``. Raising here undoes the transaction.
    """


@hookspec
def debrepo_check(txn: Transaction) -> Iterable[str]:
    """Return a line for everything you find wrong with your part of the database.

    *Collects*, in a read transaction, for ``debrepo db check``.
    """


@hookspec
def debrepo_health(session: Session, thorough: bool) -> Iterable[Checkup]:
    """Look at everything that clients and users need of your part, and say what is wrong.

    *Collects*, outside of any transaction, for ``debrepo doctor`` and the server's hourly look.
    Return a `debrepo.health.Checkup` for each thing, also where all is well. Change nothing.
    ``thorough`` asks for what takes long, such as reading every file. Raising here is an error
    of that part, and the others are asked all the same.
    """


@hookspec
def debrepo_kept_files(session: Session) -> Iterable[Path]:
    """Name files below the root that a backup has to hold besides database, pool and settings.

    *Collects*, outside of any transaction, when a backup is made. A backup is not encrypted: name
    no file with a secret in it. Files that are not there, or not below the root, are left out.
    """


@hookspec
def debrepo_delete_expired(session: Session) -> int:
    """Delete what you keep for a while only, and whose time is over; return how many files.

    *Collects*, outside of any transaction, when a cleanup begins. Whether the time is over depends
    on `debrepo.clock.now`. Leave alone what somebody else works on. Tell the user with
    ``session.progress.note`` what cannot be deleted: raising here ends the cleanup.
    """


@hookspec
def debrepo_packages_deleted(session: Session) -> None:
    """Delete what you store of packages that are not in the database any more.

    *Tells*, outside of any transaction, when a cleanup has deleted packages. Look in
    `debrepo.catalog.PACKAGES` which of yours are gone, and once more in the transaction that
    deletes: what is in the trash may come back, and is read again then.
    """


@hookspec
def debrepo_superseded(txn: Transaction) -> Iterable[Superseded]:
    """Say what of your publications waits to be deleted until its grace is over.

    *Collects*, in a read transaction, for ``debrepo db cleanup``, which leaves it alone. Return a
    `debrepo.published.Superseded` for each publication that has any.
    """

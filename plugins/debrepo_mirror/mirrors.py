"""Mirrors in the database: found, stored, renamed and dropped, with all that is known of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from debrepo.errors import AlreadyExists, NotFound
from debrepo.nearest import meant
from debrepo_mirror.tables import MIRRORS, PENDING, PROBLEMS, RELEASES, STATE, below, parts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from debrepo.database import Table, Transaction
    from debrepo.package import PackageList, SetId
    from debrepo_mirror.mirror import Mirror


def _details() -> tuple[Table[str, Any], ...]:
    """Return the tables whose keys begin with the name of a mirror."""
    from debrepo_mirror.verbatim.kept import VERBATIM  # not for commands that only read

    return STATE, PROBLEMS, RELEASES, VERBATIM


def create(txn: Transaction, mirror: Mirror) -> None:
    """Store a new mirror; raise `AlreadyExists` where the name is taken."""
    check_free(txn, mirror.name)
    txn[MIRRORS][mirror.name] = mirror


def check_free(txn: Transaction, name: str) -> None:
    """Raise `AlreadyExists` where there is a mirror of this name."""
    if name in txn[MIRRORS]:
        raise AlreadyExists(f"mirror {name} exists already")


def get(txn: Transaction, name: str) -> Mirror:
    """Return the mirror called ``name``."""
    try:
        return txn[MIRRORS][name]
    except KeyError:
        hint = meant(name, txn[MIRRORS], 'run "debrepo mirror list"')
        raise NotFound(f"no mirror called {name}", hint=hint) from None


def put(txn: Transaction, mirror: Mirror) -> None:
    """Store a mirror that has changed."""
    txn[MIRRORS][mirror.name] = mirror


def package_list(txn: Transaction, name: str) -> PackageList:
    """Return the packages of a mirror; raise `NotFound` before they were fetched for once."""
    mirror = get(txn, name)
    if not mirror.updated:
        raise NotFound(
            f"mirror {name} has no packages yet", hint=f'run "debrepo mirror update {name}"'
        )
    return mirror.package_list()


def rename(txn: Transaction, name: str, new_name: str) -> None:
    """Store a mirror under another name, with all that is known of it."""
    mirror = get(txn, name)
    create(txn, mirror._replace(name=new_name))
    for table in _details():
        for part, value in list(parts(txn[table], name)):
            txn[table][below(new_name, part)] = value
    pending = txn[PENDING].get(name)
    if pending is not None:
        txn[PENDING][new_name] = pending
    drop(txn, name)


def drop(txn: Transaction, name: str) -> None:
    """Remove a mirror, and all that is known of it."""
    del txn[MIRRORS][name]
    for table in _details():
        for part, _ in list(parts(txn[table], name)):
            del txn[table][below(name, part)]
    txn[PENDING].discard(name)


def live_sets(txn: Transaction) -> Iterator[SetId]:
    """Yield the package sets that the next updates will start from."""
    yield from txn[PENDING].values()
    for state in txn[STATE].values():
        yield state.set_id
        yield state.tree
    from debrepo_mirror.verbatim import kept

    yield from kept.live_sets(txn)

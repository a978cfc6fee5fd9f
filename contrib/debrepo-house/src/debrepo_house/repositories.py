"""Repositories and their owners: functions on a transaction, which do nothing slow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo import packageset
from debrepo.catalog import CHUNKS
from debrepo.package import PackageKey
from debrepo_house.tables import REPOSITORIES, HouseRepository

if TYPE_CHECKING:
    from collections.abc import Iterable

    from debrepo.database import Transaction
    from debrepo.package import Entry, PackageList


def get(txn: Transaction, name: str) -> HouseRepository:
    """Return what is known of a repository."""
    return txn[REPOSITORIES].get(name, HouseRepository(name))


def put(txn: Transaction, found: HouseRepository) -> None:
    """Store what is known of a repository."""
    txn[REPOSITORIES][found.name] = found


def create(txn: Transaction, name: str, team: str) -> None:
    """Store the owner of a new repository, if it has one."""
    if team:
        put(txn, HouseRepository(name, team))


def rename(txn: Transaction, old: str, new: str) -> None:
    """Follow a repository to its new name."""
    found = get(txn, old)
    if txn[REPOSITORIES].discard(old):
        put(txn, found._replace(name=new))


def drop(txn: Transaction, name: str) -> None:
    """Remove what is stored: the next repository of this name is another one."""
    txn[REPOSITORIES].discard(name)


def owners(txn: Transaction, lists: Iterable[PackageList]) -> list[str]:
    """Return the teams that own these package lists, sorted."""
    return sorted({get(txn, one.name).team for one in lists if one.kind == "repo"} - {""})


def phased(txn: Transaction, target: PackageList) -> dict[Entry, dict[str, str]]:
    """Return the fields of the packages that are rolled out, by their entries in the set."""
    if target.kind != "repo":
        return {}
    return {
        entry: {"Phased-Update-Percentage": str(percentage)}
        for package, percentage in get(txn, target.name).phases.items()
        for entry in packageset.find(txn[CHUNKS], target.set_id, f"{package}\0".encode())
        if PackageKey.from_entry(entry).architecture != "source"
    }

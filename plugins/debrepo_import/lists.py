"""Lists: repositories, mirrors and snapshots that are stored as another tool has kept them."""

from __future__ import annotations

from collections import ChainMap
from typing import TYPE_CHECKING, NamedTuple

from debrepo import packageset
from debrepo.acceptance import checking
from debrepo.arrival import Arrival
from debrepo.catalog import CHUNKS, get
from debrepo.errors import AlreadyExists, Conflict, DebrepoError, InvalidInput, InvalidPackage
from debrepo.lists import check_name
from debrepo.package import PackageKey, PackageList
from debrepo.packageset import EMPTY
from debrepo_import.report import Remark
from debrepo_import.tables import BROUGHT, BroughtList, brought_key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from debrepo.database import Transaction
    from debrepo.package import Entry
    from debrepo.session import Session
    from debrepo_import.foreign import ForeignList


class PutList(NamedTuple):
    """What has become of a list."""

    outcome: str  #: ``created``, ``changed``, ``unchanged``, or ``kept``: it is not as it was there
    remarks: tuple[Remark, ...] = ()


class _Draft(NamedTuple):
    target: PackageList
    before: PackageList | None
    chunks: Mapping[bytes, bytes]
    remarks: tuple[Remark, ...]


def unchanged(txn: Transaction, source: str, found: ForeignList) -> bool:
    """Return whether a list is as the last import has left it, on both sides."""
    key = brought_key(source, f"{found.kind}:{found.name}")
    last = txn[BROUGHT].get(key)
    return last is not None and last.whole and last.state == found.state


def existing(session: Session, txn: Transaction) -> dict[str, PackageList]:
    """Return all package lists that are here, by ``kind:name``."""
    batches = session.hook.debrepo_package_lists(txn=txn)
    return {str(found): found for batch in batches for found in batch}


def put(
    session: Session,
    source: str,
    found: ForeignList,
    final: Mapping[Entry, Entry],
    *,
    force: bool = False,
) -> PutList:
    """Store a list with those of its packages that are here, by ``final`` of `BroughtPackages`.

    One of the same name that did not come from ``source``, or that was changed here since, stays,
    unless ``force`` is given; a remark says so.
    """
    name = f"{found.kind} {found.name}"
    try:
        check_name(found.name)
    except InvalidInput as error:
        return PutList("kept", (Remark("refused", name, str(error)),))
    with session.db.read() as txn:
        drafted = _draft(session, txn, source, found, final, force=force)
    if isinstance(drafted, Remark):
        return PutList("kept", (drafted,))
    whole = len(drafted.remarks) == 0 and all(entry in final for entry in found.entries)
    try:
        changed = session.db.update(
            lambda txn: _save(session, txn, source, found, drafted, whole=whole)
        )
    except Conflict:
        raise
    except AlreadyExists as error:
        return PutList("kept", (Remark("taken", name, str(error)),))
    except DebrepoError as error:
        return PutList("kept", (Remark("refused", name, str(error)),))
    outcome = "created" if drafted.before is None else "changed" if changed else "unchanged"
    return PutList(outcome, drafted.remarks)


def _draft(
    session: Session,
    txn: Transaction,
    source: str,
    found: ForeignList,
    final: Mapping[Entry, Entry],
    *,
    force: bool,
) -> _Draft | Remark:
    key = f"{found.kind}:{found.name}"
    before = existing(session, txn).get(key)
    last = txn[BROUGHT].get(brought_key(source, key))
    if before is not None and not force:
        if last is None:
            return Remark("taken", key.replace(":", " ", 1), "there is another one of this name")
        if before.set_id.hex() != last.set_id:
            return Remark("taken", key.replace(":", " ", 1), "it has been changed here since")
    old = before.set_id if before else EMPTY
    there = set(packageset.entries(txn[CHUNKS], old))
    members = {final[entry] for entry in found.entries if entry in final}
    properties = found.properties
    target = PackageList(
        found.kind,
        found.name,
        old,
        properties.get("component", ""),
        properties.get("distribution", ""),
        tuple(properties.get("release", ())),
    )
    new = members - there
    remarks = _refused(session, txn, target, source, new)
    refused = {entry for entry, _ in remarks}
    store = ChainMap[bytes, bytes]({}, txn[CHUNKS])
    set_id = packageset.update(store, old, add=new - refused, remove=there - members)
    return _Draft(
        target._replace(set_id=set_id), before, store.maps[0], tuple(one for _, one in remarks)
    )


def _refused(
    session: Session, txn: Transaction, target: PackageList, source: str, new: set[Entry]
) -> list[tuple[Entry, Remark]]:
    """Return the packages that acceptance rules of plugins keep out."""
    check = checking(session, txn, target) if target.kind == "repo" else None
    if check is None:
        return []
    found = []
    for entry in sorted(new):
        try:
            check(get(txn, entry), Arrival(f"import:{source}"))
        except InvalidPackage as error:
            subject = f"package {PackageKey.from_entry(entry).display}"
            found.append((entry, Remark("refused", subject, f"{error} ({target.name})")))
    return found


def _save(
    session: Session,
    txn: Transaction,
    source: str,
    found: ForeignList,
    drafted: _Draft,
    *,
    whole: bool,
) -> bool:
    store = txn[CHUNKS]
    for digest, chunk in drafted.chunks.items():
        store[digest] = chunk
    target = drafted.target
    if not packageset.is_whole(store, target.set_id):
        raise Conflict("a cleanup has removed what was being imported", hint="run it again")
    if existing(session, txn).get(str(target)) != drafted.before:
        raise Conflict(f"{target.kind} {target.name} has changed", hint="run the import again")
    changed = session.hook.debrepo_import_list(
        session=session, txn=txn, target=target, properties=found.properties
    )
    if changed is None:
        raise InvalidInput(f"no plugin keeps lists of the kind {target.kind}")
    record = BroughtList(found.state, target.set_id.hex(), whole)
    txn[BROUGHT][brought_key(source, str(target))] = record
    return bool(changed)

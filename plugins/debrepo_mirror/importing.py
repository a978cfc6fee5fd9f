"""Importing: a mirror as another tool has kept it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from debrepo import packageset
from debrepo.catalog import CHUNKS
from debrepo.notices import tell
from debrepo.package import Entry
from debrepo.packageset import EMPTY
from debrepo_mirror import choices, mirrors
from debrepo_mirror.creating import now
from debrepo_mirror.mirror import Mirror
from debrepo_mirror.tables import MIRRORS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from debrepo.database import Transaction
    from debrepo.package import PackageList
    from debrepo.session import Session

#: What only an update of our own can say.
_NOT_THEIRS = frozenset(["choices", "etag", "modified", "name", "partial", "set_id", "signers"])


def import_list(
    session: Session, txn: Transaction, target: PackageList, properties: Mapping[str, Any]
) -> bool:
    """Store a mirror as another tool has kept it; return whether anything has changed.

    Its next update reads the indexes of the archive, and fetches what is not here yet.
    """
    old = txn[MIRRORS].get(target.name)
    known = set(Mirror._fields) - _NOT_THEIRS
    given = {name: value for name, value in properties.items() if name in known}
    base = old or Mirror(target.name, str(uuid4()), "", "", created=now())
    mirror = choices.checked(session.config, base._replace(set_id=target.set_id, **given))
    if mirror == old:
        return False
    if old is None:
        mirrors.create(txn, mirror)
        session.hook.debrepo_created(session=session, txn=txn, kind="mirror", name=mirror.name)
    else:
        mirrors.put(txn, mirror)
    before = old.set_id if old else EMPTY
    if before != mirror.set_id:
        removed, added = packageset.diff(txn[CHUNKS], before, mirror.set_id)
        txn.after_commit(
            lambda: tell(
                session,
                "debrepo_packages_changed",
                target=mirror.package_list(),
                before=before,
                added=frozenset[Entry](added),
                removed=frozenset[Entry](removed),
            )
        )
    return True

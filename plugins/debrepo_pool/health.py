"""Health: whether the storage has the package files that it should have."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from debrepo.errors import DebrepoError
from debrepo.health import Checkup, Concern
from debrepo_pool import places
from debrepo_pool.tables import MOVED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from debrepo.session import Session

_HINT = "add the packages again, or restore the files"


def checkups(session: Session, *, thorough: bool) -> Iterator[Checkup]:
    """Yield how the place of package files is; only a thorough look asks it for each of them."""
    with session.db.read() as txn:
        moved = [(key.hex(), where.decode()) for key, where in txn[MOVED].items()]
    place = places.configured(session)
    if place is None and not moved:
        return
    name = place.endpoint if place else "pool.storage"
    elsewhere = sorted({where for _, where in moved if place is None or where != place.endpoint})
    concerns = [
        Concern("error", f"package files are in {where}", f"set pool.storage to {where}")
        for where in elsewhere
    ]
    if place is not None and thorough:
        try:
            with closing(place.open(session)) as storage:
                paths = {place.path(digest): digest for digest, _ in moved}
                missing = sorted(
                    paths[path] for path, found in storage.stat_all(paths) if found is None
                )
        except DebrepoError as error:
            concerns.append(Concern("error", str(error), error.hint))
        else:
            if missing:
                files = "1 file is" if len(missing) == 1 else f"{len(missing):,} files are"
                text = f"{files} missing from {name}, such as {missing[0]}"
                concerns.append(Concern("error", text, _HINT))
    yield Checkup("pool", name, tuple(concerns))

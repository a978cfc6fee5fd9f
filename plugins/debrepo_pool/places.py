"""Where package files are in a storage."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from debrepo.errors import InvalidInput
from debrepo.storage import check_path
from debrepo_pool.tables import MOVED

if TYPE_CHECKING:
    from debrepo.session import Session
    from debrepo.storage import Storage


class FilePlace(NamedTuple):
    """The storage that `pool.storage` names, and what paths there start with."""

    endpoint: str  #: ``s3:NAME``
    prefix: str

    def path(self, digest: str) -> str:
        """Return where the file with this SHA256 is, or would be."""
        return f"{self.prefix}{digest[:2]}/{digest[2:]}"

    def open(self, session: Session) -> Storage:
        """Open the storage; the caller closes it."""
        return session.storage(self.endpoint)


def configured(session: Session) -> FilePlace | None:
    """Return the place of package files, if they have one besides the pool."""
    given: str = session.config["pool.storage"]
    if not given:
        return None
    scheme, name, *rest = [*given.split(":", 2), ""][:3]
    if not scheme or not name:
        raise InvalidInput(
            f"pool.storage is {given!r}",
            hint="it has to be a storage by its scheme and name, such as s3:NAME:prefix",
        )
    prefix = rest[0].strip("/")
    if prefix:
        check_path(prefix)
    return FilePlace(f"{scheme}:{name}", f"{prefix}/" if prefix else "")


def beside(session: Session, endpoint: str, digests: frozenset[str]) -> dict[str, str]:
    """Return those files that the storage ``endpoint`` has already, with their paths there."""
    place = configured(session)
    if place is None or place.endpoint != endpoint:
        return {}
    with session.db.read() as txn:
        moved = txn[MOVED]
        return {digest: place.path(digest) for digest in digests if bytes.fromhex(digest) in moved}

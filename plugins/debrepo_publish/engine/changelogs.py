"""Changelogs: files beside the packages, one of each source version, where apt asks for it.

See apt-get(8), changelog. What is known of a package is kept, and does not change: so each
generation claims and releases the same files.
"""

from __future__ import annotations

import re
from contextlib import closing
from typing import TYPE_CHECKING

from debrepo.catalog import PACKAGES
from debrepo.errors import InvalidInput
from debrepo_publish.engine.ledger import File
from debrepo_publish.model.hashing import key_of
from debrepo_publish.model.tables import CHANGELOGS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from debrepo.database import Transaction
    from debrepo.package import Entry
    from debrepo.session import Session
    from debrepo_publish.model.publication import Generation, Publication

OPTION = "changelogs"
AUTO = "auto"  #: the value of the option for the URL that the storage knows

_BATCH = 500  # rows that are deleted in one transaction
_WALK = 4096  # rows to read before the pages that they stand on are unmapped

_URL = re.compile(r"https?://[^\s/@]+(/[^\s@]*)?")


def wanted(generation: Generation | None) -> bool:
    """Return whether a generation has changelogs beside its packages."""
    return generation is not None and bool(generation.publication.options.get(OPTION))


def release_fields(session: Session, publication: Publication) -> dict[str, str]:
    """Return the field by which apt finds them; raise `InvalidInput` if nobody knows the URL."""
    said = str(publication.options.get(OPTION) or "")
    if not said:
        return {}
    if said == AUTO:
        with closing(session.storage(publication.storage)) as storage:
            said = storage.url("" if publication.prefix == "." else publication.prefix)
    if not _URL.fullmatch(said):
        raise InvalidInput(
            f"{publication} has no known URL, which changelogs need"
            if not said
            else f"the option changelogs cannot be {said[:80]!r}",
            hint="give the URL of the archive root: --changelogs https://deb.example.org/debian",
        )
    shelf = f"{publication.distribution}/" if publication.multi_dist else ""
    return {"Changelogs": f"{said.rstrip('/')}/changelogs/{shelf}@CHANGEPATH@_changelog"}


def files(txn: Transaction, changes: Iterable[tuple[str, Iterable[Entry]]]) -> list[File]:
    """Return the changelogs of packages, as the ledger counts them: one for each package."""
    rows = txn[CHANGELOGS]
    found = []
    for shelf, entries in changes:
        for entry in entries:
            row = rows.get(of_package(entry))
            if row and not row.startswith(b"\n"):
                sha256, size, path = row.partition(b"\n")[0].decode().split(" ")
                found.append(File(f"changelogs/{shelf}/{path}", sha256, int(size)))
    return found


def live_files(txn: Transaction) -> Iterator[str]:
    """Yield the SHA256 of the changelogs of all packages that are there."""
    for key, row in txn[CHANGELOGS].items():
        said, _, entry = row.partition(b"\n")
        if key.startswith(b"p") and said and entry in txn[PACKAGES]:
            yield said.partition(b" ")[0].decode()


def used_again(said: bytes, known: bytes | None) -> bytes:
    """Return the row of a source version that a package comes to use: each use makes it another."""
    count = (known or b"").partition(b"\n")[2]
    return b"%b\n%d" % (said, int(count or b"0") + 1)


def remove_rows(session: Session) -> None:
    """Delete what is known of packages that the database has no more, and of their sources."""
    with session.db.read() as txn:
        gone = [key for key, row in _packages(txn) if _entry(row) not in txn[PACKAGES]]
    for start in range(0, len(gone), _BATCH):
        with session.db.write() as txn:
            for key in gone[start : start + _BATCH]:
                row = txn[CHANGELOGS].get(key)
                if row is not None and _entry(row) not in txn[PACKAGES]:
                    del txn[CHANGELOGS][key]
    with session.db.read() as txn:
        named = {hash(_said(row)) for _, row in _packages(txn)}
        unused = {
            key: bytes(row)
            for key, row in txn[CHANGELOGS].prefix(b"s")
            if hash(_said(row)) not in named
        }
    if unused:
        with session.db.write() as txn:
            for key, row in unused.items():
                if txn[CHANGELOGS].get(key) == row:  # otherwise a package uses it since
                    del txn[CHANGELOGS][key]


def _packages(txn: Transaction) -> Iterator[tuple[bytes, bytes]]:
    for number, (key, row) in enumerate(txn[CHANGELOGS].prefix(b"p"), 1):
        if not number % _WALK:
            txn.trim()
        yield key, row


def _said(row: bytes) -> bytes:
    return bytes(row).partition(b"\n")[0]


def _entry(row: bytes) -> bytes:
    return bytes(row).partition(b"\n")[2]


def of_package(entry: Entry) -> bytes:
    """Return the key of what is known of a package."""
    return b"p" + key_of(entry)


def of_source(name: str, version: str) -> bytes:
    """Return the key of what is known of a source version."""
    return b"s" + key_of(name.encode(), version.encode())

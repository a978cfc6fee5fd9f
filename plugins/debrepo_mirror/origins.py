"""Origins: where the files of lazy mirrors are, for as long as a package names them."""

from __future__ import annotations

from _blake2 import blake2b  # hashlib would load OpenSSL for it
from typing import TYPE_CHECKING

from debrepo.database import Table, bytes_table
from debrepo.transport import address
from debrepo.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from debrepo.database import Transaction
    from debrepo.verbatim import TreeFile
    from debrepo_mirror.mirror import Mirror
    from debrepo_mirror.upstream.stanzas import Offered

_MOST = 4  # places that are kept of one file


class Origin(NamedTuple):
    """A place that has a file: an archive, as somebody who may read there, and the path in it."""

    root: str  #: URL, with a slash at its end
    path: str  #: as a URL has it
    size: int
    credentials: str = ""  #: the NAME of the settings ``mirror.credentials.NAME``

    @property
    def url(self) -> str:
        """Where the file is."""
        return self.root + self.path

    @property
    def place(self) -> bytes:
        """A short name for the place, whatever is there."""
        return place(self.root, self.path, self.credentials)


def place(root: str, path: str, credentials: str) -> bytes:
    """Return a short name for the place of a file."""
    return blake2b(f"{credentials}\n{root}\n{path}".encode(), digest_size=16).digest()


def _load(data: bytes) -> tuple[Origin, ...]:
    lines = (line.split("\t") for line in bytes(data).decode().split("\n"))
    return tuple(Origin(root, path, int(size), name) for root, path, size, name in lines)


def _dump(origins: tuple[Origin, ...]) -> bytes:
    return "\n".join("\t".join(map(str, origin)) for origin in origins).encode()


#: By the SHA256 of a file that a lazy mirror lists, as bytes; the newest origin comes first.
ORIGINS: Table[bytes, tuple[Origin, ...]] = Table("mirror.origins", _load, _dump, bytes, bytes)

#: By the `place` of a file, its SHA256.
PLACES = bytes_table("mirror.places")

#: By the SHA256 of a file that a client has had fetched, its size.
PULLED = bytes_table("mirror.pulled")


def note(txn: Transaction, mirror: Mirror, offered: Iterable[Offered]) -> None:
    """Store where the files of packages are, in the transaction that stores the packages."""
    found: dict[bytes, tuple[Origin, ...]] = {}
    places: dict[bytes, bytes] = {}
    table = txn[ORIGINS]
    for one in offered:
        for file, paths in zip(one.package.files, one.paths, strict=True):
            if file.size < 0 or not file.sha256:
                continue
            key = bytes.fromhex(file.sha256)
            new = [_origin(mirror, path, file.size) for path in paths.split("\t")]
            known = found.get(key) or table.get(key, ())
            kept = [origin for origin in known if origin not in new]
            found[key] = (*new, *kept)[:_MOST]
            places.update((origin.place, key) for origin in new)
    table.put_many(found.items())
    txn[PLACES].put_many(places.items())


def note_files(txn: Transaction, mirror: Mirror, files: Iterable[TreeFile]) -> None:
    """Store where files are that no package of the mirror may have."""
    table = txn[ORIGINS]
    for file in files:
        key, new = bytes.fromhex(file.sha256), _origin(mirror, file.path, file.size)
        known = [origin for origin in table.get(key, ()) if origin != new]
        table[key] = (new, *known)[:_MOST]
        txn[PLACES][new.place] = key


def _origin(mirror: Mirror, path: str, size: int) -> Origin:
    return Origin(mirror.url, quoted(path), size, mirror.credentials)


def quoted(path: str) -> str:
    """Return a path as origins have it."""
    return address("", path).lstrip("/")


def find(txn: Transaction, needed: Iterable[str]) -> dict[str, tuple[Origin, ...]]:
    """Return where files are, by their SHA256; those that are nowhere are left out."""
    table = txn[ORIGINS]
    found = ((digest, table.get(bytes.fromhex(digest))) for digest in sorted(needed))
    return {digest: origins for digest, origins in found if origins}


def listed(txn: Transaction) -> Iterator[str]:
    """Yield the SHA256 of all files with an origin."""
    for key in txn[ORIGINS]:
        yield key.hex()


def drop(txn: Transaction, gone: Collection[str]) -> None:
    """Remove what is known of files that no package names any more."""
    table, places = txn[ORIGINS], txn[PLACES]
    for digest in gone:
        key = bytes.fromhex(digest)
        for origin in table.get(key, ()):
            if places.get(origin.place) == key:
                del places[origin.place]
        table.discard(key)
        txn[PULLED].discard(key)

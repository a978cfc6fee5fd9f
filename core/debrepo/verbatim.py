"""Verbatim archives: what is published byte for byte, as another archive has signed it.

The package files of such an archive keep their paths, so they are a set of their own: its entries
are laid out as those of packages are, with the path in the place of the name. Two states of an
archive can be compared as two package sets can, at the cost of what differs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo import packageset
from debrepo.package import Entry, PackageFile, SetId
from debrepo.packageset import EMPTY
from debrepo.values import NamedTuple

if TYPE_CHECKING:
    from debrepo.packageset import Store

_KIND = "file"  # in the place of an architecture


class TreeFile(NamedTuple):
    """A package file by its path below the archive root."""

    path: str
    size: int
    sha256: str

    @property
    def entry(self) -> Entry:
        """Return the file as it stands in a set."""
        return Entry(f"{self.path}\0{_KIND}\0{self.size}\0{self.sha256}".encode())

    @classmethod
    def from_entry(cls, entry: bytes) -> TreeFile:
        """Return the file that an entry stands for."""
        path, _, size, sha256 = entry.decode().split("\0")
        return cls(path, int(size), sha256)


class VerbatimArchive(NamedTuple):
    """One state of an archive, all of whose files are known by their SHA256."""

    distribution: str  #: below ``dists/``; of a flat repository, its directory
    releases: dict[str, str]  #: SHA256 of InRelease, Release and Release.gpg: those that there are
    indexes: tuple[PackageFile, ...]  #: what Release lists and is here, by paths below Release
    tree: SetId = EMPTY  #: the package files


def find(store: Store, tree: SetId, path: str) -> TreeFile | None:
    """Return the file at a path, if there is one."""
    for entry in packageset.find(store, tree, f"{path}\0".encode()):
        return TreeFile.from_entry(entry)
    return None

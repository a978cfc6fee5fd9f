"""Foreign archives: packages and lists as another tool keeps them, before they are here.

A reader of one tool (`debrepo_import.aptly` and others) yields these values. What is common to
all of them works on them: `packages.bring` stores packages with their files, and `lists.put`
makes the package lists. Neither knows the tool.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from debrepo.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from debrepo.package import Entry, Package


class ForeignPackage(NamedTuple):
    """A package, with all that the other tool knows of it, and where its files are.

    ``package.files`` has the sizes and digests that the other tool has recorded; what it does
    not know is the empty string, and is computed. If the hash in the key is empty, it is computed
    from the files.
    """

    package: Package
    paths: tuple[str, ...]  #: of its files, in their order; empty: the other tool has none


class ForeignList(NamedTuple):
    """A repository, a mirror or a snapshot.

    ``state`` is a digest of all that is said here, as cheap as the other tool allows: a list whose
    state is that of the last import is left alone without looking at its packages.
    """

    kind: str  #: as in `debrepo.package.PackageList`
    name: str
    entries: Collection[Entry]
    properties: Mapping[str, Any]  #: fields of the record that the plugin of this kind keeps
    state: str

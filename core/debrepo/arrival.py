"""Arrival: where a package that is about to join a package list comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo.values import NamedTuple

if TYPE_CHECKING:
    from debrepo.package import PackageKey


class Arrival(NamedTuple):
    """A package comes as a file, in an upload that may be signed, or from another list."""

    #: The list that it is copied from, as ``kind:name``; ``keys:`` for any; empty: it is a file.
    source: str = ""
    signers: tuple[str, ...] = ()  #: fingerprints of the keys that signed the upload it is in
    remark: str = ""  #: what is odd about its file, though dpkg installs it


FILE = Arrival()


class RefusedPackage(NamedTuple):
    """A package that another plugin has kept out of a list, and why."""

    package: PackageKey
    reason: str
    hint: str
    arrival: Arrival

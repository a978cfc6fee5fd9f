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


class JudgedUpload(NamedTuple):
    """An upload that was included, or refused: a .changes file and what it lists."""

    name: str  #: of the .changes file
    repo: str  #: that it is for; empty where that could not be told
    source: str  #: what it says of itself, as the next ones; empty if it could not be read
    version: str
    distribution: str
    changed_by: str
    maintainer: str
    signers: tuple[str, ...]  #: fingerprints of the keys that signed it
    packages: tuple[str, ...] = ()  #: that it has brought, as ``name_version_architecture``
    reason: str = ""  #: why it was refused; empty if it is in

"""Arrival: where a package that is about to join a package list comes from."""

from __future__ import annotations

from debrepo.values import NamedTuple


class Arrival(NamedTuple):
    """A package comes as a file, in an upload that may be signed, or from another list."""

    #: The list that it is copied from, as ``kind:name``; ``keys:`` for any; empty: it is a file.
    source: str = ""
    signers: tuple[str, ...] = ()  #: fingerprints of the keys that signed the upload it is in
    remark: str = ""  #: what is odd about its file, though dpkg installs it


FILE = Arrival()

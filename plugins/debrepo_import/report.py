"""Reports: what an import has brought, and line by line what it could not bring."""

from __future__ import annotations

from typing import Literal

from debrepo.values import NamedTuple

#: Why something is not here, or not as it was there.
Why = Literal[
    "missing",  # a file that is listed there is not there
    "damaged",  # a file, or a record of the other tool, is not what it should be
    "refused",  # a name, or a package, that cannot be kept here
    "taken",  # there is something else of this name here, or it was changed here since
    "unsupported",  # an option that has no counterpart
    "gone",  # it was brought by an earlier import, and is no longer there
    "note",  # what remains to be done by hand
]


class Remark(NamedTuple):
    """One thing that is not here, or not as it was there."""

    why: Why
    subject: str  #: such as ``package hello_1.0_amd64`` or ``repo tools``
    text: str

    def __str__(self) -> str:
        return f"{self.why}: {self.subject}: {self.text}"


class ImportReport(NamedTuple):
    """What an import has done."""

    packages: int  #: that are new here
    files: int
    bytes: int
    #: ``kind:name`` of what is new or has changed.
    created: tuple[str, ...]
    changed: tuple[str, ...]
    unchanged: int  #: lists
    remarks: tuple[Remark, ...]

"""Problems: what can be wrong with a published archive."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Fault(StrEnum):
    """The kind of a problem, which decides what to do about it."""

    RELEASE = "release"  #: missing, unreadable, or of another generation
    SIGNATURE = "signature"
    DATE = "date"  #: clients do not accept it, or soon will not
    INDEX = "index"
    PACKAGE = "package"
    SERVING = "serving"  #: how the web server hands it out
    FOREIGN = "foreign"  #: not what this debrepo committed
    INTERRUPTED = "interrupted"  #: a generation was left half done
    DATED = "dated"  #: a dated archive is not what clients saw at that time
    SUPERSEDED = "superseded"  #: a superseded file is missing or damaged; see `giving_up`
    KEY_EXPIRES = "key expires"


class Problem(NamedTuple):
    """Something that is wrong, and the path of the file."""

    path: str
    text: str
    kind: Fault

    def __str__(self) -> str:
        return f"{self.path}: {self.text}"

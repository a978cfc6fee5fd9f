"""Problems: what can be wrong with a published archive."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Fault(StrEnum):
    """What kind of thing is wrong: what to do about it depends on that, and not on words."""

    RELEASE = "release"  #: missing, unreadable, or of another generation
    SIGNATURE = "signature"
    DATE = "date"  #: clients do not accept it, or soon will not
    INDEX = "index"
    PACKAGE = "package"
    SERVING = "serving"  #: how the web server hands it out
    FOREIGN = "foreign"  #: not what this debrepo committed
    INTERRUPTED = "interrupted"  #: a generation was left half done
    SUPERSEDED = "superseded"  #: gone before its time, and nothing but patience helps
    KEY_EXPIRES = "key expires"


class Problem(NamedTuple):
    """Something that is not as it should be, and the path of the file it is about."""

    path: str
    text: str
    kind: Fault

    def __str__(self) -> str:
        return f"{self.path}: {self.text}"

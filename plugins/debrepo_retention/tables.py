"""The tables of the retention plugin, which most commands do no more than look at."""

from __future__ import annotations

from typing import Any

from debrepo.database import Table, bytes_table, json_table
from debrepo.values import NamedTuple


class RetentionPolicy(NamedTuple):
    """Which versions of the packages of a repository stay, and which packages always do."""

    keep: int  #: versions of each package
    per: str = "source"
    min_age: int = 0  #: seconds; what has not been there for so long stays
    queries: tuple[str, ...] = ()  #: what is considered; all without one
    excepts: tuple[str, ...] = ()  #: what stays, whatever its version


def _load(fields: dict[str, Any]) -> RetentionPolicy:
    tuples = {name: tuple(fields[name]) for name in ("queries", "excepts")}
    return RetentionPolicy(**{**fields, **tuples})


#: By the name of the repository.
POLICIES = json_table("retention.policies", _load, RetentionPolicy._asdict, record=RetentionPolicy)
#: Repositories that packages have joined since they were held to their policy, each with a mark
#: that the next change replaces: it is negative if there was one before.
DUE: Table[str, int] = Table("retention.due", int, lambda n: b"%d" % n, bytes.decode, str.encode)
#: The hash of a repository's name and a time in microseconds, to the marks of what joined then.
ARRIVALS = bytes_table("retention.arrivals")

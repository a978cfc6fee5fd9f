"""What the pages store: which files ``publish site`` has written where."""

from __future__ import annotations

from debrepo.database import json_table
from debrepo.values import NamedTuple


class Site(NamedTuple):
    """The pages in a published tree."""

    storage: str
    prefix: str
    #: SHA-256 by path below the prefix; empty of a file that may be of an earlier state.
    files: dict[str, str]


SITES = json_table("web.sites", load=lambda fields: Site(**fields), dump=Site._asdict, record=Site)

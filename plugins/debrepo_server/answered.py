"""Answered requests: what a server gave to a request with an idempotency key, for a day."""

from __future__ import annotations

from typing import Any, NamedTuple

from debrepo.database import json_table


class Replay(NamedTuple):
    """A request that came with a key, and its answer once there is one."""

    request: str
    begun: float
    server: str
    status: int = 0
    media_type: str = ""
    body: str = ""
    sent: str = ""  #: the digest of what was sent, where ``request`` does not hold it


def _load(fields: dict[str, Any]) -> Replay:
    return Replay(**fields)


REPLAYS = json_table("server.replays", load=_load, dump=Replay._asdict, record=Replay)

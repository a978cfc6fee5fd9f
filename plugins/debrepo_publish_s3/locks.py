"""A lock in the bucket: for more than one object, or where writes have no conditions."""

from __future__ import annotations

import os
import random
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from debrepo.errors import Conflict, RemoteError
from debrepo_publish_s3 import conditions
from debrepo_publish_s3.refusals import Refused, age

if TYPE_CHECKING:
    from collections.abc import Iterator

    from debrepo_publish_s3.client import Client

NAME = "~debrepo-lock"
#: Seconds after which a lock was left behind; its owner trusts it for half of that time.
LIFE = 600
_WAIT = 120.0
_PAUSE = 0.25


class Held(NamedTuple):
    """A lock that is ours; the time is that of `time.monotonic`."""

    key: str
    since: float

    def check(self) -> None:
        """Raise `Conflict` if others may think by now that it was left behind."""
        if time.monotonic() - self.since > LIFE / 2:
            raise Conflict(
                f"publishing took longer than a lock lasts ({self.key})", hint="try again"
            )


class _Found(NamedTuple):
    """A lock that is somebody's."""

    body: bytes
    tag: str
    age: float

    def is_abandoned(self, owner: str) -> bool:
        """Tell whether nobody holds it: of one owner, only one publishes at a time."""
        return self.age > LIFE or self.body.decode(errors="replace").split(" ")[0] == owner


@contextmanager
def hold(
    client: Client, key: str, owner: str, parameters: dict[str, Any], *, atomic: bool
) -> Iterator[Held]:
    """Hold the lock ``key``; wait for others, and raise `Conflict` if that takes too long.

    A lock of the same ``owner`` is one that it could not give back. ``atomic`` tells whether
    the service heeds conditions; where it does not, everybody puts a claim, and who is alone
    in a listing made after that has the lock.
    """
    mine = f"{owner} {os.urandom(8).hex()}".encode()
    deadline = time.monotonic() + _WAIT
    name = key if atomic else f"{key}-{mine.rpartition(b' ')[2].decode()}"
    taken = False
    try:
        while not taken:
            since = time.monotonic()
            if atomic:
                taken = _take(client, key, owner, mine, parameters)
            else:
                taken = _claim(client, key, name, owner, mine, parameters)
            if taken:
                continue
            if time.monotonic() > deadline:
                raise Conflict(
                    f"somebody else has been publishing to {key.rpartition('/')[0]} for "
                    f"{_WAIT:.0f} seconds",
                    hint=f"if nobody is, delete {key}; it is void in {LIFE // 60} minutes anyway",
                )
            client.pause(_PAUSE * random.uniform(0.5, 1.5))  # noqa: S311
        yield Held(key, since)
    finally:
        if not atomic or (taken and time.monotonic() - since < LIFE):
            with suppress(RemoteError):  # it dies of old age
                client.call("delete_object", Key=name)


def _take(client: Client, key: str, owner: str, mine: bytes, parameters: dict[str, Any]) -> bool:
    if conditions.create(client, key, mine, **parameters):
        return True
    found = _look(client, key)
    if found is None:
        return False
    if found.body == mine:  # the answer got lost
        return True
    if not found.is_abandoned(owner):
        return False
    for tag in (found.tag, found.tag.strip('"')):  # older radosgw wants it without quotes
        if conditions.replace(client, key, mine, tag, **parameters):
            return True
    again = _look(client, key)
    return again is not None and again.body == mine


def _claim(
    client: Client, key: str, name: str, owner: str, mine: bytes, parameters: dict[str, Any]
) -> bool:
    client.call("put_object", Key=name, body=mine, **parameters)
    page = client.call("list_objects_v2", Prefix=f"{key}-")
    others = [found["Key"] for found in page.get("Contents", ()) if found["Key"] != name]
    for other in list(others):
        found = _look(client, other)
        if found is None or found.is_abandoned(owner):
            others.remove(other)
            client.call("delete_object", Key=other)
    if others and min(others) < name:
        client.call("delete_object", Key=name)
    return not others


def _look(client: Client, key: str) -> _Found | None:
    with suppress(Refused):
        answer = client.call("get_object", Key=key)
        return _Found(answer["Body"], answer["ETag"], age(answer, answer["LastModified"]))
    return None


def owner(root: Path) -> str:
    """Return what is the same for all that use one root, and for nobody else.

    Of those, the lease on the place lets one publish at a time.
    """
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    found = root.stat()
    return f"{boot}/{found.st_dev}:{found.st_ino}"

"""Lock objects in the bucket, for more than one object or without conditional writes."""

from __future__ import annotations

import os
import random
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from debrepo.errors import Conflict, RemoteError
from debrepo.wire.refusals import age, date
from debrepo_publish_s3 import claims, conditions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from debrepo_publish_s3.client import Client

NAME = "~debrepo-lock"
#: Seconds after which a lock may be taken over; its owner trusts it for half of that time.
LIFE = 600
_WAIT = 120.0
_PAUSE = 0.25


class HeldLock(NamedTuple):
    """A lock that this process holds; the time is that of `time.monotonic`."""

    key: str
    since: float

    def check(self) -> None:
        """Raise `Conflict` if other publishers may take the lock over by now."""
        if time.monotonic() - self.since > LIFE / 2:
            raise Conflict(
                f"publishing took longer than a lock lasts ({self.key})", hint="try again"
            )


class WantedLock(NamedTuple):
    """A lock to take, and what to write into it."""

    client: Client
    key: str
    owner: str
    token: str  #: of this one try
    headers: dict[str, str]

    @property
    def body(self) -> bytes:
        """What the lock holds when it is ours."""
        return f"{self.owner} {self.token}".encode()

    def write(self, key: str) -> None:
        """Put what the lock holds under ``key``, whatever is there."""
        self.client.ask("put object", "PUT", key, headers=self.headers, body=self.body)

    def look(self, key: str) -> FoundLock | None:
        """Return the lock or the claim at ``key``, if there is one."""
        answer = self.client.ask("get object", "GET", key, allowed=(404,))
        if answer.status == 404:
            return None
        written = date(answer.headers["last-modified"])
        left = answer.body.decode(errors="replace").split(" ")[0] == self.owner
        return FoundLock(answer.body, answer.headers["etag"], left or age(answer, written) > LIFE)

    def delete(self, key: str) -> None:
        """Delete the lock or the claim at ``key``."""
        self.client.ask("delete object", "DELETE", key, allowed=(404,))


class FoundLock(NamedTuple):
    """A lock as it was found."""

    body: bytes
    tag: str
    stale: bool  #: too old, or of the same owner: of whom only one publishes at a time


def key(path: str) -> str:
    """Return the key of the lock beside what is at ``path``."""
    return f"{path.rpartition('/')[0]}/{NAME}".lstrip("/")


@contextmanager
def hold(
    client: Client, key: str, owner: str, headers: dict[str, str], *, atomic: bool
) -> Iterator[HeldLock]:
    """Hold the lock ``key``; wait for others, and raise `Conflict` if that takes too long.

    A lock of the same ``owner`` was left by a killed process. ``atomic`` tells whether
    the service supports conditional writes.
    """
    wanted = WantedLock(client, key, owner, os.urandom(8).hex(), headers)
    take, release = (_take, _release) if atomic else (claims.take, claims.release)
    deadline = time.monotonic() + _WAIT
    taken = False
    try:
        while not taken:
            since = time.monotonic()
            taken = take(wanted)
            if taken:
                continue
            if time.monotonic() > deadline:
                raise Conflict(
                    f"another publisher has been publishing to {key.rpartition('/')[0]} for "
                    f"{_WAIT:.0f} seconds",
                    hint=f"if it is not running, delete {key}, or wait {LIFE // 60} minutes",
                )
            client.pause(_PAUSE * random.uniform(0.5, 1.5))  # noqa: S311
        yield HeldLock(key, since)
    finally:
        with suppress(RemoteError):  # it expires
            release(wanted, held=taken and time.monotonic() - since < LIFE)


def _take(wanted: WantedLock) -> bool:
    client, key = wanted.client, wanted.key
    if conditions.create(client, key, wanted.body, wanted.headers):
        return True
    found = wanted.look(key)
    if found is None:
        return False
    if found.body == wanted.body:  # the answer was lost
        return True
    if not found.stale:
        return False
    for tag in (found.tag, found.tag.strip('"')):  # older radosgw wants it without quotes
        if conditions.replace(client, key, wanted.body, tag, wanted.headers):
            return True
    again = wanted.look(key)
    return again is not None and again.body == wanted.body


def _release(wanted: WantedLock, *, held: bool) -> None:
    if held:
        wanted.delete(wanted.key)


def owner(root: Path) -> str:
    """Return an identifier of a root, the same for all its processes.

    The lease on the place lets one of these publish at a time.
    """
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    try:
        found = root.stat()
    except FileNotFoundError:  # a backup is restored to it, which only reads
        return f"{boot}/{root.absolute()}"
    return f"{boot}/{found.st_dev}:{found.st_ino}"

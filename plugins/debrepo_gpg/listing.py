"""What GnuPG lists of the secret keys, kept beside them until they change.

A publish asks first which keys sign. GnuPG and its agent take longer to tell than all
the rest of a publish that finds nothing changed.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from hashlib import sha256
from typing import TYPE_CHECKING

from debrepo_gpg.keys import from_listing

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from debrepo_gpg.keys import Key

_NAME = "secret-keys.listing"
_WATCHED = ("pubring.kbx", "pubring.gpg", "gpg.conf", "private-keys-v1.d")
_SETTLED = 2 * 10**9  # nanoseconds after which another change has another time


def secret_keys(home: Path, program: str, ask: Callable[[], bytes]) -> list[Key]:
    """Return the keys of a GnuPG home; ``ask`` has GnuPG list them.

    A listing serves as long as no file with keys has changed and no key has expired since.
    Files that have just changed are asked about again.
    """
    before = _state(home, program)
    now = time.time_ns()
    found = _kept(home, before, now)
    if found is not None:
        return found
    listing = ask()
    newest = max(at for at, _ in before)
    if newest + _SETTLED < now and _state(home, program) == before:
        with suppress(OSError):  # a directory that cannot be written to serves all the same
            _keep(home, _head(before, listing) + listing)
    return from_listing(listing)


def _state(home: Path, program: str) -> list[tuple[int, str]]:
    """Return time and identity of each file that keys depend on."""
    found = [(0, program)]
    for name in _WATCHED:
        with suppress(OSError):
            stat = (home / name).stat()
            found.append((stat.st_mtime_ns, f"{name} {stat.st_ino} {stat.st_size}"))
    return found


def _head(state: list[tuple[int, str]], listing: bytes) -> bytes:
    return sha256(repr(state).encode() + listing).hexdigest().encode() + b"\n"


def _kept(home: Path, state: list[tuple[int, str]], now: int) -> list[Key] | None:
    path = home / _NAME
    try:
        made = path.stat().st_mtime_ns
        head, newline, listing = path.read_bytes().partition(b"\n")
    except OSError:
        return None
    if head + newline != _head(state, listing) or made > now:
        return None
    keys = from_listing(listing)
    ends = [part.expires for key in keys for part in key.parts if part.expires]
    return None if any(made <= end.timestamp() * 10**9 <= now for end in ends) else keys


def _keep(home: Path, content: bytes) -> None:
    """Replace the listing; a process that is killed in between leaves the one before."""
    partial = home / f"{_NAME}.{os.getpid()}.partial"
    try:
        partial.touch(mode=0o600)
        partial.write_bytes(content)
        partial.replace(home / _NAME)
    finally:
        partial.unlink(missing_ok=True)

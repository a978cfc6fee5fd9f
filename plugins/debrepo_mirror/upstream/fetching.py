"""Fetching indexes: side by side, under one name after another, held against their checksums."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from debrepo import stopping
from debrepo.errors import DebrepoError, RemoteError, VerificationFailed, cannot_write
from debrepo.transport import Want, address, said_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from debrepo.package import PackageFile
    from debrepo.transport import Fetched, Transport
    from debrepo_mirror.upstream.indexes import IndexVariant

_ALGORITHMS = ("md5", "sha1", "sha256", "sha512")
_NOT_THERE = (403, 410)  # S3 refuses what is not there to those who may not list
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0  # seconds between two attempts


class Mismatch(VerificationFailed):
    """A file is not what was listed of it; the archive may have changed meanwhile."""


class GotFile(NamedTuple):
    """A file that was fetched, and that it is what is listed of it."""

    variant: IndexVariant
    path: Path
    size: int
    digest: str  #: as SHA256, where nothing is listed of it


class IncomingIndex:
    """A file that is being received: written, counted, and hashed as its checksums need."""

    def __init__(
        self, path: Path, listed: PackageFile | None, where: str, *, exact: bool = True
    ) -> None:
        self._path = path
        self._listed = listed
        self.where = where
        self.exact = exact  #: no more bytes are taken than are listed
        names = [n for n in _ALGORITHMS if listed and getattr(listed, n)] or ["sha256"]
        self._names = names
        self._open()

    def _open(self) -> None:
        self._hashes: dict[str, Any] = {
            name: hashlib.new(name, usedforsecurity=False) for name in self._names
        }
        self.size = 0
        try:
            self._file = self._path.open("wb")
        except OSError as error:
            raise cannot_write(self._path, error) from error

    def receive(self, data: bytes) -> None:
        """Take the next bytes."""
        self.size += len(data)
        if self.exact and self._listed and self.size > self._listed.size:
            size = self._listed.size
            raise Mismatch(f"{self.where} has more than {size} bytes, expected {size}", hint=_HINT)
        for digest in self._hashes.values():
            digest.update(data)
        try:
            self._file.write(data)
        except OSError as error:
            raise cannot_write(self._path, error) from error

    def restart(self) -> None:
        """Drop what was received."""
        self._file.close()
        self._open()

    def close(self) -> None:
        """Close the file."""
        try:
            self._file.close()
        except OSError as error:
            raise cannot_write(self._path, error) from error

    @property
    def digest(self) -> str:
        """The SHA256, if it was asked for."""
        return str(self._hashes["sha256"].hexdigest()) if "sha256" in self._hashes else ""

    def check(self) -> None:
        """Raise `Mismatch` unless size and all checksums are as listed."""
        found = {name: digest.hexdigest() for name, digest in self._hashes.items()}
        check(self._listed, self.size, found, self.where)


def check(listed: PackageFile | None, size: int, found: Mapping[str, str], where: str) -> None:
    """Raise `Mismatch` unless a file has the size and all the checksums that are listed of it."""
    if listed is None:
        return
    if listed.size != size:
        raise Mismatch(f"{where} has {size} bytes, expected {listed.size}", hint=_HINT)
    for name, digest in found.items():
        expected = getattr(listed, name)
        if expected and expected != digest:
            raise Mismatch(
                f"{where} has the {name.upper()} checksum {digest}, expected {expected}", hint=_HINT
            )


_HINT = "the archive is damaged or is being changed: try again later; see also --ignore-checksums"


class Attempts:
    """What is asked for one after another until one of them is there, and what came of it."""

    def __init__(self, name: str, variants: Iterable[IndexVariant]) -> None:
        self.name = name  #: what is wanted, for messages
        self._variants = iter(variants)
        self.failure: DebrepoError | None = None  #: why the last one that is there was of no use
        self.tries = 0

    def next(self) -> IndexVariant | None:
        """Return what to ask for now."""
        self.tries = 0
        return next(self._variants, None)


def fetch(
    transport: Transport,
    root: str,
    wanted: Mapping[str, Attempts],
    place: Callable[[str, IndexVariant], Path],
    *,
    limit: int,
    tries: int = 1,
    ignore: Callable[[str], None] | None = None,
    pause: Callable[[float], None] | None = None,
) -> Iterator[tuple[str, GotFile | None]]:
    """Fetch files below ``root``, side by side; yield each, or ``None`` for one that is nowhere.

    What is not as listed is asked for under its next name; if that was the last one, `Mismatch` is
    raised. ``ignore`` is told of it instead, and it counts as good. An attempt that failed for
    a reason that can pass is repeated, up to ``tries`` times in all.
    """
    asking = {key: (attempts, attempts.next()) for key, attempts in wanted.items()}
    waits = 0.0
    while asking:
        for key, (attempts, variant) in list(asking.items()):
            if variant is None:
                del asking[key]
                if attempts.failure is not None:
                    raise attempts.failure
                yield key, None
        if waits:
            (pause or sleep)(waits)
            waits = 0.0
        incoming: dict[str, IncomingIndex] = {}

        def wants() -> Iterator[Want]:
            for key, (_, variant) in list(asking.items()):
                assert variant is not None
                url = address(root, variant.path)
                target = IncomingIndex(
                    place(key, variant), variant.listed, url, exact=ignore is None
                )
                incoming[key] = target  # noqa: B023  # of this round
                yield Want(url, target.receive, target.restart, limit=limit, mark=key)

        for fetched in transport.fetch(wants()):
            key = str(fetched.want.mark)
            attempts, variant = asking[key]
            assert variant is not None
            target = incoming[key]
            target.close()
            try:
                if fetched.outcome == "whole":
                    target.check()
                elif isinstance(fetched.error, Mismatch):
                    raise fetched.error
            except Mismatch as error:
                if ignore is None:
                    attempts.failure = error
                    asking[key] = attempts, attempts.next()
                    continue
                ignore(str(error))
            if fetched.outcome == "whole":
                del asking[key]
                yield key, GotFile(variant, place(key, variant), target.size, target.digest)
            elif fetched.outcome == "missing" or fetched.status in _NOT_THERE:
                asking[key] = attempts, attempts.next()
            else:
                waits = max(waits, _again(fetched, attempts, tries))


def _again(fetched: Fetched, attempts: Attempts, tries: int) -> float:
    """Return the seconds to wait before the next attempt; raise if there is none."""
    if fetched.error is not None:
        raise fetched.error
    attempts.tries += 1
    failure = RemoteError(said_of(fetched), hint="try again later")
    attempts.failure = failure
    if not fetched.again or attempts.tries >= tries:
        raise failure
    pause: float = _FIRST_PAUSE * 2 ** (attempts.tries - 1)
    return max(fetched.after, min(pause, _LONGEST_PAUSE))


def sleep(seconds: float) -> None:
    """Wait; ends early when the work is to end."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        stopping.checkpoint()
        time.sleep(min(left, 0.1))

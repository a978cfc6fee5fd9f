"""Receiving one file: in memory while it is small, and held against what is listed of it."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, NamedTuple

from debrepo.archive import Digests, described
from debrepo.credentials import bare
from debrepo.errors import DatabaseError, VerificationFailed
from debrepo.transport import NOTHING_KNOWN, Want

if TYPE_CHECKING:
    from collections.abc import Callable

    from debrepo.package import PackageFile
    from debrepo.pool import Pool
    from debrepo.progress import Meter
    from debrepo.transport import Validators
    from debrepo_mirror.download.partial import PartialFile, PartialFiles

#: Bytes of a file that are kept in memory; one with more has a partial file.
SMALL = 1 << 18
_SLACK = 1 << 30  # bytes that a file may have more than listed, where checksums are ignored
_CHECKSUMS = ("sha256", "sha512", "sha1", "md5")
_HINT = "the archive is damaged or is being changed: update again later, or ignore checksums"


class WantedFile(NamedTuple):
    """A file to fetch: from one URL after the other, until one has what is listed.

    A size of -1, and empty checksums, are not known; the others are all verified.
    """

    urls: tuple[str, ...]
    listed: PackageFile
    mark: object = None  #: the caller's


class Downloaded(NamedTuple):
    """What came of a wanted file: it is in the pool and has these digests, or why it is not."""

    wanted: WantedFile
    found: PackageFile | None
    reason: str = ""  #: one line, with the URL
    hint: str = ""  #: what to do
    missing: bool = False  #: whether the servers say that there is no such file
    damaged: bool = False  #: whether they have another one than is listed


class Receiving:
    """A wanted file on its way; it is its own `Want`'s receiver."""

    __slots__ = (
        "_digests",
        "_meter",
        "_note",
        "_partial",
        "_partials",
        "_parts",
        "_validators",
        "failure",
        "offset",
        "size",
        "tries",
        "turn",
        "wanted",
    )

    def __init__(
        self,
        wanted: WantedFile,
        partials: PartialFiles,
        meter: Meter,
        note: Callable[[str], object] | None = None,
    ) -> None:
        """Receive ``wanted``; ``note`` is told what is not as listed, and it is taken all the same.

        Without it, nothing is taken that is not as listed.
        """
        self.wanted = wanted
        self.turn = 0  #: which of the URLs is asked
        self.tries = 0  #: attempts at this URL that failed and brought little
        self.failure: Downloaded | None = None  #: why an earlier URL was of no use
        self.size = 0
        self.offset = 0  #: where the attempt that is under way has begun
        self._partials = partials
        self._meter = meter
        self._note = note
        self._parts: list[bytes] = []
        self._partial: PartialFile | None = None
        self._digests: Digests | None = None
        self._validators = NOTHING_KNOWN

    @property
    def url(self) -> str:
        """Where it is asked for now."""
        return self.wanted.urls[self.turn]

    def want(self) -> Want:
        """Return what to ask a transport for: what is not here yet."""
        if self._parts:  # of an attempt that failed
            self._meter.add(-self.size)
            self._parts, self.size = [], 0
        if 0 <= self.wanted.listed.size <= SMALL and self._note is None:
            limit = self.wanted.listed.size
            return Want(self.url, self.receive, self.restart, None, 0, NOTHING_KNOWN, limit, self)
        validators = NOTHING_KNOWN
        if self._may_be_large() and (self._partial or self._known() > 0):
            partial = self._partial = self._partial or self._open()
            if self.size:
                validators = partial.validators(self.url)
        self.offset = self.size
        return Want(
            self.url,
            self.receive,
            self.restart,
            self.begin,
            offset=self.size,
            validators=validators,
            limit=self._limit(),
            mark=self,
        )

    def _may_be_large(self) -> bool:
        return not 0 <= self.wanted.listed.size <= SMALL

    def _known(self) -> int:
        return self._partials.size(self.url, self.wanted.listed)

    def _limit(self) -> int:
        size = self.wanted.listed.size
        if size < 0:
            return 1 << 62
        return size if self._note is None else size + _SLACK

    def _open(self) -> PartialFile:
        """Open what an earlier run has left, and hash it."""
        partial = self._partials.open(self.url, self.wanted.listed)
        if partial.size > self._limit():
            partial.empty()
        self._digests = Digests()
        for _ in self._digests.through(partial.blocks()):
            pass
        self.size = self._digests.size
        self._meter.add(self.size)
        return partial

    @property
    def complete(self) -> bool:
        """Whether all of it was here already: the last run ended between two steps."""
        return 0 < self.size == self.wanted.listed.size

    # What a transport calls.

    def begin(self, validators: Validators) -> None:
        """Take note of what the bytes are recognized by that come now."""
        self._validators = validators
        if self._partial is not None:
            self._partial.begin(self.url, validators)

    def restart(self) -> None:
        """Drop what is here."""
        self._meter.add(-self.size)
        self.size = self.offset = 0
        self._parts.clear()
        if self._partial is not None:
            self._partial.empty()
            self._digests = Digests()

    def receive(self, data: bytes) -> None:
        """Take the next bytes."""
        self.size += len(data)
        self._meter.add(len(data))
        if self._partial is not None:
            self._add(data)
            return
        self._parts.append(data)
        if self.size > SMALL:
            self._spill()

    def _spill(self) -> None:
        """Go on in a file, as it is not small; what was in there is of no use."""
        parts, self._parts = self._parts, []
        self._partial = self._partials.open(self.url, self.wanted.listed)
        self._partial.empty()
        self._partial.begin(self.url, self._validators)
        self._digests = Digests()
        self._add(b"".join(parts))

    def _add(self, data: bytes) -> None:
        partial, digests = self._partial, self._digests
        assert partial is not None
        assert digests is not None
        partial.write(data)
        digests.update(data)

    # What came of it.

    def place(self, pool: Pool) -> PackageFile:
        """Put the whole file into the pool; raise `VerificationFailed` if it is another one."""
        name = self.wanted.listed.name
        if self._partial is None:
            parts = self._parts
            data = parts[0] if len(parts) == 1 else b"".join(parts)
            found = described(name, data)
            self._check(found)
            pool.put(found.sha256, data, anew=True)
            self._parts = []
            return found
        assert self._digests is not None
        found = self._digests.file(name)
        self._check(found)
        _place(pool, self._partial, found.sha256)
        self._partial.drop()
        self._partial = None
        return found

    def _check(self, found: PackageFile) -> None:
        for problem in self._problems(found):
            if self._note is None:
                raise VerificationFailed(problem, hint=_HINT)
            self._note(problem)

    def _problems(self, found: PackageFile) -> list[str]:
        """Return a line for each thing that is not as listed."""
        listed = self.wanted.listed
        if listed.size in (-1, found.size) and _agree(listed, found):
            return []
        lines = []
        if listed.size not in (-1, found.size):
            lines.append(f"expected {listed.size} bytes, found {found.size}")
        for name in _CHECKSUMS:
            expected, is_there = getattr(listed, name), getattr(found, name)
            if expected and expected != is_there:
                lines.append(f"expected {name.upper()} {expected}, found {is_there}")
        return [f"{bare(self.url)}: {line}" for line in lines]

    def discard(self) -> None:
        """Drop what is here: it is of no use to anybody."""
        self._meter.add(-self.size)
        self._parts, self.size, self.offset = [], 0, 0
        if self._partial is not None:
            self._partial.drop()
            self._partial = None

    def close(self) -> None:
        """Leave what is here to another run."""
        if self._partial is not None:
            self._partial.close()
            self._partial = None


def _agree(listed: PackageFile, found: PackageFile) -> bool:
    """Tell whether all checksums that are listed are those that were found."""
    for expected, is_there in zip(listed[2:], found[2:], strict=True):
        if expected and expected != is_there:
            return False
    return True


def _place(pool: Pool, partial: PartialFile, sha256: str) -> None:
    """Give a file its place in the pool, by a copy where that is another file system."""
    try:
        pool.place(partial.path, partial.fd, sha256)
    except DatabaseError as error:
        cause = error.__cause__
        if not isinstance(cause, OSError) or cause.errno != errno.EXDEV:
            raise
        os.lseek(partial.fd, 0, os.SEEK_SET)
        with os.fdopen(os.dup(partial.fd), "rb") as source, pool.stage(source) as staged:
            for _ in staged:
                pass
            staged.place(sha256)

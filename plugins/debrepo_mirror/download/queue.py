"""Many files at a time: what fails may come later, and what cannot come does not stop the rest."""

from __future__ import annotations

import os
import time
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from debrepo import stopping
from debrepo.credentials import bare
from debrepo.errors import DatabaseFull, VerificationFailed
from debrepo.progress import amount
from debrepo_mirror.download.partial import PartialFiles
from debrepo_mirror.download.receiving import Downloaded, Receiving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from debrepo.pool import Pool
    from debrepo.progress import Meter
    from debrepo.session import Session
    from debrepo.transport import Fetched, Transport, Want
    from debrepo_mirror.download.receiving import WantedFile

_HEADWAY = 1 << 20  # bytes after which an attempt that ended early was worth making
_ENOUGH = 8  # failures one after the other, after which the server is left alone for a while
_LONGEST = 60.0  # seconds between two attempts
_PATIENCE = 600.0  # seconds for which a server may ask to be left alone
_MOMENT = 0.1
_LONGER = "more than the"  # how transports begin to say that a file has more bytes than listed
_LATER = 'run "debrepo mirror update NAME" again later: what is here already is kept'
_GONE = "update again: the archive may have changed; else do without it with --allow-missing"


class DownloadTerms(NamedTuple):
    """How downloads go about it."""

    tries: int = 3  #: attempts at each file
    pause: float = 1.0  #: seconds before the second attempt; then twice as many each time
    ignore_checksums: bool = False


def pause(seconds: float) -> None:
    """Wait; ends early when the work is to end."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        stopping.checkpoint()
        time.sleep(min(left, _MOMENT))


class Downloads:
    """Fetches files into the pool.

    Files come in rounds: what failed and may go better another time waits for the next one. A
    round ends early when a server says that it is busy, or fails again and again. Where rounds
    bring nothing as often as a file is tried, the rest is not tried any more.
    """

    def __init__(
        self,
        session: Session,
        pool: Pool,
        transport: Transport,
        terms: DownloadTerms,
        *,
        wait: Callable[[float], object] = pause,
    ) -> None:
        """Fetch into ``pool``, which is reserving; the caller syncs it before it commits."""
        self._session = session
        self._pool = pool
        self._transport = transport
        self._terms = terms
        self._wait = wait
        self._partials = PartialFiles.of(session.root)
        self._note = self._warn if terms.ignore_checksums else None
        self._source: Iterator[WantedFile] = iter(())
        self._again: deque[Receiving] = deque()
        self._next: deque[Receiving] = deque()
        self._running: set[Receiving] = set()
        self._ready: list[Downloaded] = []
        self._over = False  # the source is at its end
        self._halted = False  # nothing more is taken in this round
        self._failures = 0  # one after the other
        self._after = 0.0  # seconds that a server wants to be left alone
        self._brought = False  # whether this round was of any use
        self._reason = ""

    def fetch(self, wanted: Iterable[WantedFile], *, files: int, size: int) -> Iterator[Downloaded]:
        """Fetch files, which are ``files`` of ``size`` bytes in all; yield each as it ends.

        Raise `DatabaseFull` before the first one if there is not enough space, and any error of
        this machine as soon as it is met.
        """
        self._partials.prepare()
        check_space(self._session.root, self._pool.root, size, files)
        self._source = iter(wanted)
        try:
            with self._session.progress.meter("Fetching files", files=files, size=size) as meter:
                for done in self._rounds(meter):
                    meter.ended()
                    yield done
        finally:
            for receiving in (*self._running, *self._again, *self._next):
                receiving.close()

    def _rounds(self, meter: Meter) -> Iterator[Downloaded]:
        useless = waits = 0
        while True:
            self._halted = self._brought = False
            self._failures, self._after = 0, 0.0
            for fetched in self._transport.fetch(self._wants(meter)):
                done = self._settle(fetched)
                if done is not None:
                    yield done
                yield from self._drained()
            yield from self._drained()
            self._next.extend(self._again)  # behind those that this round did not get to
            self._again.clear()
            if self._over and not self._next:
                return
            useless = 0 if self._brought else useless + 1
            if useless >= self._terms.tries:
                yield from self._given_up()
                return
            waits = 1 if self._brought else waits + 1
            self._wait(max(self._after, min(self._terms.pause * 2 ** (waits - 1), _LONGEST)))

    def _drained(self) -> list[Downloaded]:
        ready, self._ready = self._ready, []
        return ready

    def _wants(self, meter: Meter) -> Iterator[Want]:
        while not self._halted:
            if self._next:
                receiving = self._next.popleft()
            else:
                wanted = next(self._source, None)
                if wanted is None:
                    self._over = True
                    return
                receiving = Receiving(wanted, self._partials, meter, self._note)
            want = receiving.want()
            self._running.add(receiving)
            if receiving.complete:
                done = self._place(receiving, resumed=True)
                if done is not None:
                    self._ready.append(done)
            else:
                yield want

    def _settle(self, fetched: Fetched) -> Downloaded | None:
        """Return what came of a file, or ``None`` if it will be tried again."""
        receiving = fetched.want.mark
        assert isinstance(receiving, Receiving)
        if fetched.error is not None:
            raise fetched.error
        if fetched.outcome == "whole":
            return self._place(receiving, resumed=receiving.offset > 0)
        self._running.discard(receiving)
        url = fetched.url or bare(receiving.url)
        expected = receiving.wanted.listed.size
        text = f"{url}: {fetched.reason or fetched.outcome}"
        if expected >= 0:
            text += f", expected a file of {expected} bytes"
        if fetched.outcome == "failed" and fetched.again:
            return self._later(receiving, fetched, text)
        self._brought = True  # the server does answer
        missing = fetched.outcome == "missing"
        if not fetched.status:
            receiving.discard()
        hint = _GONE if missing else _LATER
        damaged = fetched.reason.startswith(_LONGER)
        failure = Downloaded(receiving.wanted, None, text, hint, missing, damaged)
        return self._elsewhere(receiving, failure)

    def _place(self, receiving: Receiving, *, resumed: bool) -> Downloaded | None:
        self._running.discard(receiving)
        self._failures, self._brought = 0, True
        try:
            found = receiving.place(self._pool)
        except VerificationFailed as error:
            receiving.discard()
            if resumed:  # what was here before may be to blame
                self._again.append(receiving)
                return None
            failure = Downloaded(receiving.wanted, None, str(error), error.hint, damaged=True)
            return self._elsewhere(receiving, failure)
        told = receiving.wanted, found, "", "", False, False
        return tuple.__new__(Downloaded, told)  # calling it takes longer

    def _later(self, receiving: Receiving, fetched: Fetched, text: str) -> Downloaded | None:
        self._reason = text
        self._failures += 1
        self._after = max(self._after, min(fetched.after, _PATIENCE))
        if self._after or self._failures >= _ENOUGH:
            self._halted = True
        if receiving.size - receiving.offset >= _HEADWAY:
            self._brought = True
        else:
            receiving.tries += 1
        if receiving.tries < self._terms.tries:
            self._again.append(receiving)
            return None
        return self._elsewhere(receiving, Downloaded(receiving.wanted, None, text, _LATER))

    def _elsewhere(self, receiving: Receiving, failure: Downloaded) -> Downloaded | None:
        """Try the next URL of a file; return the failure at the first one if there is none."""
        first = receiving.failure or failure
        receiving.turn += 1
        if receiving.turn >= len(receiving.wanted.urls):
            receiving.close()
            return first
        receiving.failure, receiving.tries, self._brought = first, 0, True
        self._again.append(receiving)
        return None

    def _given_up(self) -> Iterator[Downloaded]:
        """Fail all that is left, as nothing has come for a while."""
        while self._next:
            receiving = self._next.popleft()
            receiving.close()
            yield Downloaded(receiving.wanted, None, self._reason, _LATER)
        for wanted in self._source:
            reason = f"{bare(wanted.urls[0])}: not tried, after {self._reason}"
            yield Downloaded(wanted, None, reason, _LATER)

    def _warn(self, problem: str) -> None:
        self._session.progress.note(f"Warning: {problem}; taken, as checksums are ignored.")


def check_space(root: Path, pool: Path, size: int, files: int) -> None:
    """Raise `DatabaseFull` unless files of ``size`` bytes in all fit on the disk of the pool."""
    place = pool if pool.exists() else root
    found = os.statvfs(place)
    free = found.f_bavail * found.f_frsize
    needed = size + files * (found.f_frsize // 2)  # the last block of a file is half full
    if size and needed > free:
        raise DatabaseFull(
            f"cannot fetch {amount(size)} in {files} files: {place} has {amount(free)} left",
            hint="free some space, or mirror less: a filter, fewer components or architectures",
        )

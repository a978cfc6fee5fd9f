"""A service over HTTP: requests that are signed, counted, limited and tried again."""

from __future__ import annotations

import random
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections import Counter
from typing import TYPE_CHECKING, ClassVar, NamedTuple, TypeVar

from debrepo.errors import DebrepoError, InvalidInput, RemoteError
from debrepo.wire import refusals
from debrepo.wire.lanes import Lanes
from debrepo.wire.refusals import Reason, Refused
from debrepo.wire.slices import Slice
from debrepo.wire.transfer import NoAnswer, Untrusted, Unusable, Wire, WireAnswer

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

T = TypeVar("T")

_LONGEST_PAUSE = 20.0
_BUSY = frozenset({429, 503})


class Conduct(NamedTuple):
    """How a service is asked."""

    connections: int = 16
    attempts: int = 6
    timeout: float = 60
    ca_file: str = ""
    debug: bool = False


class SignedRequest(NamedTuple):
    """A request, ready to be sent: its header lines are signed."""

    method: str
    url: str
    fields: Sequence[str]


class WebService(ABC):
    """A service; many threads may share it. A subclass knows how it is addressed and signed."""

    #: What lines about requests start with.
    scheme: ClassVar[str]
    #: Codes of refusals that pass, although their status does not say so.
    passing: ClassVar[Collection[str]] = ()
    #: Those of them, and others, that mean: ask less.
    busy: ClassVar[Collection[str]] = ()

    def __init__(self, conduct: Conduct, *, pause: Callable[[float], None] = time.sleep) -> None:
        self.conduct = conduct
        self.pause = pause
        self.lanes = Lanes(conduct.connections)
        self.wire = Wire(timeout=conduct.timeout, ca_file=conduct.ca_file)
        self._counts: Counter[str] = Counter()
        self._counting = threading.Lock()

    @abstractmethod
    def write(
        self,
        method: str,
        key: str,
        query: dict[str, str],
        headers: dict[str, str],
        body: bytes | Slice | None,
    ) -> SignedRequest:
        """Return a request as it goes over the wire, signed for now."""

    @abstractmethod
    def where(self, key: str) -> str:
        """Return what people call an object: ``s3://bucket/key``."""

    def explain(self, said: Reason, answer: WireAnswer, what: str) -> DebrepoError | None:
        """Return the error for what no caller decides: credentials, a missing bucket, a clock."""
        return None

    def renew(self, said: Reason) -> bool:
        """Get other credentials if these have expired, and return whether there are others."""
        return False

    def ask(
        self,
        what: str,
        method: str,
        key: str,
        *,
        query: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        body: bytes | Slice | None = None,
        allowed: Collection[int] = (),
    ) -> WireAnswer:
        """Send a request that is counted as ``what``, and return the answer.

        Temporary failures are retried. Refusals are raised with a hint, or as `Refused`; one
        with a status that is ``allowed`` is returned, for the caller to decide.
        """
        failure, renewed = "", False
        for attempt in range(self.conduct.attempts):
            if attempt:
                longest = min(0.2 * 2**attempt, _LONGEST_PAUSE)
                self.pause(longest * random.uniform(0.5, 1))  # noqa: S311
            try:
                with self.lanes:
                    answer = self._attempt(what, method, key, query or {}, headers or {}, body)
            except NoAnswer as error:
                failure = str(error)
                continue
            if answer.status < 300:
                self.lanes.widen()
                return answer
            said = self.reason(answer)
            failure = str(said)
            if not renewed and self.renew(said):
                renewed = True
                continue
            fatal = self.explain(said, answer, f"{what} of {self.where(key)}")
            if fatal is not None:
                raise fatal
            if answer.status in allowed:
                return answer
            if not self._passes(said):
                raise Refused(
                    f"{what} of {self.where(key)} was refused: {said}",
                    hint="is the service configured as debrepo needs it?",
                    status=said.status,
                    code=said.code,
                )
        raise RemoteError(
            f"{what} of {self.where(key)} failed {self.conduct.attempts} times: {failure}",
            hint="is the service up? what was published before is still served",
        )

    def ask_all(
        self,
        what: str,
        method: str,
        requests: Iterable[tuple[T, str, dict[str, str], bytes | None]],
    ) -> Iterator[tuple[T, WireAnswer | None]]:
        """Send many requests from this thread, each once, as that takes the least time.

        Each is an item of the caller's, a key, headers and a body. The item comes back with the
        answer, whatever it says; ``None``: there was none. When an answer says that the service
        is busy or in trouble, no more requests are made.
        """
        ill = False

        def written() -> Iterator[tuple[T, str, str, Sequence[str], bytes | None]]:
            for item, key, headers, body in requests:
                request = self.write(method, key, {}, headers, body)
                self._note(what, len(body or b""), 0)
                yield item, *request, body
                if ill:
                    return

        for item, answer in self.wire.send_all(written(), self.lanes):
            ill = ill or answer is None or self._is_trouble(answer)
            if answer is not None and answer.body:
                self._note(what, 0, len(answer.body), number=0)
            yield item, answer

    def reason(self, answer: WireAnswer) -> Reason:
        """Return why the service refused something."""
        return refusals.reason(answer)

    def statistics(self) -> dict[str, int]:
        """Return the requests so far by kind, tries and retries alike, and the bytes."""
        with self._counting:
            return dict(sorted(self._counts.items()))

    def close(self) -> None:
        """Close the connections."""
        self.wire.close()

    def _attempt(
        self,
        what: str,
        method: str,
        key: str,
        query: dict[str, str],
        headers: dict[str, str],
        body: bytes | Slice | None,
    ) -> WireAnswer:
        written = self.write(method, key, query, headers, body)
        if isinstance(body, Slice):
            body.seek(0)
        sent = 0 if body is None else len(body)
        self._note(what, sent, 0)
        begin, status = time.monotonic(), "no answer"
        try:
            answer = self.wire.send(*written, body)
            status = str(answer.status)
        except Untrusted as error:
            raise RemoteError(
                f"{what} of {self.where(key)} failed: {error}",
                hint="ca_file names the certificates to trust",
            ) from None
        except Unusable as error:
            raise InvalidInput(
                f"cannot ask {written.url.partition('?')[0]}: {error}",
                hint="is endpoint the URL of the service?",
            ) from None
        finally:
            if self.conduct.debug:
                took = f"{(time.monotonic() - begin) * 1000:.0f} ms"
                line = f"{self.scheme}: {what} {key} {sent} bytes: {status}, {took}\n"
                sys.stderr.write(line)
        if answer.body:
            self._note(what, 0, len(answer.body), number=0)
        return answer

    def _note(self, what: str, sent: int, received: int, *, number: int = 1) -> None:
        with self._counting:
            self._counts[what] += number
            if sent:
                self._counts["bytes sent"] += sent
            if received:
                self._counts["bytes received"] += received

    def _is_trouble(self, answer: WireAnswer) -> bool:
        return answer.status >= 300 and self._passes(self.reason(answer))

    def _passes(self, said: Reason) -> bool:
        if said.code in self.busy or said.status in _BUSY:
            self.lanes.narrow()
            return True
        return said.code in self.passing or (said.status >= 500 and said.status != 501)

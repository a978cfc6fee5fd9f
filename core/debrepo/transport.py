"""Transport: how files of other archives are fetched."""

from __future__ import annotations

import re
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple, Self
from urllib.parse import quote, unquote

from debrepo import stopping
from debrepo.credentials import Logins, bare

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

#: ``whole``: all of it was received. ``unchanged``: it is still what the validators stand for.
#: ``missing``: there is no such file. ``failed``: anything else, see ``reason``.
Outcome = Literal["whole", "unchanged", "missing", "failed"]

_NO_LIMIT = 1 << 62
_MOMENT = 0.1  # seconds for which nothing looks whether the work is to end
# apt quotes "+" as well: S3 takes it for a blank. The others are harmless in a path.
_PLAIN = "/-._~!$&'()*,;=:@"
_ODD = re.compile(r"[^A-Za-z0-9/\-._~!$&'()*,;=:@+]")


class Validators(NamedTuple):
    """What a server said by which it recognizes a state of a file, in its own spelling."""

    etag: str = ""
    modified: str = ""


NOTHING_KNOWN = Validators()


def _ignore(*_: object) -> None:
    """Do nothing with what a transport tells."""


@dataclass(slots=True)
class Want:
    """A file to fetch.

    With an ``offset``, the bytes before it are here already, from an earlier attempt whose
    ``validators`` these are: only the rest is asked for. Without one, validators make the request
    conditional: the answer is ``unchanged`` where they still hold.

    Before the first byte a transport calls ``begin`` with the validators of what comes, and
    ``restart`` before it if it comes from its start although there is an offset: what is here is
    of no use then. ``receive`` gets the bytes in order. All three may raise to stop this one file.
    Without ``begin``, nobody has a use for validators: `Fetched` need not have them either.
    """

    url: str  #: as a browser would have it: odd characters are quoted, see `address`
    receive: Callable[[bytes], object]
    restart: Callable[[], object] = _ignore
    begin: Callable[[Validators], object] | None = None
    offset: int = 0
    validators: Validators = NOTHING_KNOWN
    limit: int = _NO_LIMIT  #: bytes that the file may have, those before the offset included
    mark: object = None  #: the caller's


class Fetched(NamedTuple):
    """What came of a `Want`."""

    want: Want
    outcome: Outcome
    size: int = 0  #: bytes of the file so far, those before the offset included
    validators: Validators = NOTHING_KNOWN
    reason: str = ""  #: what went wrong, without the URL and without a secret
    again: bool = False  #: whether it may go better another time
    after: float = 0.0  #: seconds that the server wants to be left alone before
    url: str = ""  #: where it was in the end, without credentials
    error: Exception | None = None  #: what a function of the caller's has raised
    status: int = 0  #: what the server called it, where it has numbers for that


class Pace:
    """A limit on bytes per second for all that is received by those who share it."""

    def __init__(
        self,
        rate: int = 0,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Allow ``rate`` bytes per second; 0: as many as come."""
        self.rate = rate
        self._clock = clock
        self._sleep = sleep
        self._due = 0.0  # when what was received so far should have been, at the earliest

    def received(self, size: int) -> None:
        """Take note of bytes."""
        if self.rate:
            self._due = max(self._due, self._clock()) + size / self.rate

    def keep(self) -> None:
        """Wait until more bytes may be received."""
        while self.rate and (left := self._due - self._clock()) > 0:
            stopping.checkpoint()
            self._sleep(min(left, _MOMENT))


@dataclass(frozen=True, slots=True)
class TransportOptions:
    """What a transport is opened with; one that has no use for some of it ignores that."""

    logins: Logins = field(default_factory=Logins)
    proxy: str = ""  #: URL; empty: as the environment says; ``none``: none
    no_proxy: tuple[str, ...] = ()  #: hosts and domains that are asked without it
    ca_file: str = ""  #: certificates to trust; empty: those of the system
    connections: int = 8  #: at a time
    connect_timeout: int = 30  #: seconds
    stall_timeout: int = 60  #: seconds in which nothing comes
    pace: Pace = field(default_factory=Pace)
    user_agent: str = ""  #: empty: debrepo and its version
    allowed: tuple[str, ...] = ()  #: what URLs that a redirect leads to are below; empty: any
    opener: Callable[[str, TransportOptions], Transport] | None = None  #: of other transports


class Transport(ABC):
    """A way to fetch files.

    A back end subclasses this, names its schemes in the hook ``debrepo_transports``, and runs
    `debrepo.testing.TransportContract` in its own tests. Nothing in it blocks for longer than a
    moment without `debrepo.stopping.checkpoint`. Of what a server says only the bytes of the file
    reach the caller: no page that explains an error, and nothing that an earlier attempt has got.
    """

    @classmethod
    @abstractmethod
    def open(cls, options: TransportOptions) -> Self:
        """Make ready; connections are made when they are needed."""

    @abstractmethod
    def fetch(self, wants: Iterable[Want]) -> Iterator[Fetched]:
        """Fetch files side by side; yield each as it ends, in whatever order.

        The next of ``wants`` is taken when a connection is free. Closing the iterator ends what
        is under way. Only one iterator is in use at a time.
        """

    @abstractmethod
    def close(self) -> None:
        """Close the connections."""

    def read(
        self, url: str, *, limit: int, validators: Validators = NOTHING_KNOWN
    ) -> tuple[Fetched, bytes]:
        """Fetch one small file; its bytes are all there only if the outcome is ``whole``."""
        parts: list[bytes] = []
        want = Want(url, parts.append, parts.clear, _ignore, validators=validators, limit=limit)
        (fetched,) = self.fetch([want])
        return fetched, b"".join(parts)


def is_below(url: str, roots: Iterable[str]) -> bool:
    """Tell whether ``url`` leads below one of some URLs, and to no place above it."""
    parts = unquote(url.partition("?")[0]).replace("\\", "/").split("/")
    below = any(url.startswith(root.rstrip("/") + "/") for root in roots)
    return below and not {".", ".."}.intersection(parts)


def address(root: str, path: str) -> str:
    """Return the URL of ``path``, a name with any characters, below the URL of an archive."""
    path = path.lstrip("/")
    if _ODD.search(path):
        path = quote(path, _PLAIN)
    return f"{root.rstrip('/')}/{path.replace('+', '%2B')}"


def said_of(fetched: Fetched) -> str:
    """Return one line that says what came of a file, with its URL and without a secret."""
    url = fetched.url or bare(fetched.want.url)
    return f"{url}: {fetched.reason or fetched.outcome}"

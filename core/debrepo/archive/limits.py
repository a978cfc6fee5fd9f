"""How much a package may cost its reader: memory, bytes, and CPU time."""

from __future__ import annotations

from functools import lru_cache
from time import thread_time
from typing import TYPE_CHECKING

from debrepo.archive.findings import Findings
from debrepo.errors import InvalidPackage
from debrepo.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from debrepo.archive.findings import Policy

_MIB = 1 << 20


class Limits(NamedTuple):
    """What is refused instead of read; each number is the setting ``ingest.limits.NAME``.

    A package costs its reader what it unpacks to, and ten kilobytes of bzip2 unpack to ten
    gigabytes. The data member may always unpack to ``data``, which lets a disk image full
    of holes pass, and beyond that to ``ratio`` times its own size: text rarely reaches 20,
    and the 200 costs a few seconds for each 100 MB that were really sent. The others leave
    room for several times what the largest packages of Debian need: 135,000 files, each
    with a line in md5sums.
    """

    control: int = 64 * _MIB  #: control.tar, unpacked: scripts and md5sums, too
    control_file: int = 4 * _MIB  #: the control file in it, and any .dsc or .changes
    files: int = 5000  #: in a .dsc or .changes; builds of cross compilers have more than 500
    data: int = 2048 * _MIB
    ratio: int = 200
    paths: int = 128 * _MIB  #: names in data.tar; a million of them, if each is short
    headers: int = 1_000_000  #: of a tar archive: its members, and what extends their headers
    extensions: int = 64 * _MIB  #: bytes of long names, long links and pax headers in one
    records: int = 500_000  #: in its pax headers
    streams: int = 100_000  #: compressed one after the other; bgzip makes one of every 64 KiB
    memory: int = 512 * _MIB  #: dictionary of xz, window of zstd; dpkg's own packages need 65 MiB
    cpu: int = 20  #: seconds; and one more for each MiB of the file
    policy: Policy = "dpkg"  #: the setting ``archive.policy``

    def unpacked(self, packed: int) -> int:
        """How large a data member of ``packed`` bytes may become."""
        return max(self.data, self.ratio * packed)

    def modest(self) -> Limits:
        """Return limits within which many packages can be read at the same time."""
        return _modest(self)

    def short_of(self, error: InvalidPackage) -> bool:
        """Tell whether `modest` limits are why a package was refused that may be within these."""
        name = error.limit
        return name in _MODEST and getattr(self, name) > _MODEST[name]


LIMITS = Limits()

#: What decides how much memory a reader takes, and what is enough for nearly all packages of
#: Debian: ``xz -9`` takes 65 MiB, and 16 MiB are 100,000 paths.
_MODEST = {"memory": 66 * _MIB, "paths": 16 * _MIB, "extensions": 8 * _MIB}


@lru_cache(maxsize=4)  # it is asked for every package
def _modest(limits: Limits) -> Limits:
    most = {name: min(getattr(limits, name), value) for name, value in _MODEST.items()}
    return limits._replace(**most)


def exceeded(message: str, name: str) -> InvalidPackage:
    """Return the error for a package that goes beyond the limit ``name``."""
    hint = f"raise the setting ingest.limits.{name} if you trust this package"
    error = InvalidPackage(message, hint=hint)
    error.limit = name
    return error


_CPU_PER_BYTE = 1 / _MIB  # seconds; unpacking and hashing take a tenth of it on a slow machine


class Budget:
    """What is left of the CPU time that one package may take, in the thread that reads it.

    The other limits bound what is known to be expensive; this one bounds the rest, and
    many things each of which is within its limit. It is checked between steps that take
    milliseconds, so it holds in any thread and needs no signals. The first check starts the
    clock: a small package is read in fewer steps, and never looks at it.
    """

    __slots__ = ("_seconds", "_started", "_step", "findings", "limits")

    def __init__(
        self,
        limits: Limits,
        size: int = 0,
        findings: Findings | None = None,
        step: Callable[[], None] | None = None,
    ) -> None:
        self.limits = limits
        self._step = step  # raises where nobody waits for the result any more
        self.findings = Findings(limits.policy) if findings is None else findings
        self._seconds = limits.cpu + size * _CPU_PER_BYTE
        self._started: float | None = None

    def extend(self, size: int) -> None:
        """Allow for another ``size`` bytes that were really sent."""
        self._seconds += size * _CPU_PER_BYTE

    def check(self, what: str) -> None:
        """Raise `InvalidPackage` if reading ``what`` has taken too long."""
        if self._step is not None:
            self._step()
        now = thread_time()
        if self._started is None:
            self._started = now
        if now - self._started > self._seconds:
            message = f"{what} takes more than {self._seconds:.0f} s of CPU time to read"
            raise exceeded(message, "cpu")

    def checked(self, blocks: Iterable[bytes], what: str) -> Iterator[bytes]:
        """Pass ``blocks`` on for as long as there is time."""
        for block in blocks:
            self.check(what)
            yield block

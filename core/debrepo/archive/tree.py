"""Source trees: the files that a source package unpacks to.

Paths are those below the directory that dpkg-source makes, as in Debian's Contents-source.
Patches are not applied: what they add to the Debian part is not among them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from debrepo.archive import tar
from debrepo.archive.compression import SUFFIXES, unpack
from debrepo.archive.findings import Findings
from debrepo.archive.limits import Budget, exceeded
from debrepo.errors import InvalidPackage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from debrepo.archive.limits import Limits

#: What the name of a part ends with: ``.orig-COMPONENT.tar.xz``, ``.debian.tar.xz`` …
_PART = re.compile(
    r"\.(?:orig(?:-(?P<component>[A-Za-z0-9-]+))?\.tar|(?P<debian>debian\.tar)|tar|(?P<diff>diff))"
    r"(?P<suffix>\.[a-z0-9]+)$"
)
_HUNK = re.compile(rb"@@ -\d+(?:,(\d{1,18}))? \+\d+(?:,(\d{1,18}))? @@")
#: Paths that are not simply names with slashes between.
_ODD = re.compile(rb"[\n\0]|(?:^|/)\.{0,2}(?:/|$)")
_LISTED = frozenset([tar.REGULAR, tar.HARD_LINK, tar.SYMLINK])
_OVERHEAD = 64  # bytes that a path takes in memory beyond its own
_LONGEST = 1 << 20  # bytes of a line in a diff


class SourceTree:
    """The files of a source package, as far as its parts have been read.

    A part that cannot be listed does not make the package invalid: it is left out of the
    list, and ``remark`` says why. The limits are those of the package as a whole. Where they
    are modest ones, and those that are ``allowed`` may be enough, it is an error to exceed them.
    """

    def __init__(
        self,
        limits: Limits,
        allowed: Limits | None = None,
        step: Callable[[], None] | None = None,
    ) -> None:
        self.remark = ""
        self._allowed = allowed or limits
        self._limits = limits
        self._budget = Budget(limits, findings=Findings("lenient"), step=step)
        self._room = limits.paths
        self._packed = self._unpacked = 0
        self._upstream: set[bytes] = set()
        self._debian: set[bytes] = set()
        self._replaced = False  # whether upstream's own ``debian`` gives way

    def read(self, name: str, size: int, blocks: Iterable[bytes]) -> None:
        """List one part, a file of ``size`` bytes; all ``blocks`` are read in any case."""
        blocks = iter(blocks)
        part = _PART.search(name)
        if part and part["suffix"] in SUFFIXES:
            try:
                self._list(name, size, part, blocks)
            except InvalidPackage as error:
                if self._limits != self._allowed and self._allowed.short_of(error):
                    raise
                self._remark(str(error))
            for found in self._budget.findings.found:
                self._remark(found.text)
        for _ in blocks:
            pass

    def paths(self) -> bytes:
        """Return the paths, sorted by bytes, a line for each."""
        upstream = self._upstream
        if self._replaced:
            upstream = {path for path in upstream if not path.startswith(b"debian/")}
        return b"\n".join(sorted(upstream | self._debian))

    def _list(self, name: str, size: int, part: re.Match[str], blocks: Iterator[bytes]) -> None:
        self._packed += size
        self._budget.extend(size)
        limit = max(self._limits.unpacked(self._packed) - self._unpacked, 0)
        data = self._counted(
            unpack(
                blocks,
                part["suffix"],
                name,
                limit=limit,
                budget=self._budget,
                several=True,  # it is xz and bzip2 themselves that unpack it one day
            )
        )
        if part["diff"]:
            self._debian.update(self._fitting(_patched(data, name), name))
            return
        paths = list(self._fitting(_listed(data, name, self._budget), name))
        if part["debian"]:
            self._replaced = True
            self._debian.update(paths)
            return
        start = f"{part['component']}/".encode() if part["component"] else b""
        self._upstream.update(start + path for path in _without_top(paths))

    def _remark(self, reason: str) -> None:
        self.remark = f"not all of its files will be in Contents: {reason}"

    def _counted(self, data: Iterator[bytes]) -> Iterator[bytes]:
        for block in data:
            self._unpacked += len(block)
            yield block

    def _fitting(self, paths: Iterator[bytes], name: str) -> Iterator[bytes]:
        for path in paths:
            self._room -= len(path) + _OVERHEAD
            if self._room < 0:
                raise exceeded(
                    f"{name} has more paths than fit into {self._limits.paths} bytes", "paths"
                )
            yield path


def _listed(data: Iterator[bytes], name: str, budget: Budget) -> Iterator[bytes]:
    """Yield the paths of the files in a tarball, without those that lead out of it."""
    for kind, path, _ in tar.members(data, name, budget=budget):
        if kind in _LISTED and (tidy := _tidy(path)):
            yield tidy


def _tidy(path: bytes) -> bytes:
    if not _ODD.search(path):
        return path
    parts = [part for part in path.split(b"/") if part not in (b"", b".")]
    if path.startswith(b"/") or b".." in parts or b"\n" in path or b"\0" in path:
        return b""
    return b"/".join(parts)


def _without_top(paths: list[bytes]) -> list[bytes]:
    """Return the paths below the one directory at the top, if there is no more than that."""
    tops = {path.partition(b"/")[:2] for path in paths}
    if len(tops) != 1 or not all(slash for _, slash in tops):
        return paths
    return [path.partition(b"/")[2] for path in paths]


def _patched(data: Iterator[bytes], name: str) -> Iterator[bytes]:
    """Yield the paths of the files that a diff makes or changes."""
    old = new = 0  # lines that the hunk still has to come
    for line in _lines(data, name):
        if old > 0 or new > 0:
            old -= line[:1] in (b" ", b"-", b"")
            new -= line[:1] in (b" ", b"+", b"")
        elif hunk := _HUNK.match(line):
            old, new = (int(number or 1) for number in hunk.groups())
        elif line.startswith(b"+++ "):
            path = _tidy(line[4:].partition(b"\t")[0].strip().partition(b"/")[2])
            if path:
                yield path


def _lines(data: Iterator[bytes], name: str) -> Iterator[bytes]:
    rest: list[bytes] = []  # of a line that has not ended: joined once, however it is cut
    size = 0
    for block in data:
        head, newline, tail = block.partition(b"\n")
        rest.append(head)
        size += len(head)
        if newline:
            *lines, last = tail.split(b"\n")
            yield b"".join(rest)
            yield from lines
            rest, size = [last], len(last)
        if size > _LONGEST:
            raise InvalidPackage(f"{name} has a line of more than {_LONGEST} bytes")

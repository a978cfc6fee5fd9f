"""Tar archives, read as one stream: ustar, GNU and pax."""

from __future__ import annotations

import re
from itertools import repeat
from struct import Struct
from typing import TYPE_CHECKING
from zlib import adler32

from debrepo.archive.limits import exceeded
from debrepo.errors import InvalidPackage
from debrepo.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from debrepo.archive.findings import Findings
    from debrepo.archive.limits import Budget, Limits

REGULAR, HARD_LINK, SYMLINK, DIRECTORY = b"0", b"1", b"2", b"5"

_HEADER = Struct("100s 24x 12s 20x c 355x")
_MAGIC, _PREFIX = slice(257, 263), slice(345, 500)
_ZEROS = bytes(512)
_EMPTY = frozenset([HARD_LINK, SYMLINK, b"3", b"4", DIRECTORY, b"6"])
_LONG_PATH, _LONG_LINK, _PAX, _PAX_GLOBAL = b"L", b"K", b"x", b"g"
_PAX_KINDS = frozenset([_PAX, _PAX_GLOBAL])
_SPARSE = frozenset([b"S", b"D", b"M"])
_EXTENSIONS = frozenset([_LONG_PATH, _LONG_LINK, _PAX, _PAX_GLOBAL])
_CONTIGUOUS = b"7"
_REGULAR = frozenset([REGULAR, b"\0"])
_LINKS = frozenset([HARD_LINK, SYMLINK])
_NO_SIZE = b"00000000000\0"
_TOGETHER = 1024  # headers whose checksums are looked at in one go
#: Mode, owners, size, time and checksum as nearly all programs spell them, and with other digits.
_USUAL = b"0000000\0" * 3 + b"00000000000\0" * 2 + b"000000\0 "
_DIGITS = bytes.maketrans(b"1234567", b"0000000")
_CHECKSUM = re.compile(rb" *[0-7]*[ \0]*")
_OWNER = re.compile(rb" *[0-7]*[ \0]*|\x80\0\0\0.{4}", re.S)
_TIME = re.compile(rb" *[0-7]*[ \0]*|\xff.{11}|\x80\0\0\0.{8}", re.S)
_PAX_RECORD = re.compile(rb"([1-9][0-9]{0,6}) ([^=\n]+)=")


def members(
    blocks: Iterator[bytes],
    what: str,
    keep: Container[bytes] = (),
    *,
    budget: Budget,
    by_dpkg: bool = False,
) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Yield kind, path and content of each member; all ``blocks`` are read.

    The kind of a plain file is `REGULAR`, whatever the archive calls it. The content of a link
    is its target. Of plain files, only the content of those whose path is in ``keep`` is kept,
    up to the size that a control file may have; for the others it is empty. What dpkg reads
    itself, instead of calling tar, it reads its own way: ``by_dpkg``.
    """
    limits, findings = budget.limits, budget.findings
    noting = findings if by_dpkg or keep else None  # GNU tar refuses such a control.tar, too
    window = _Window(blocks, what, limits)
    headers_left = limits.headers
    unpack, zeros = _HEADER.unpack, _ZEROS
    named: _Named | None = None
    long_link = b""
    headers: list[bytes] = []
    buffer, at = window.buffer, window.at  # of the window, which is moved when it has to look
    while True:
        header = buffer[at : at + 512]
        at += 512
        if len(header) < 512:
            window.at = at - 512
            header = window.take(512, whole=by_dpkg)
            buffer, at = window.buffer, window.at
        if len(header) < 512 or header == zeros:
            if header and header != zeros:
                findings.add("odd", f"{what} ends within a block")
            break
        if by_dpkg and not header[0] and not _adds_up(header, what):
            findings.add("odd", f"something that is no header follows the files in {what}")
            break
        headers.append(header)
        headers_left -= 1
        if headers_left < 0:
            raise exceeded(f"{what} has more than {limits.headers} headers", "headers")
        if len(headers) == _TOGETHER:
            _check_headers(headers, what, noting, by_dpkg=by_dpkg)
            headers.clear()
            budget.check(what)
        path, size_text, kind = unpack(header)
        path = path.partition(b"\0")[0]
        if header[345] and header[_MAGIC] == b"ustar\0":
            path = header[_PREFIX].partition(b"\0")[0] + b"/" + path
        size = 0 if size_text == _NO_SIZE else window.number(size_text)
        if kind in _EXTENSIONS:
            if by_dpkg and kind in _PAX_KINDS:
                findings.add("refused", f"{what} has a pax header, which dpkg does not read")
            if by_dpkg and not path:
                findings.add("refused", f"{what} has a header without a name")
            window.at = at
            named = window.extension(kind, size, named or _Named())
            buffer, at = window.buffer, window.at
            continue
        if named is not None:
            path, size = named.path or path, size if named.size < 0 else named.size
            long_link, named = named.link, None
        if kind in _REGULAR:
            kind = REGULAR
            if path[-1:] == b"/":  # to tar, a directory of an old archive
                kind, path = (REGULAR, path.rstrip(b"/")) if by_dpkg else (DIRECTORY, path)
        elif kind in _EMPTY:
            if size:
                size = 0
                findings.add("odd", f"{what} gives a size to what has none: {_shown(path)}")
            if kind in _LINKS:
                yield kind, path, long_link or header[157:257].partition(b"\0")[0]
                long_link = b""
                continue
        elif kind == _CONTIGUOUS:
            if by_dpkg:
                findings.add("refused", f"{what} has a contiguous file, which dpkg does not read")
            kind = REGULAR
        elif by_dpkg or kind in _SPARSE:
            raise InvalidPackage(f"{what} has a member of type {_shown(kind)} and {size} bytes")
        else:
            findings.add("odd", f"{what} has a member of type {_shown(kind)}: {_shown(path)}")
            kind = REGULAR
        content = b""
        if size:
            window.at = at
            if path in keep:
                content = window.content(path, size, limits.control_file)
            else:
                window.skip(size + -size % 512)
            buffer, at = window.buffer, window.at
        yield kind, path, content
    _check_headers(headers, what, noting, by_dpkg=by_dpkg)
    window.drain()


def _shown(path: bytes) -> str:
    return repr(path[:80].decode(errors="backslashreplace"))


def _adds_up(header: bytes, what: str) -> bool:
    try:
        _check_headers([header], what, None, by_dpkg=True)
    except InvalidPackage:
        return False
    return True


def _check_headers(
    headers: list[bytes], what: str, findings: Findings | None, *, by_dpkg: bool
) -> None:
    """Raise `InvalidPackage` unless the headers add up to what they claim, all together.

    With ``findings``, note owners and times that dpkg does not read. The fastest way to add up
    bytes in Python is Adler's checksum, which is modulo 65521.
    """
    if not headers:
        return
    numbers = b"".join([header[100:156] for header in headers])
    usual = numbers.translate(_DIGITS) == _USUAL * len(headers)
    fields = [header[148:156] for header in headers]
    joined = b"".join(fields)
    blanked = 8 * ord(" ") * len(fields) - (adler32(joined, 0) & 0xFFFF)  # they count as blanks
    total = (adler32(b"".join(headers), 0) & 0xFFFF) + blanked
    checksums = b",".join(fields).translate(None, b" \0").split(b",")
    try:
        wrong = total - sum(map(int, checksums, repeat(8)))
    except ValueError:  # not octal
        wrong = 1
    if wrong % 65521 or not (usual or all(map(_CHECKSUM.fullmatch, fields))):
        raise InvalidPackage(f"{what} is damaged: wrong checksum of a tar header")
    if findings is not None and not usual:
        for header in headers:
            three = (header[108:116], header[116:124], header[136:148])
            if not all(map(_is_number, three, (_OWNER, _OWNER, _TIME), repeat(by_dpkg))):
                findings.add("refused", f"{what} has an owner or a time that dpkg cannot read")
            if not header[124:136].strip(b" "):
                findings.add("refused", f"{what} has a size that dpkg cannot read")
            if not by_dpkg and not _is_number(header[100:108], _OWNER, by_dpkg):
                findings.add("refused", f"{what} has a mode that tar cannot read")


def _is_number(field: bytes, pattern: re.Pattern[bytes], by_dpkg: bool) -> bool:
    """Tell whether a field can be read; tar reads no further than a number, dpkg all of it."""
    if not field.strip(b" "):
        return False
    if not by_dpkg and field[0] < 128:
        field = field.partition(b"\0")[0].lstrip(b" ").partition(b" ")[0]
    return pattern.fullmatch(field) is not None


class _Named(NamedTuple):
    """What extensions say of the member that follows."""

    path: bytes = b""
    size: int = -1
    link: bytes = b""


class _Window:
    """What is unpacked of the archive and not yet looked at."""

    __slots__ = ("_blocks", "_bytes_left", "_limits", "_records_left", "_what", "at", "buffer")

    def __init__(self, blocks: Iterator[bytes], what: str, limits: Limits) -> None:
        self._blocks = blocks
        self.buffer = b""
        self.at = 0
        self._what = what
        self._limits = limits
        self._bytes_left = limits.extensions
        self._records_left = limits.records

    def take(self, size: int, *, whole: bool = True) -> bytes:
        """Return the next bytes, or none where the archive ends; fewer only if not ``whole``."""
        start = self.at
        self.at = end = start + size
        data = self.buffer[start:end]
        if len(data) == size:
            return data
        parts, missing = [data], size - len(data)
        for block in self._blocks:
            parts.append(block)
            missing -= len(block)
            if missing <= 0:
                break
        self.buffer = b"".join(parts)
        self.at = size
        if missing > 0 and self.buffer and whole:
            raise InvalidPackage(f"{self._what} is truncated: {missing} bytes are missing")
        return self.buffer[:size]

    def drain(self) -> None:
        """Read the padding, too: what is compressed has a checksum at its end."""
        for _ in self._blocks:
            pass

    def skip(self, size: int) -> None:
        """Pass over bytes that are of no interest."""
        end = self.at + size
        while end > len(self.buffer):
            end -= len(self.buffer)
            self.buffer = next(self._blocks, b"")
            if not self.buffer:
                raise InvalidPackage(f"{self._what} is truncated: {end} bytes are missing")
        self.at = end

    def content(self, path: bytes, size: int, limit: int) -> bytes:
        """Return the content of a member that must not be larger than ``limit``."""
        if size > limit:
            name = path[:80].decode(errors="replace")
            raise exceeded(
                f"{name} in {self._what} has {size} bytes; {limit} are allowed", "control_file"
            )
        content = self.take(size)
        if len(content) < size:
            raise InvalidPackage(f"{self._what} is truncated: {size} bytes are missing")
        self.skip(-size % 512)
        return content

    def extension(self, kind: bytes, size: int, named: _Named) -> _Named:
        """Return what is known of the next member, with what this one tells."""
        self._bytes_left -= size
        if self._bytes_left < 0:
            most = self._limits.extensions
            raise exceeded(
                f"{self._what} has more than {most} bytes of extended headers", "extensions"
            )
        content = self.content(b"", size, size)
        if kind in (_LONG_LINK, _LONG_PATH):
            text = content.partition(b"\0")[0]
            if not text and kind == _LONG_PATH:
                raise InvalidPackage(f"{self._what} has an empty long name")
            return named._replace(link=text) if kind == _LONG_LINK else named._replace(path=text)
        records = self._pax(content)
        if any(name.startswith(b"GNU.sparse") for name in records):
            raise InvalidPackage(f"{self._what} has a sparse file, which dpkg does not unpack")
        if kind == _PAX_GLOBAL:
            if records.keys() & {b"path", b"size", b"linkpath"}:
                raise InvalidPackage(f"{self._what} has a path in a global header")
            return named
        return _Named(
            records.get(b"path", named.path),
            self.decimal(records[b"size"]) if b"size" in records else named.size,
            records.get(b"linkpath", named.link),
        )

    def _pax(self, content: bytes) -> dict[bytes, bytes]:
        records, at = {}, 0
        while at < len(content):
            found = _PAX_RECORD.match(content, at)
            end = at + int(found[1]) if found else 0
            if found is None or not found.end() < end <= len(content) or content[end - 1] != 10:
                raise InvalidPackage(f"{self._what} is damaged: not a pax header")
            records[found[2]] = content[found.end() : end - 1]
            at = end
            self._records_left -= 1
            if self._records_left < 0:
                most = self._limits.records
                raise exceeded(
                    f"{self._what} has more than {most} records in pax headers", "records"
                )
        return records

    def decimal(self, text: bytes) -> int:
        """Return a number of a pax header."""
        if not text.isdigit() or len(text) > 20:
            raise InvalidPackage(f"{self._what} is damaged: {_shown(text[:20])} is not a size")
        return int(text)

    def number(self, text: bytes) -> int:
        """Return a number of a header: octal, or base 256 where that is too short."""
        try:
            if text[:6].isdigit():
                return int(text.rstrip(b" \0"), 8)
            digits = text.strip(b" \0")
            if digits.isdigit():
                return int(digits, 8)
        except ValueError:  # an 8 or a 9, or worse
            digits = b"9"
        if not digits:
            return 0
        if text[0] == 0x80:
            return int.from_bytes(text[1:], "big")
        raise InvalidPackage(
            f"{self._what} is damaged: {_shown(text)} in a tar header is not a number"
        )

"""Ar archives, the outer shell of a binary package: see deb(5)."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING

from debrepo.errors import InvalidPackage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from debrepo.archive.findings import Findings
    from debrepo.archive.stream import Stream

MAGIC = b"!<arch>\n"
_HEADER = Struct("16s 32x 10s 2s")  # name, size, end


def members(stream: Stream, left: int, findings: Findings) -> Iterator[tuple[str, int]]:
    """Yield name and size of each member of an archive of ``left`` bytes.

    The caller reads each one from ``stream``, to its last byte, before it asks for the next.
    A size beyond the end of the archive is refused at once: limits are derived from it. What
    follows the data of a package without a header is read, and noted.
    """
    if left % 2:
        findings.add("refused", f"it has an odd number of bytes, {left}, as no ar archive has")
    left -= len(MAGIC)
    if (magic := stream.take(8)) != MAGIC:
        raise InvalidPackage(
            f"not a Debian package: it starts with {_shown(magic)}, not with {_shown(MAGIC)}"
        )
    data = False  # whether it has gone by; dpkg reads no further
    while header := stream.take(60):
        name, size, end = _HEADER.unpack(header.ljust(60))
        name = name.rstrip(b" ")
        if b"\0" in name:
            name = name.partition(b"\0")[0]
        size = size.strip(b" ")
        if b" " in size:
            size = size.partition(b" ")[0]  # dpkg reads up to the blank
        sound = end == b"`\n" and size.isdigit()
        if data and not (sound and 60 + int(size) <= left):
            findings.add("odd", "something that is no member of an ar archive follows the data")
            while stream.take(1 << 20):
                pass
            return
        if not sound:
            if len(header) < 60:
                raise InvalidPackage(
                    f"truncated: {len(header)} bytes of an ar header, instead of 60"
                )
            raise InvalidPackage(f"not an ar header: {_shown(header[:16])}, size {_shown(size)}")
        length, shown = int(size), name.decode(errors="backslashreplace")
        left -= 60
        if length > left:
            missing = length - left
            raise InvalidPackage(f"{shown} is truncated: {missing} bytes are missing")
        left -= length + length % 2
        data = data or name.startswith(b"data.tar")
        yield shown.removesuffix("/"), length
        if length % 2 and stream.take(1) not in (b"\n", b""):
            findings.add("odd", f"ar member {shown} is not padded with a newline")


def _shown(text: bytes) -> str:
    return repr(text.decode(errors="backslashreplace"))

"""The memory of a mirror: which stanza of an index became which package at the last update.

It spares looking at stanzas that have not changed, and may be lost at any time.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from debrepo.package import Entry

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from debrepo.package import SetId

_DIGEST = 16  # bytes
_MAGIC = b"debrepo stanzas 1\n"


def read(path: Path, set_id: SetId) -> dict[bytes, Entry]:
    """Return the packages by the digests of their stanzas; none if it is of another list."""
    try:
        data = path.read_bytes()
    except OSError:
        return {}
    head = _MAGIC + set_id.hex().encode() + b"\n"
    if not data.startswith(head):
        return {}
    size = int.from_bytes(data[len(head) : len(head) + 4], "big")
    start = len(head) + 4
    digests = data[start : start + size * _DIGEST]
    entries = data[start + size * _DIGEST :]
    names = entries.split(b"\n") if size else []
    if len(digests) != size * _DIGEST or len(names) != size:
        return {}
    keys = [digests[at : at + _DIGEST] for at in range(0, len(digests), _DIGEST)]
    return dict(zip(keys, map(Entry, names), strict=True))


def write(path: Path, set_id: SetId, pairs: Sequence[tuple[bytes, Entry]]) -> None:
    """Keep what `read` returns, for as long as the list is this one."""
    partial = path.with_name(path.name + ".partial")
    with suppress(OSError):  # of a full disk, say: the next update does without
        with partial.open("wb") as file:
            file.write(_MAGIC + set_id.hex().encode() + b"\n" + len(pairs).to_bytes(4, "big"))
            file.write(b"".join(digest for digest, _ in pairs))
            file.write(b"\n".join(entry for _, entry in pairs))
        partial.replace(path)

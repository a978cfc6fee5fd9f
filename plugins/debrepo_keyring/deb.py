"""A binary package as bytes: the same content gives the same bytes, whatever machine builds it."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def build(control: Mapping[str, str], files: Mapping[str, bytes], at: int) -> bytes:
    """Return a package with these fields and files, all of them dated ``at``.

    ``files`` maps paths without a slash in front to content. Installed-Size and md5sums are added.
    """
    listed = "".join(
        f"{hashlib.md5(data, usedforsecurity=False).hexdigest()}  {path}\n"
        for path, data in sorted(files.items())
    )
    size = sum(-(-len(data) // 1024) for data in files.values()) + len(_directories(files))
    fields = {**control, "Installed-Size": str(size)}
    last = "Description"  # its lines may be many
    lines = [f"{name}: {value}\n" for name, value in fields.items() if name != last]
    text = "".join([*lines, f"{last}: {fields[last]}\n"])
    info = {"control": text.encode(), "md5sums": listed.encode()}
    members = {
        "debian-binary": b"2.0\n",
        "control.tar.gz": _packed(info, at),
        "data.tar.gz": _packed(files, at),
    }
    return b"!<arch>\n" + b"".join(_member(name, data, at) for name, data in members.items())


def _member(name: str, data: bytes, at: int) -> bytes:
    head = f"{name:<16}{at:<12}{0:<6}{0:<6}{'100644':<8}{len(data):<10}`\n"
    return head.encode() + data + b"\n" * (len(data) % 2)


def _packed(files: Mapping[str, bytes], at: int) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for path in ["./", *_directories(files)]:
            tar.addfile(_entry(path, tarfile.DIRTYPE, 0o755, at))
        for path, data in sorted(files.items()):
            entry = _entry(f"./{path}", tarfile.REGTYPE, 0o644, at)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return gzip.compress(buffer.getvalue(), 9, mtime=0)


def _directories(files: Mapping[str, bytes]) -> list[str]:
    found = set()
    for path in files:
        parts = path.split("/")[:-1]
        found |= {f"./{'/'.join(parts[:count])}/" for count in range(1, len(parts) + 1)}
    return sorted(found)


def _entry(path: str, kind: bytes, mode: int, at: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(path)
    entry.type, entry.mode, entry.mtime = kind, mode, at
    entry.uname = entry.gname = "root"
    return entry

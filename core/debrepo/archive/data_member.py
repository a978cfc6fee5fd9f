"""data.tar: the files that a package installs, by their paths."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from debrepo.archive import tar
from debrepo.archive.compression import unpack
from debrepo.archive.limits import exceeded
from debrepo.errors import InvalidPackage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from debrepo.archive.findings import Findings
    from debrepo.archive.limits import Budget

_OVERHEAD = 64  # bytes that a path takes in memory beyond its own
_LISTED = frozenset([tar.REGULAR, tar.HARD_LINK, tar.SYMLINK])
_ODD_PART = re.compile(rb"(?<=[\n/])\.{1,2}[\n/]")
_LONGEST_NAME = 246  # bytes: dpkg appends .dpkg-new, and 255 are what file systems take
_LONGEST_PATH = 4080
_LONGEST_TARGET = 4095


def data_paths(
    member: Iterable[bytes], name: str, suffix: str, limit: int, budget: Budget
) -> bytes:
    """Return the path list of data.tar."""
    listed: list[bytes] = []
    others: list[bytes] = []  # directories and devices: not listed, but held to the same rules
    links: list[tuple[int, bytes]] = []  # how many files came before each, and its target
    symlinks: set[int] = set()
    room = budget.limits.paths
    data = unpack(member, suffix, name, limit=limit, budget=budget)
    for kind, path, target in tar.members(data, name, budget=budget, by_dpkg=True):
        room -= len(path) + _OVERHEAD
        if room < 0:
            most = budget.limits.paths
            raise exceeded(f"{name} has more paths than fit into {most} bytes", "paths")
        if kind not in _LISTED:
            others.append(path)
            continue
        if kind == tar.HARD_LINK:
            links.append((len(listed), target))
        elif kind == tar.SYMLINK:
            symlinks.add(len(listed))
            if not 0 < len(target) <= _LONGEST_TARGET or path[-1:] == b"/":
                _refuse(budget.findings, name, path, "a symbolic link that cannot be made")
        listed.append(path)
    for paths in (listed, others):
        if paths and max(map(len, paths)) > _LONGEST_NAME:
            _check_lengths(paths, name, budget.findings)
    _clean(others, name, budget.findings)
    paths = _clean(listed, name, budget.findings)
    if b"" in paths:
        raise InvalidPackage(f"{name} has a file without a name")
    if links:
        _check_links(links, symlinks, paths, name, budget.findings)
    return b"\n".join(sorted(set(paths)))


def _refuse(findings: Findings, name: str, path: bytes, why: str) -> None:
    shown = path[:80].decode(errors="backslashreplace")
    findings.add("refused", f"{name} has {why}: {shown!r}")


def _check_lengths(paths: list[bytes], name: str, findings: Findings) -> None:
    for path in paths:
        if len(path) > _LONGEST_PATH or max(map(len, path.split(b"/"))) > _LONGEST_NAME:
            _refuse(findings, name, path, "a longer path than dpkg can make")


def _check_links(
    links: list[tuple[int, bytes]],
    symlinks: set[int],
    paths: list[bytes],
    name: str,
    findings: Findings,
) -> None:
    """Note hard links to anything but a file that comes before them."""
    there: set[bytes] = set()
    done = 0
    for number, target in links:
        there.update(paths[at] for at in range(done, number) if at not in symlinks)
        done = number
        wanted = b"/".join(part for part in target.split(b"/") if part not in (b"", b"."))
        if wanted not in there or wanted == paths[number]:
            _refuse(findings, name, paths[number], "a hard link to no file that comes before it")


def _clean(paths: list[bytes], name: str, findings: Findings) -> list[bytes]:
    """Return the paths without ``./``; all are looked at together, which is much faster."""
    text = b"\n".join((b"", *paths, b""))
    if text.count(b"\n") != len(paths) + 1:
        raise InvalidPackage(f"{name} has a path with a newline in it")
    text = text.replace(b"\n./", b"\n")
    if b"\n/" in text and any(path.startswith(b"/") for path in paths):
        findings.add("odd", f"{name} has absolute paths, of which dpkg drops the slash")
    if (
        b"//" in text
        or b"\n/" in text
        or ((b"/." in text or b"\n." in text) and _ODD_PART.search(text))
    ):
        return [_clean_one(path, name) for path in paths]
    return text.split(b"\n")[1:-1]


def _clean_one(path: bytes, name: str) -> bytes:
    parts = [part for part in path.split(b"/") if part not in (b"", b".")]
    if b".." in parts:
        shown = path[:120].decode(errors="backslashreplace")
        raise InvalidPackage(f"{name} has the path {shown!r}, outside of the package")
    return b"/".join(parts)

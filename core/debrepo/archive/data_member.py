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
_DEVICES = (b"3", b"4", b"6")
_LINKED = frozenset([tar.REGULAR, tar.HARD_LINK, *_DEVICES])
#: By the kind of what has a path already, what dpkg 1.21 or 1.23 does not put in its place.
_NOT_AFTER = {
    tar.REGULAR: frozenset([tar.SYMLINK, tar.DIRECTORY, *_DEVICES]),
    tar.HARD_LINK: frozenset([tar.DIRECTORY, *_DEVICES]),
    tar.SYMLINK: frozenset([tar.REGULAR]),
}
_ODD_PART = re.compile(rb"(?<=[\n/])\.{1,2}[\n/]")
_LONGEST_NAME = 246  # bytes: dpkg appends .dpkg-new, and 255 are what file systems take
_LONGEST_PATH = 4080
_LONGEST_TARGET = 4095
_TOP = re.compile(rb"[/.]|(?:\.?/)+\.?").fullmatch  # the directory at the top


def data_paths(
    member: Iterable[bytes], name: str, suffix: str, limit: int, budget: Budget
) -> bytes:
    """Return the path list of data.tar."""
    found: list[bytes] = []
    kinds: list[bytes] = []
    links: list[tuple[int, bytes]] = []  # how many members came before each, and its target
    room = budget.limits.paths
    data = unpack(member, suffix, name, limit=limit, budget=budget)
    for kind, path, target in tar.members(data, name, budget=budget, by_dpkg=True):
        found.append(path)
        kinds.append(kind)
        room -= len(path) + _OVERHEAD
        if room < 0:
            most = budget.limits.paths
            raise exceeded(f"{name} has more paths than fit into {most} bytes", "paths")
        if kind == tar.DIRECTORY:
            continue
        if kind == tar.HARD_LINK:
            links.append((len(found) - 1, target))
        elif kind == tar.SYMLINK and not 0 < len(target) <= _LONGEST_TARGET and not _TOP(path):
            _refuse(budget.findings, name, path, "a symbolic link that cannot be made")
        if path[-1:] == b"/" and not _TOP(path):
            _refuse(budget.findings, name, path, "a link or a device that cannot be made")
    if found and max(map(len, found)) > _LONGEST_NAME:
        _check_lengths(found, name, budget.findings)
    paths = _clean(found, name, budget.findings)
    _check_names(found, paths, kinds, name)
    if len(set(paths)) < len(paths):
        _check_twice(paths, kinds, name, budget.findings)
    if links:
        _check_links(links, paths, kinds, name, budget.findings)
    listed = [path for path, kind in zip(paths, kinds, strict=True) if kind in _LISTED]
    return b"\n".join(sorted(set(listed)))


def _refuse(findings: Findings, name: str, path: bytes, why: str) -> None:
    shown = path[:80].decode(errors="backslashreplace")
    findings.add("refused", f"{name} has {why}: {shown!r}")


def _check_lengths(paths: list[bytes], name: str, findings: Findings) -> None:
    for path in paths:
        if len(path) > _LONGEST_PATH or max(map(len, path.split(b"/"))) > _LONGEST_NAME:
            _refuse(findings, name, path, "a longer path than dpkg can make")


def _check_names(found: list[bytes], paths: list[bytes], kinds: list[bytes], name: str) -> None:
    """Raise `InvalidPackage` if anything but the directory at the top has no name."""
    at = -1
    for _ in range(paths.count(b"")):
        at = paths.index(b"", at + 1)
        if kinds[at] != tar.DIRECTORY or not found[at]:
            raise InvalidPackage(f"{name} has a file without a name")


def _check_twice(paths: list[bytes], kinds: list[bytes], name: str, findings: Findings) -> None:
    """Note what dpkg does not replace by something else of the same package."""
    there: dict[bytes, bytes] = {}
    for path, kind in zip(paths, kinds, strict=True):
        if kind in _NOT_AFTER.get(there.get(path, b""), ()):
            _refuse(findings, name, path, "a path twice, for two kinds of files")
        there[path] = kind


def _check_links(
    links: list[tuple[int, bytes]],
    paths: list[bytes],
    kinds: list[bytes],
    name: str,
    findings: Findings,
) -> None:
    """Note hard links to anything but a file that comes before them."""
    there: set[bytes] = set()
    done = 0
    for number, target in links:
        there.update(paths[at] for at in range(done, number) if kinds[at] in _LINKED)
        done = number
        wanted = b"/".join(part for part in target.split(b"/") if part not in (b"", b"."))
        if wanted not in there or wanted == paths[number]:
            _refuse(findings, name, paths[number], "a hard link to no file that comes before it")


def _clean(paths: list[bytes], name: str, findings: Findings) -> list[bytes]:
    """Return the paths without ``./``; all are looked at together, which is much faster."""
    text = b"\n".join((b"", *paths, b""))
    if text.count(b"\n") != len(paths) + 1:
        raise InvalidPackage(f"{name} has a path with a newline in it")
    text = text.replace(b"\n./", b"\n").replace(b"/\n", b"\n")
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

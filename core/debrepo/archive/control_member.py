"""control.tar: the control file, and the files beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo.archive import tar
from debrepo.archive.compression import unpack
from debrepo.archive.info_files import info_findings
from debrepo.errors import InvalidPackage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from debrepo.archive.limits import Budget

_CONTROL = b"control"
_READ = (_CONTROL, b"conffiles", b"triggers")
_STARTS = (b"", b"./", b"/", b".//", b"././", b"/./")
_KEPT = {start + name: name for name in _READ for start in _STARTS}
_ROOTS = frozenset([b"", b"."])
_LONGEST_NAME = 100  # bytes; dpkg copies no file with a longer one
_FILES = frozenset([tar.REGULAR, tar.HARD_LINK, tar.SYMLINK])


def control_file(member: Iterable[bytes], name: str, suffix: str, budget: Budget) -> bytes:
    """Return the control file from control.tar."""
    if suffix in (".bz2", ".lzma"):
        budget.findings.add("refused", f"{name} is compressed as dpkg does not read it")
    limit = budget.limits.control
    data = unpack(member, suffix, name, limit=limit, budget=budget, setting="control")
    text = b""
    files: set[bytes] = set()
    symlinks: list[tuple[bytes, bytes]] = []
    for kind, path, content in tar.members(data, name, _KEPT, budget=budget):
        file = _KEPT.get(path) or _bare(path)
        if file == _CONTROL:
            if text or kind != tar.REGULAR or not content:
                raise InvalidPackage(f"the control file in {name} is empty, a link, or there twice")
            text = content
        elif content and kind == tar.REGULAR:
            budget.findings.extend(info_findings(file, content))
        elif kind not in _FILES or b"/" in file or len(file) > _LONGEST_NAME:
            _check_other(kind, file, name, budget)
        if kind == tar.SYMLINK:
            symlinks.append((file, _bare(content)))
        elif kind == tar.HARD_LINK and _bare(content).lstrip(b"/") not in files:
            _refuse(name, file, budget)
        files.add(file)
    if not text:
        raise InvalidPackage(f"there is no control file in {name}")
    for file, target in symlinks:  # of those that lead elsewhere, only the machine can tell
        if b"/" not in target and (target not in files or target == file):
            _refuse(name, file, budget)
    return text


def _bare(path: bytes) -> bytes:
    return path[2:] if path[:2] == b"./" else path


def _check_other(kind: bytes, path: bytes, name: str, budget: Budget) -> None:
    """Note what dpkg does not take out of control.tar."""
    file = path.strip(b"/")
    if kind == tar.DIRECTORY and file in _ROOTS:
        return
    if kind not in _FILES or b"/" in file or file == b".." or len(file) > _LONGEST_NAME:
        _refuse(name, path, budget)


def _refuse(name: str, path: bytes, budget: Budget) -> None:
    shown = path[:80].decode(errors="backslashreplace")
    budget.findings.add("refused", f"{name} has {shown!r} in it, which dpkg does not take")

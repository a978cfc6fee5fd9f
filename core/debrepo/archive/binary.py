"""Binary packages: .deb, .udeb and .ddeb."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple

from debrepo.archive import ar, tar
from debrepo.archive.compression import SUFFIXES, unpack
from debrepo.archive.control import check
from debrepo.archive.limits import LIMITS, Budget, Limits, exceeded
from debrepo.archive.stream import Digests, Stream, blocks
from debrepo.errors import InvalidPackage
from debrepo.package import Package, PackageKey, check_identity, files_hash

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from debrepo.package import Kind

EXTENSIONS = frozenset([".deb", ".udeb", ".ddeb"])

_FORMAT = re.compile(rb"([0-9]+)\.[0-9]+\n")
_CONTROL = frozenset([b"control", b"./control"])
_OVERHEAD = 64  # bytes that a path takes in memory beyond its own
_IDENTITY = (b"package", b"version", b"architecture", b"package-type")
_LISTED = frozenset([tar.REGULAR, tar.HARD_LINK, tar.SYMLINK])
_ODD_PART = re.compile(rb"(?<=[\n/])\.{1,2}[\n/]")


class Archive(NamedTuple):
    """A binary package, and what it installs.

    ``paths`` holds the files, hard links and symbolic links, without ``./``, sorted by
    bytes, a line for each.
    """

    package: Package
    paths: bytes


class Content(NamedTuple):
    """What a binary package says of itself, while nothing is known of the file it came in."""

    stanza: bytes
    fields: dict[bytes, bytes]  #: the first line of each, names in lower case
    paths: bytes


def read(path: Path, *, limits: Limits = LIMITS) -> Archive:
    """Read a binary package, once, whatever its size."""
    digests = Digests()
    with path.open("rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        content = parse(digests.through(blocks(file)), size, limits=limits)
    return Archive(describe(content, digests, path.suffix), content.paths)


def parse(data: Iterable[bytes], size: int, *, limits: Limits = LIMITS) -> Content:
    """Take a binary package of ``size`` bytes apart, block by block, to the last one.

    Raises `InvalidPackage` for all that dpkg would not install, and for what it would
    install in part only.
    """
    stream = Stream(data)
    budget = Budget(limits, size)
    members = ar.members(stream, size)
    _read_format(stream, *next(members, ("", 0)))
    text = b""
    paths: bytes | None = None
    for name, size in members:
        stem, suffix = _split(name)
        member = stream.pieces(size, name)
        if stem == "control.tar" and not text:
            text = _control(member, name, suffix, budget)
        elif stem == "data.tar" and text and paths is None:
            paths = _paths(member, name, suffix, limits.unpacked(size), budget)
        elif stem in ("control.tar", "data.tar", "debian-binary"):
            raise InvalidPackage(f"ar member {name} stands twice, or in the wrong place")
        elif paths is not None or name.startswith("_"):  # deb(5): to be ignored
            for _ in member:
                pass
        else:
            raise InvalidPackage(f"unexpected ar member {name!r}")
    if paths is None:
        raise InvalidPackage(f"there is no {'data' if text else 'control'}.tar in it")
    return Content(*check(text, "the control file"), paths)


def read_control(path: Path, *, limits: Limits = LIMITS) -> dict[bytes, bytes]:
    """Return the fields of a binary package's control file; the data is not read.

    They are the first line of each, under names in lower case.
    """
    with path.open("rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        stream = Stream(blocks(file))
        members = ar.members(stream, size)
        _read_format(stream, *next(members, ("", 0)))
        for name, length in members:
            stem, suffix = _split(name)
            member = stream.pieces(length, name)
            if stem == "control.tar":
                text = _control(member, name, suffix, Budget(limits, size))
                return check(text, "the control file")[1]
            if not name.startswith("_"):
                break
            for _ in member:
                pass
    raise InvalidPackage("there is no control.tar before the data")


def describe(content: Content, digests: Digests, extension: str) -> Package:
    """Return the package, given the file it came in.

    A pool name is made from what the package says, not from what the file was called: it
    is then the same for everybody, and so is the key that is made from it.
    """
    name, version, architecture, package_type = (
        content.fields.get(field, b"").decode().strip() for field in _IDENTITY
    )
    check_identity(name, version, architecture)
    if architecture in ("source", "any"):
        raise InvalidPackage(f"{architecture!r} is no architecture of a binary package")
    kind: Kind = "deb"
    if extension == ".udeb" or package_type == "udeb":
        kind, extension = "udeb", ".udeb"
    file = digests.file(file_name(name, version, architecture, extension))
    key = PackageKey(name, architecture, version, files_hash((file,)))
    return Package(key, kind, content.stanza, (file,))


def file_name(name: str, version: str, architecture: str, extension: str) -> str:
    """Return the name under which everybody publishes a package; epochs are left out."""
    plain = version.partition(":")[2] or version
    return f"{name}_{plain}_{architecture}{extension}"


def _read_format(stream: Stream, name: str, size: int) -> None:
    if name != "debian-binary":
        raise InvalidPackage(f"its first ar member is {name!r}, not 'debian-binary'")
    if size > 1024:
        raise InvalidPackage(f"debian-binary has {size} bytes")
    text = stream.take(size)
    found = _FORMAT.match(text)
    if found is None or found[1] != b"2":
        raise InvalidPackage(f"format {text[:20]!r} of binary packages is unknown, 2.0 is known")


def _split(name: str) -> tuple[str, str]:
    stem, mark, suffix = name.partition(".tar")
    if not mark:
        return name, ""
    if suffix not in SUFFIXES:
        raise InvalidPackage(f"unknown compression of {name}")
    return stem + mark, suffix


def _control(member: Iterable[bytes], name: str, suffix: str, budget: Budget) -> bytes:
    """Return the control file from control.tar."""
    limit = budget.limits.control
    data = unpack(member, suffix, name, limit=limit, budget=budget, setting="control")
    text = b""
    for kind, path, content in tar.members(data, name, _CONTROL, budget=budget):
        if path in _CONTROL:
            if text or kind != tar.REGULAR or not content:
                raise InvalidPackage(f"the control file in {name} is empty, a link, or there twice")
            text = content
    if not text:
        raise InvalidPackage(f"there is no control file in {name}")
    return text


def _paths(member: Iterable[bytes], name: str, suffix: str, limit: int, budget: Budget) -> bytes:
    """Return the path list of data.tar."""
    listed: list[bytes] = []
    others: list[bytes] = []  # directories and devices: not listed, but held to the same rules
    room = budget.limits.paths
    data = unpack(member, suffix, name, limit=limit, budget=budget)
    for kind, path, _ in tar.members(data, name, budget=budget):
        room -= len(path) + _OVERHEAD
        if room < 0:
            most = budget.limits.paths
            raise exceeded(f"{name} has more paths than fit into {most} bytes", "paths")
        if kind in _LISTED:
            listed.append(path)
        else:
            others.append(path)
    _clean(others, name)
    paths = _clean(listed, name)
    if b"" in paths:
        raise InvalidPackage(f"{name} has a file without a name")
    return b"\n".join(sorted(set(paths)))


def _clean(paths: list[bytes], name: str) -> list[bytes]:
    """Return the paths without ``./``; all are looked at together, which is much faster."""
    text = b"\n".join((b"", *paths, b""))
    if text.count(b"\n") != len(paths) + 1:
        raise InvalidPackage(f"{name} has a path with a newline in it")
    text = text.replace(b"\n./", b"\n")
    if (
        b"//" in text
        or b"\n/" in text
        or ((b"/." in text or b"\n." in text) and _ODD_PART.search(text))
    ):
        return [_clean_one(path, name) for path in paths]
    return text.split(b"\n")[1:-1]


def _clean_one(path: bytes, name: str) -> bytes:
    parts = [part for part in path.split(b"/") if part not in (b"", b".")]
    if path.startswith(b"/") or b".." in parts:
        shown = path[:120].decode(errors="backslashreplace")
        raise InvalidPackage(f"{name} has the path {shown!r}, outside of the package")
    return b"/".join(parts)

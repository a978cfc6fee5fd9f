"""Binary packages: .deb, .udeb and .ddeb."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from debrepo.archive import ar, tar
from debrepo.archive.compression import SUFFIXES, unpack
from debrepo.archive.control import check_binary
from debrepo.archive.control_member import control_file
from debrepo.archive.data_member import data_paths
from debrepo.archive.findings import Findings
from debrepo.archive.limits import LIMITS, Budget, Limits
from debrepo.archive.stream import Digests, Stream, blocks
from debrepo.errors import InvalidPackage
from debrepo.package import Package, PackageKey, check_identity, complete_keys
from debrepo.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from debrepo.package import Kind

EXTENSIONS = frozenset([".deb", ".udeb", ".ddeb"])

_FORMAT = re.compile(rb"0*2\.[0-9]+\n")
_IDENTITY = (b"package", b"version", b"architecture", b"package-type")


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
    fields: dict[bytes, bytes]  #: see `debrepo.archive.control.fields_of`
    paths: bytes | None  #: as those of an `Archive`; ``None`` where the data was not unpacked
    remarks: tuple[str, ...] = ()  #: on what dpkg installs, odd as it is


def read(path: Path, *, limits: Limits = LIMITS) -> Archive:
    """Read a binary package, once, whatever its size."""
    digests = Digests()
    with path.open("rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        content = parse(digests.through(blocks(file)), size, limits=limits)
    return Archive(describe(content, digests, path.suffix), content.paths or b"")


def parse(
    data: Iterable[bytes], size: int, *, limits: Limits = LIMITS, deep: bool = True
) -> Content:
    """Take a binary package of ``size`` bytes apart, block by block, to the last one.

    Raises `InvalidPackage` for what the policy in ``limits`` keeps out: by default for all that
    dpkg would not install, and for what apt could not read in an index. Unless it is to be read
    ``deep``, the data is not unpacked, which is nearly all of the work, and what is wrong inside
    goes unnoticed.
    """
    return examine(data, size, Budget(limits, size), deep=deep)


def examine(data: Iterable[bytes], size: int, budget: Budget, *, deep: bool = True) -> Content:
    """Take a binary package apart as `parse` does, adding to the budget's findings."""
    stream = Stream(data)
    limits, findings = budget.limits, budget.findings
    members = ar.members(stream, size, findings)
    _read_format(stream, *next(members, ("", 0)))
    text = b""
    paths: bytes | None = None
    ended = False  # whether the data has gone by
    for name, size in members:
        stem, suffix = (name, "") if ended else _split(name)
        if stem == "control.tar" and not text:
            text = control_file(stream.pieces(size, name), name, suffix, budget)
        elif stem == "data.tar" and text and not ended:
            ended = True
            if not size:
                findings.add("refused", f"{name} is empty")
            if deep:
                limit, member = limits.unpacked(size), stream.pieces(size, name)
                paths = data_paths(member, name, suffix, limit, budget)
            else:
                stream.skip(size, name)
        elif stem.startswith(("control.tar", "data.tar", "debian-binary")):
            raise InvalidPackage(f"ar member {name} stands twice, or in the wrong place")
        elif ended or name.startswith("_"):  # deb(5): to be ignored
            stream.skip(size, name)
        else:
            raise InvalidPackage(f"unexpected ar member {name!r}")
    if not ended:
        raise InvalidPackage(f"there is no {'data' if text else 'control'}.tar in it")
    stanza, fields = check_binary(text, "the control file", findings)
    return Content(stanza, fields, paths, tuple(found.text for found in findings.found))


def read_control(path: Path, *, limits: Limits = LIMITS) -> dict[bytes, bytes]:
    """Return the fields of a binary package's control file; the data is not read.

    They are those of `debrepo.archive.control.fields_of`.
    """
    with path.open("rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        stream = Stream(blocks(file))
        budget = Budget(limits, size, Findings("lenient"))  # it is judged when it is added
        members = ar.members(stream, size, budget.findings)
        _read_format(stream, *next(members, ("", 0)))
        for name, length in members:
            stem, suffix = _split(name)
            if stem == "control.tar":
                text = control_file(stream.pieces(length, name), name, suffix, budget)
                return check_binary(text, "the control file", budget.findings)[1]
            if not name.startswith("_"):
                break
            stream.skip(length, name)
    raise InvalidPackage("there is no control.tar before the data")


def read_files(
    data: Iterable[bytes], size: int, budget: Budget, wanted: Iterable[bytes]
) -> dict[bytes, bytes]:
    """Return the content of those plain files that a binary package installs, by their paths.

    ``wanted`` are paths without ``./``. Raise `InvalidPackage` for what cannot be read.
    """
    names = {spelt: name for name in wanted for spelt in (name, b"./" + name)}
    stream = Stream(data)
    for name, length in ar.members(stream, size, budget.findings):
        stem, suffix = _split(name)
        if stem != "data.tar":
            stream.skip(length, name)
            continue
        member, limit = stream.pieces(length, name), budget.limits.unpacked(length)
        unpacked = unpack(member, suffix, name, limit=limit, budget=budget)
        members = tar.members(unpacked, name, names, budget=budget, by_dpkg=True)
        return {
            names[path]: text
            for kind, path, text in members
            if kind == tar.REGULAR and path in names
        }
    return {}


def describe(content: Content, digests: Digests, extension: str) -> Package:
    """Return the package, given the file it came in."""
    package = identify(content, digests, extension)
    complete_keys([package])
    return package


def identify(content: Content, digests: Digests, extension: str) -> Package:
    """Return the package as `describe` does, but for the hash in its key.

    `debrepo.package.complete_keys` adds those of many at once. A pool name is made from what the
    package says, not from what the file was called: it is then the same for everybody, and so is
    the key that is made from it.
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
    return Package(PackageKey(name, architecture, version, ""), kind, content.stanza, (file,))


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
    if found is None:
        shown = text[:20].decode(errors="backslashreplace")
        raise InvalidPackage(f"format {shown!r} of binary packages is unknown, 2.0 is known")


def _split(name: str) -> tuple[str, str]:
    stem, mark, suffix = name.partition(".tar")
    if not mark:
        return name, ""
    if suffix not in SUFFIXES:
        raise InvalidPackage(f"unknown compression of {name}")
    return stem + mark, suffix

"""Source packages, and the other control files that list files: .dsc, .changes, .buildinfo."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from debrepo.archive.control import check, without_signature
from debrepo.archive.limits import LIMITS, Limits, exceeded
from debrepo.archive.stream import Digests, blocks
from debrepo.errors import InvalidPackage, VerificationFailed
from debrepo.package import Package, PackageFile, PackageKey, check_identity, files_hash
from debrepo.stanza import parse
from debrepo.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+:~_,=@-]*")
_LITERAL = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+~_-]*")  # the same in a URL
_CHECKSUM = re.compile(r"[0-9A-Fa-f]+")
_SIZE = re.compile(r"[0-9]{1,18}")
_LISTS = {
    "files": ("md5", 32),
    "checksums-sha1": ("sha1", 40),
    "checksums-sha256": ("sha256", 64),
    "checksums-sha512": ("sha512", 128),
}


class FileList(NamedTuple):
    """A .dsc, .changes or .buildinfo: what it says, and the files it speaks for."""

    stanza: bytes  #: without the signature
    fields: dict[str, str]  #: names in lower case
    files: tuple[PackageFile, ...]  #: with the digests that it gives; it does not list itself
    signed: bool  #: whether there was a signature; it is not verified
    sections: dict[str, str] = {}  # noqa: RUF012  # of a .changes, by file: ``contrib/net``


def parse_list(data: bytes, what: str = "the control file", *, limits: Limits = LIMITS) -> FileList:
    """Take a .dsc, .changes or .buildinfo apart."""
    if len(data) > limits.control_file:
        raise exceeded(f"{what} has more than {limits.control_file} bytes", "control_file")
    text = without_signature(data, what)
    stanza, _ = check(text, what)
    fields = {name.lower(): value for name, value in parse(stanza).items()}
    files = _files(fields, what, limits)
    lines = _lines(fields.get("files", ""), "files", what)
    sections = {name: line.section for name, line in lines.items() if line.section}
    return FileList(stanza, fields, files, text is not data, sections)


def source_of(listed: FileList) -> tuple[str, str]:
    """Return the source version that a .changes is about; of a rebuild, that of the source."""
    name, _, version = listed.fields.get("source", "").strip().partition(" ")
    return name, version.strip("() ") or listed.fields.get("version", "").strip()


def read_list(path: Path, *, limits: Limits = LIMITS) -> FileList:
    """Read a .dsc, .changes or .buildinfo; the files that it lists are not looked at."""
    with path.open("rb") as file:
        return parse_list(file.read(limits.control_file + 1), path.name, limits=limits)


def read_source(path: Path, *, limits: Limits = LIMITS) -> Package:
    """Read a .dsc, and the files beside it, which have to be what it says."""
    with path.open("rb") as file:
        data = file.read(limits.control_file + 1)
    listed = parse_list(data, path.name, limits=limits)
    files = [verified(one, digests_of(path.with_name(one.name))) for one in listed.files]
    return describe_source(listed, Digests(data), files, path.name)


def digests_of(path: Path) -> Digests:
    """Return the digests of a file."""
    digests = Digests()
    with path.open("rb", buffering=0) as file:
        for _ in digests.through(blocks(file)):
            pass
    return digests


def describe_source(
    listed: FileList, own: Digests, files: Iterable[PackageFile], called: str = ""
) -> Package:
    """Return the package of a .dsc, given its own digests and its verified files.

    It keeps the name that it is ``called``, which is part of the package's key, as in aptly; only
    one that clients would not ask for literally gives way to the usual one.
    """
    fields = listed.fields
    name, version = fields.get("source", ""), fields.get("version", "")
    check_identity(name, version, "source")
    if not listed.files:
        raise InvalidPackage("the .dsc lists no files")
    plain = version.partition(":")[2] or version
    literal = called.endswith(".dsc") and len(called) <= 255 and _LITERAL.fullmatch(called)
    every = (own.file(called if literal else f"{name}_{plain}.dsc"), *files)
    if len({file.name for file in every}) < len(every):
        raise InvalidPackage("the .dsc lists itself")
    key = PackageKey(name, "source", version, files_hash(every))
    return Package(key, "source", listed.stanza, every)


def verified(expected: PackageFile, found: Digests) -> PackageFile:
    """Return a file with all its digests, if it has the size and the digests expected."""
    file = found.file(expected.name)
    if file.size != expected.size:
        raise VerificationFailed(f"{file.name} has {file.size} bytes, expected {expected.size}")
    for algorithm in ("sha512", "sha256", "sha1", "md5"):
        wanted, got = getattr(expected, algorithm), getattr(file, algorithm)
        if wanted and wanted != got:
            raise VerificationFailed(
                f"{file.name} has the {algorithm.upper()} checksum {got}, expected {wanted}"
            )
    return file


def _files(fields: dict[str, str], what: str, limits: Limits) -> tuple[PackageFile, ...]:
    """Join what Files and the Checksums fields say: each one has to list the same files."""
    files: dict[str, PackageFile] = {}
    values = {field: fields[field] for field in _LISTS if field in fields}
    for value in values.values():
        if (most := 1 + value.strip().count("\n")) > limits.files:
            raise exceeded(f"{what} lists {most} files; {limits.files} are allowed", "files")
    lists = {field: _lines(value, field, what) for field, value in values.items()}
    for field, lines in lists.items():
        algorithm, length = _LISTS[field]
        if files and lines.keys() != files.keys():
            odd = sorted(lines.keys() ^ files.keys())[0]
            raise InvalidPackage(f"{what} lists {odd} in some of its checksum fields only")
        for name, (digest, size, _) in lines.items():
            if len(digest) != length:
                raise InvalidPackage(f"{what}: {digest[:130]!r} is not {algorithm.upper()} in hex")
            file = files.setdefault(name, PackageFile(name, size))
            if file.size != size:
                raise InvalidPackage(f"{what} gives two sizes of {name}: {file.size} and {size}")
            files[name] = PackageFile(**(file._asdict() | {algorithm: digest}))
    return tuple(files.values())


class _Line(NamedTuple):
    """A line of a list of files; only those of a .changes have a section."""

    digest: str
    size: int
    section: str


def _lines(value: str, field: str, what: str) -> dict[str, _Line]:
    lines: dict[str, _Line] = {}
    for line in value.split("\n"):
        parts = line.split()
        if not parts:
            continue
        if (
            len(parts) not in (3, 5)
            or not _CHECKSUM.fullmatch(parts[0])
            or not _SIZE.fullmatch(parts[1])
        ):
            raise InvalidPackage(f"{what}, field {field}: not a line of it: {line.strip()[:80]!r}")
        digest, size, name = parts[0], parts[1], parts[-1]
        if not _FILE_NAME.fullmatch(name) or len(name) > 255:
            raise InvalidPackage(
                f"{what} lists {name[:80]!r}, which is no name of a file beside it"
            )
        if name in lines:
            raise InvalidPackage(f"{what} lists {name} twice")
        section = parts[2] if len(parts) == 5 else ""
        lines[name] = _Line(digest.lower(), int(size), section)
    return lines

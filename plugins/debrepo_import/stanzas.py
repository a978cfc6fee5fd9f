"""Stanzas of an index, as another tool keeps them, made packages of."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from debrepo import archive, stanza
from debrepo.archive.control import check_binary
from debrepo.archive.findings import Findings
from debrepo.errors import InvalidPackage
from debrepo.package import Package, PackageFile, PackageKey, check_identity, files_hash

if TYPE_CHECKING:
    from debrepo.archive import Limits
    from debrepo.package import Kind

_OF_FILES = re.compile(
    rb"\n(?:filename|size|md5sum|sha1|sha256|sha512)[ \t]*:[^\n]*(?:\n[ \t][^\n]*)*", re.I
)
_OF_SOURCES = re.compile(
    rb"\n(?:directory|files|checksums-[a-z0-9]+)[ \t]*:[^\n]*(?:\n[ \t][^\n]*)*", re.I
)
_NAMED = re.compile(rb"\npackage[ \t]*:", re.I)
_LEADS_OUT = re.compile(r"(?:^|/)\.{1,2}(?:/|$)|^/|//|[\0-\x1f\x7f]")
_SIZE = re.compile(r"[0-9]{1,15}")
_DIGESTS = {"MD5sum": 32, "SHA1": 40, "SHA256": 64, "SHA512": 128}
_HEX = re.compile(r"[0-9a-f]+")


class ListedPackage(NamedTuple):
    """A package as an index lists it, and the paths of its files below the archive root."""

    package: Package
    paths: tuple[str, ...]


def read(text: bytes, kind: Kind, limits: Limits) -> ListedPackage:
    """Return the package of a stanza; raise `InvalidPackage` if it cannot be kept here."""
    text = text.replace(b"\r\n", b"\n").strip(b"\n")
    return _source(text, limits) if kind == "source" else _binary(text, kind, limits)


def _binary(text: bytes, kind: Kind, limits: Limits) -> ListedPackage:
    listed = stanza.Fields(text)
    own = _OF_FILES.sub(b"", b"\n" + text)[1:]
    own, fields = check_binary(own + b"\n", "the stanza", Findings(limits.policy))
    name, version, architecture = (
        fields.get(field, b"").strip().decode()
        for field in (b"package", b"version", b"architecture")
    )
    check_identity(name, version, architecture)
    if architecture in ("source", "any"):
        raise InvalidPackage(f"{architecture!r} is no architecture of a binary package")
    path = _checked(listed.get("Filename", ""))
    extension = ".udeb" if kind == "udeb" else ".deb"
    if not _SIZE.fullmatch(listed.get("Size", "")):
        raise InvalidPackage(f"its Size is {listed.get('Size', '')[:40]!r}")
    digests = [_digest(listed.get(field, ""), field) for field in _DIGESTS]
    file = PackageFile(
        archive.file_name(name, version, architecture, extension), int(listed["Size"]), *digests
    )
    key = PackageKey(name, architecture, version, files_hash([file]))
    return ListedPackage(Package(key, kind, own, (file,)), (path,))


def _digest(text: str, field: str) -> str:
    digest = text.lower()
    if digest and (len(digest) != _DIGESTS[field] or not _HEX.fullmatch(digest)):
        raise InvalidPackage(f"its {field} checksum is {text[:140]!r}")
    return digest


def _source(text: bytes, limits: Limits) -> ListedPackage:
    directory = (stanza.field(text, "Directory") or "").strip("/")
    own = _NAMED.sub(b"\nSource:", b"\n" + text, count=1)[1:]
    listed = archive.parse_list(own, "the stanza", limits=limits)
    name, version = listed.fields.get("source", ""), listed.fields.get("version", "")
    check_identity(name, version, "source")
    control = [file for file in listed.files if file.name.endswith(".dsc")]
    if len(control) != 1:
        raise InvalidPackage(f"it lists {len(control)} files that end in .dsc, not one")
    files = (*control, *(file for file in listed.files if file not in control))
    start = f"{directory}/" if directory not in ("", ".") else ""
    paths = tuple(_checked(start + file.name) for file in files)
    kept = _OF_SOURCES.sub(b"", b"\n" + listed.stanza)[1:].strip(b"\n")
    key = PackageKey(name, "source", version, files_hash(files))
    return ListedPackage(Package(key, "source", kept, files), paths)


def _checked(path: str) -> str:
    path = path.removeprefix("./")
    if not path or _LEADS_OUT.search(path):
        raise InvalidPackage(f"its file is {path[:120]!r}, which is no path in the archive")
    return path


def name_of(text: bytes) -> str:
    """Return what a stanza is about, for a message, however broken it is."""
    found = [
        match[1].strip().decode(errors="replace")[:100]
        for field in (b"Package", b"Version", b"Architecture")
        if (match := re.search(rb"\n%b[ \t]*:([^\n]*)" % field, b"\n" + text, re.I))
    ]
    return "_".join(found) or repr(text[:40].decode(errors="replace"))

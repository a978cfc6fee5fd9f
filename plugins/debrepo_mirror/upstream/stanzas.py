"""Stanzas of an index, as bytes: told apart, recognized, and made packages of."""

from __future__ import annotations

import re
from _blake2 import blake2b
from typing import TYPE_CHECKING, NamedTuple

from debrepo import archive
from debrepo.archive.control import check_binary
from debrepo.archive.findings import Findings
from debrepo.errors import InvalidPackage, RemoteError
from debrepo.package import Package, PackageFile, PackageKey, check_identity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from debrepo.archive import Limits
    from debrepo.package import Kind

#: Bytes that one stanza may have.
LONGEST = 4 << 20

_BATCH = 1 << 20  # bytes that are split at once
#: What an index says of the file of a binary package; the rest is the package's own.
_ABOUT = re.compile(rb"\n(Filename|Size|MD5[Ss]um|SHA1|SHA256|SHA512):[ \t]*([^\n]*)")
_ABOUT_ANY = re.compile(rb"\n(filename|size|md5sum|sha1|sha256|sha512)[ \t]*:[ \t]*([^\n]*)", re.I)
_ABOUT_LINES = re.compile(
    rb"\n(?:filename|size|md5sum|sha1|sha256|sha512)[ \t]*:[^\n]*(?:\n[ \t][^\n]*)*", re.I
)
_SOURCE_LINES = re.compile(
    rb"\n(?:directory|files|checksums-[a-z0-9]+)[ \t]*:[^\n]*(?:\n[ \t][^\n]*)*", re.I
)
_NAMED = re.compile(rb"\npackage[ \t]*:", re.I)
_DIRECTORY = re.compile(rb"\ndirectory[ \t]*:[ \t]*([^\n]*)", re.I)
_DIGESTS = {b"md5sum": 32, b"sha1": 40, b"sha256": 64, b"sha512": 128}
_SPELT = {name: name.lower() for name in (b"Filename", b"Size", b"MD5sum", b"MD5Sum")} | {
    name: name.lower() for name in (b"SHA1", b"SHA256", b"SHA512")
}
_FEWEST = 4  # fields about a file that an index has at least: with fewer, some may be spelt oddly
_ALL_HEX = re.compile("(?:[0-9a-f]{32})? (?:[0-9a-f]{40})? (?:[0-9a-f]{64})? (?:[0-9a-f]{128})?")
_IDENTITY = (b"package", b"version", b"architecture")
_HEX = re.compile(r"[0-9a-f]+")
_BAD_PATH = re.compile(r"(?:^|/)\.\.(?:/|$)|^/|[\0-\x1f\x7f]|^[a-z+]+://", re.I)
_SIZE = re.compile(r"[0-9]{1,15}")


class Offered(NamedTuple):
    """A package as an index offers it: not fetched, and with the digests that are listed.

    The hash in its key is not the one that it will have when all digests are known.
    """

    package: Package
    paths: tuple[str, ...]  #: of its files, below the archive root


def digest_of(stanza: bytes) -> bytes:
    """Return what a stanza is recognized by, as long as it is the same."""
    return blake2b(stanza, digest_size=16).digest()


def split(pieces: Iterable[bytes], what: str, *, longest: int = LONGEST) -> Iterator[list[bytes]]:
    """Yield the stanzas of an index, a batch at a time, without newlines around them."""
    waiting: list[bytes] = []
    size = 0
    for piece in _unix(pieces):
        waiting.append(piece)
        size += len(piece)
        if size < _BATCH:
            continue
        stanzas = b"".join(waiting).split(b"\n\n")
        rest = stanzas.pop()
        if len(rest) > longest:
            raise RemoteError(f"{what} has a stanza of more than {longest} bytes")
        waiting, size = [rest], 0
        yield _clean(stanzas)
    yield _clean(b"".join(waiting).split(b"\n\n"))


def _unix(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Pass pieces on with the line ends of Unix."""
    held = b""
    for piece in pieces:
        if held or b"\r" in piece:
            piece = held + piece
            held = b"\r" if piece.endswith(b"\r") else b""
            piece = piece[: len(piece) - len(held)].replace(b"\r\n", b"\n")
        yield piece


def _clean(stanzas: list[bytes]) -> list[bytes]:
    return [clean for stanza in stanzas if (clean := stanza.strip(b"\n"))]


def name_of(stanza: bytes) -> str:
    """Return what a stanza is about, for a message, however broken it is."""
    found = [
        match[1].strip().decode(errors="replace")[:100]
        for field in _IDENTITY
        if (match := re.search(rb"\n%b[ \t]*:([^\n]*)" % field, b"\n" + stanza, re.I))
    ]
    return "_".join(found) or repr(stanza[:40].decode(errors="replace"))


def binary(stanza: bytes, kind: Kind, limits: Limits, *, weak: bool = False) -> Offered:
    """Return the package that a stanza of a Packages index offers.

    Raises `InvalidPackage` for what could not be published, or not be verified: with ``weak``,
    MD5 and SHA1 are enough.
    """
    text = b"\n" + stanza
    about = _about(text)
    own = _ABOUT_LINES.sub(b"", text)[1:]
    own, fields = check_binary(own + b"\n", "the stanza", Findings(limits.policy))
    name, version, architecture = (fields.get(field, b"").strip().decode() for field in _IDENTITY)
    check_identity(name, version, architecture)
    if architecture in ("source", "any"):
        raise InvalidPackage(f"{architecture!r} is no architecture of a binary package")
    path = checked_path(about.get(b"filename", ""))
    if path.endswith(".udeb") or fields.get(b"package-type", b"").strip() == b"udeb":
        kind = "udeb"  # which apt-ftparchive lists beside the others
    extension = ".udeb" if kind == "udeb" else ".deb"
    file = _file(archive.file_name(name, version, architecture, extension), about)
    check_verifiable(file, weak=weak)
    key = PackageKey(name, architecture, version, _mark((file,)))
    return Offered(Package(key, kind, own, (file,)), (path,))


def _about(text: bytes) -> dict[bytes, str]:
    """Return what an index says of a file, by field in lower case; usual spellings are fast."""
    found = _ABOUT.findall(text)
    about = {_SPELT[name]: value.rstrip().decode(errors="replace") for name, value in found}
    if len(about) == len(found) and len(found) >= _FEWEST:
        return about
    found = _ABOUT_ANY.findall(text)
    for number, (name, _) in enumerate(found):
        if any(name.lower() == other.lower() for other, _ in found[:number]):
            raise InvalidPackage(f"the field {name.decode()} is given twice")
    return {name.lower(): value.strip().decode(errors="replace") for name, value in found}


def _file(name: str, about: dict[bytes, str]) -> PackageFile:
    size = about.get(b"size", "")
    if not _SIZE.fullmatch(size):
        raise InvalidPackage("it has no Size" if not size else f"its Size is {size[:40]!r}")
    digests = [about.get(field, "").lower() for field in _DIGESTS]
    if not _ALL_HEX.fullmatch(" ".join(digests)):
        for (field, length), digest in zip(_DIGESTS.items(), digests, strict=True):
            if digest and (len(digest) != length or not _HEX.fullmatch(digest)):
                title = field.decode().upper()
                raise InvalidPackage(f"its {title} checksum is {digest[:140]!r}")
    return PackageFile(name, int(size), *digests)


def source(stanza: bytes, limits: Limits, *, weak: bool = False) -> Offered:
    """Return the package that a stanza of a Sources index offers; see `binary`."""
    text = b"\n" + stanza
    directory = _DIRECTORY.search(text)
    place = directory[1].strip().decode(errors="replace").strip("/") if directory else ""
    own = _NAMED.sub(b"\nSource:", text, count=1)[1:]
    listed = archive.parse_list(own, "the stanza", limits=limits)
    name, version = listed.fields.get("source", ""), listed.fields.get("version", "")
    check_identity(name, version, "source")
    control = [file for file in listed.files if file.name.endswith(".dsc")]
    if len(control) != 1:
        raise InvalidPackage(f"it lists {len(control)} files that end in .dsc, not one")
    files = (*control, *(file for file in listed.files if file not in control))
    for file in files:
        check_verifiable(file, weak=weak)
    prefix = f"{place}/" if place not in ("", ".") else ""
    paths = tuple(checked_path(prefix + file.name) for file in files)
    key = PackageKey(name, "source", version, _mark(files))
    kept = _SOURCE_LINES.sub(b"", b"\n" + listed.stanza)[1:].strip(b"\n")
    return Offered(Package(key, "source", kept, files), paths)


def checked_path(path: str) -> str:
    """Return a path below the archive root; raise `InvalidPackage` for one that leads elsewhere."""
    while path.startswith("./"):
        path = path[2:]
    if not path or path.endswith("/") or _BAD_PATH.search(path):
        raise InvalidPackage(f"its file is {path[:120]!r}, which is no path in the archive")
    return path


def check_verifiable(file: PackageFile, *, weak: bool) -> None:
    """Raise `InvalidPackage` where no checksum is listed that is good enough."""
    if file.sha256 or file.sha512 or (weak and (file.md5 or file.sha1)):
        return
    if file.md5 or file.sha1:
        raise InvalidPackage(
            f"{file.name} has MD5 and SHA1 checksums only",
            hint="allow them with --weak-checksums",
        )
    raise InvalidPackage(f"{file.name} has no checksum")


def _mark(files: Iterable[PackageFile]) -> str:
    """Return what tells files apart until the hash of their key can be computed."""
    known = [file.sha256 or file.sha512 or file.sha1 or file.md5 for file in files]
    if len(known) == 1:
        return known[0][:32]
    return blake2b("".join(sorted(known)).encode(), digest_size=16).hexdigest()

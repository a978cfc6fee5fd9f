"""Release files: what an archive consists of, and the checksums of its indexes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from debrepo.errors import InvalidInput, RemoteError
from debrepo.package import PackageFile
from debrepo.stanza import parse, split

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The lists of checksums, by the field that has them, strongest last.
LISTS = {"md5sum": "md5", "sha1": "sha1", "sha256": "sha256", "sha512": "sha512"}
STRONG = ("sha512", "sha256")
#: The names of the directories below by-hash.
BY_HASH = {"sha512": "SHA512", "sha256": "SHA256", "sha1": "SHA1", "md5": "MD5Sum"}

_LENGTHS = {"md5": 32, "sha1": 40, "sha256": 64, "sha512": 128}
_LINE = re.compile(r"[ \t]*([0-9A-Fa-f]+)[ \t]+(\d{1,18})[ \t]+(\S+)[ \t]*\r?")
_BAD_PATH = re.compile(r"(?:^|/)\.{1,2}(?:/|$)|^/|//|[\0-\x20\x7f\\]")


class Release(NamedTuple):
    """A verified Release file: its fields, but for the checksums, and what these are of."""

    fields: tuple[tuple[str, str], ...] = ()
    files: Mapping[str, PackageFile] = {}  # paths below the Release file
    signers: tuple[str, ...] = ()  #: fingerprints of the trusted keys that have signed it
    name: str = ""  #: of the file: ``InRelease``, ``Release``; empty where there is none
    digest: str = ""  #: of the file, as SHA256
    etag: str = ""
    modified: str = ""
    raw: Mapping[str, bytes] = {}  # the file as it came, and its detached signature, by name

    def field(self, name: str) -> str:
        """Return a field, or the empty string."""
        name = name.lower()
        return next((value for known, value in self.fields if known.lower() == name), "")

    @property
    def components(self) -> tuple[str, ...]:
        """The components, as it spells them."""
        return tuple(self.field("Components").split())

    @property
    def architectures(self) -> tuple[str, ...]:
        """The architectures of machines."""
        return tuple(a for a in self.field("Architectures").split() if a not in ("source", "all"))

    @property
    def by_hash(self) -> bool:
        """Whether it offers indexes under names that never change."""
        return self.field("Acquire-By-Hash").lower() == "yes"


def read(text: bytes, where: str) -> Release:
    """Return what a Release file says; ``where`` is its URL. Give it nothing but verified text."""
    stanza = next(split(text.replace(b"\r\n", b"\n")), b"")
    try:
        fields = parse(stanza)
    except InvalidInput as error:
        raise RemoteError(f"{where} is not a Release file: {error}") from None
    if not fields:
        raise RemoteError(f"{where} is empty")
    files: dict[str, PackageFile] = {}
    for name, value in fields.items():
        if algorithm := LISTS.get(name.lower()):
            _take(files, algorithm, value, where)
    kept = tuple((name, value) for name, value in fields.items() if name.lower() not in LISTS)
    return Release(kept, files)


def _take(files: dict[str, PackageFile], algorithm: str, value: str, where: str) -> None:
    """Add what one list of checksums says to what the others have said."""
    length = _LENGTHS[algorithm]
    for line in value.split("\n"):
        if not line.strip():
            continue
        found = _LINE.fullmatch(line)
        if found is None or len(found[1]) != length:
            raise RemoteError(f"{where}: not a line of a list of checksums: {line.strip()[:120]!r}")
        path, size = found[3].removeprefix("./"), int(found[2])
        if _BAD_PATH.search(path):
            continue  # nothing that we ask for is called so
        known = files.get(path) or PackageFile(path, size)
        digest, listed = found[1].lower(), getattr(known, algorithm)
        if known.size != size or (listed and listed != digest):
            raise RemoteError(f"{where} lists {path} twice, as different files")
        files[path] = with_checksum(known, algorithm, digest)


def with_checksum(file: PackageFile, algorithm: str, digest: str) -> PackageFile:
    """Return what is listed of a file, with one more checksum."""
    fields: dict[str, Any] = {algorithm: digest}
    return file._replace(**fields)


def strongest(file: PackageFile) -> tuple[str, str]:
    """Return the strongest checksum that is listed of a file, with its name."""
    for algorithm in (*STRONG, "sha1", "md5"):
        if digest := getattr(file, algorithm):
            return algorithm, digest
    return "", ""

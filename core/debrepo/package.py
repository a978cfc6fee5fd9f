"""The package model: keys, files, packages, and the lists that hold them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, NewType

from debrepo.errors import InvalidInput, InvalidPackage
from debrepo.stanza import field, parse
from debrepo.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: A .ddeb is a ``deb``. The last two are no packages of dpkg's: they have many files, and a
#: component in the place of a version.
Kind = Literal["deb", "udeb", "source", "installer", "appstream", "translation"]

Entry = NewType("Entry", bytes)  #: a `PackageKey` as it stands in a package set
SetId = NewType("SetId", bytes)  #: the hash of a package set

#: What name, version and architecture may add up to: with the rest of it, a file's name
#: stays below the 255 bytes of common file systems, and an entry below what a database key
#: may have.
MAX_IDENTITY = 240

#: Policy 5.6.1, and what dpkg takes besides: capitals and underscores.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9+._-]*")
#: What other systems of packages call "any machine": no machine has such an architecture.
NO_MACHINE = frozenset(["noarch", "none", "unknown", "independent", "arch-independent"])

#: Of `debrepo.archive.rules`. Raise it when a package is judged differently than before: what
#: was published is judged again.
RULES_VERSION = 1

_VERSION = re.compile(r"(?:[0-9]+:)?[0-9A-Za-z][0-9A-Za-z.+~:-]*")  # Policy 5.6.12
_ARCHITECTURE = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")  # Policy 5.6.8, and capitals


class PackageFile(NamedTuple):
    """One file of a package: its name in the archive, its size in bytes, its digests in hex.

    A digest that is not known is the empty string.
    """

    name: str
    size: int
    md5: str = ""
    sha1: str = ""
    sha256: str = ""
    sha512: str = ""


class PackageKey(NamedTuple):
    """The printable identity of a package, in the order in which package sets are sorted."""

    name: str
    architecture: str  #: ``source`` for a source package
    version: str
    hash: str  #: see `files_hash`

    def __str__(self) -> str:
        return f"P{self.architecture} {self.name} {self.version} {self.hash}"

    @classmethod
    def parse(cls, text: str) -> PackageKey:
        """Return the key that ``text`` spells; an ignored prefix may stand before the ``P``."""
        parts = text.split(" ")
        _head, mark, architecture = parts[0].partition("P")
        if len(parts) != 4 or not mark or not all((architecture, *parts[1:])):
            raise InvalidInput(
                f"not a package key: {text!r}",
                hint="a key looks like: Pamd64 hello 2.10-3 966561016b44ed80",
            )
        return cls(parts[1], architecture, parts[2], parts[3])

    @property
    def entry(self) -> Entry:
        """The key as it stands in a package set: entries sort as keys do."""
        return Entry("\0".join(self).encode())

    @classmethod
    def from_entry(cls, entry: bytes) -> PackageKey:
        """Return the key that stands in a package set as ``entry``."""
        parts = entry.decode().split("\0")
        return tuple.__new__(cls, parts)  # in a fifth of the time that calling the class takes

    @property
    def display(self) -> str:
        """``name_version_architecture``, as people write it."""
        return f"{self.name}_{self.version}_{self.architecture}"


def files_hash(files: Iterable[PackageFile]) -> str:
    """Return the last part of a package key: FNV-1a over names, sizes and digests.

    This is aptly's algorithm to the letter, leading zeros and all, so that keys survive a
    migration. SHA512 does not take part.
    """
    from debrepo.fnv import hash_one  # not for commands that only read

    return f"{hash_one(_hashed(files)):08x}"


def files_hashes(packages: Iterable[Iterable[PackageFile]]) -> list[str]:
    """Return the `files_hash` of the files of each of many packages."""
    from debrepo.fnv import hash_many

    return [f"{value:08x}" for value in hash_many([_hashed(files) for files in packages])]


def _hashed(files: Iterable[PackageFile]) -> bytes:
    ordered = list(files)
    if len(ordered) > 1:
        ordered.sort(key=lambda file: file.name.encode())
    return b"".join(
        [
            name.encode() + size.to_bytes(8, "big", signed=True) + (md5 + sha1 + sha256).encode()
            for name, size, md5, sha1, sha256, _ in ordered
        ]
    )


class Package:
    """A binary or source package: its key, its files, and its control stanza as it came.

    ``stanza`` holds no signature, no blank line and no newline at either end.
    """

    __slots__ = ("_files", "_lines", "key", "kind", "stanza")

    def __init__(
        self,
        key: PackageKey,
        kind: Kind,
        stanza: bytes,
        files: tuple[PackageFile, ...] | None,
        lines: bytes = b"",
    ) -> None:
        self.key = key
        self.kind = kind
        self.stanza = stanza
        self._files = files
        self._lines = lines  # what ``files`` is made from when it is first wanted

    @property
    def files(self) -> tuple[PackageFile, ...]:
        """The files, in the order in which the package lists them."""
        if self._files is None:
            lines = self._lines.decode().split("\n") if self._lines else ()
            self._files = tuple(map(_decode_file, lines))
        return self._files

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Package) and (self.key, self.kind, self.stanza, self.files) == (
            other.key,
            other.kind,
            other.stanza,
            other.files,
        )

    def __hash__(self) -> int:
        return hash(self.key)

    def __repr__(self) -> str:
        return f"<Package {self.key.display}>"

    def field(self, name: str) -> str:
        """Return the value of a control field, or the empty string; the case is ignored."""
        return field(self.stanza, name) or ""

    def fields(self) -> dict[str, str]:
        """Return all control fields, in their order."""
        return parse(self.stanza)

    @property
    def source(self) -> tuple[str, str]:
        """The name and version of the source package (Policy 5.6.1)."""
        if self.kind == "source":
            return self.key.name, self.key.version
        name, _, version = self.field("Source").partition(" ")
        return name or self.key.name, version.strip(" ()") or self.key.version


def complete_keys(packages: Sequence[Package]) -> None:
    """Put the `files_hash` into the keys of packages, which have none yet."""
    hashes = files_hashes([package.files for package in packages])
    for package, value in zip(packages, hashes, strict=True):
        name, architecture, version, _ = package.key
        package.key = PackageKey(name, architecture, version, value)


def encode(package: Package) -> bytes:
    """Return the record under which the database keeps a package; its key stands apart.

    The kind, a line for each file, an empty line, the stanza: cheap to parse, and
    readable in a dump.
    """
    return _head(package.kind, package.files) + package.stanza


def with_files(record: bytes, files: Iterable[PackageFile]) -> bytes:
    """Return the record of the same package once more is known of its files."""
    kind = record[: record.index(b"\n")].decode()
    return _head(kind, files) + record[record.index(b"\n\n") + 2 :]


def _head(kind: str, files: Iterable[PackageFile]) -> bytes:
    lines = [kind]
    for name, size, md5, sha1, sha256, sha512 in files:
        lines.append(f"{name}\0{size}\0{md5}\0{sha1}\0{sha256}\0{sha512}")
    return ("\n".join(lines) + "\n\n").encode()


def decode(key: PackageKey, record: bytes) -> Package:
    """Return the package that `encode` made a record of."""
    head, _, stanza = record.partition(b"\n\n")
    kind, _, lines = head.partition(b"\n")
    return Package(key, _KINDS[kind], stanza, None, lines)


_KINDS: dict[bytes, Kind] = {
    b"deb": "deb",
    b"udeb": "udeb",
    b"source": "source",
    b"installer": "installer",
    b"appstream": "appstream",
    b"translation": "translation",
}


def _decode_file(line: str) -> PackageFile:
    name, size, md5, sha1, sha256, sha512 = line.split("\0")
    # In half of the time that calling the class takes.
    return tuple.__new__(PackageFile, (name, int(size), md5, sha1, sha256, sha512))


def files(record: bytes) -> tuple[PackageFile, ...]:
    """Return the files of a package, from its record."""
    lines = record[: record.index(b"\n\n")].decode().split("\n")
    return tuple(map(_decode_file, lines[1:]))


def digests(record: bytes) -> list[str]:
    """Return the SHA-256 of every file of a package, from its record."""
    lines = record.partition(b"\n\n")[0].split(b"\n")[1:]
    return [line.split(b"\0")[4].decode() for line in lines]


def size(record: bytes) -> int:
    """Return how many bytes the files of a package have, from its record."""
    lines = record.partition(b"\n\n")[0].split(b"\n")[1:]
    return sum(int(line.split(b"\0", 2)[1]) for line in lines)


def check_identity(name: str, version: str, architecture: str) -> None:
    """Raise `InvalidPackage` unless the three could be published without harm.

    They become file names, URLs and database keys; the syntax is that of Policy 5.6.
    """
    for what, text, pattern in (
        ("package name", name, _NAME),
        ("version", version, _VERSION),
        ("architecture", architecture, _ARCHITECTURE),
    ):
        if not text:
            raise InvalidPackage(f"no {what} in the control file")
        if not pattern.fullmatch(text):
            raise InvalidPackage(f"{what} {text[:80]!r} breaks Debian Policy 5.6")
    if len(name) + len(version) + len(architecture) > MAX_IDENTITY:
        raise InvalidPackage(f"the file name of {name[:40]}… would be longer than 255 bytes")


def check_architecture(name: str) -> str:
    """Return ``name``; raise `InvalidInput` unless an architecture can be called so."""
    if not _ARCHITECTURE.fullmatch(name):
        raise InvalidInput(
            f"{name[:80]!r} cannot be an architecture", hint="use names such as amd64 or arm64"
        )
    return name


#: Fields of a Release file that go with the packages, from a mirror to what is made of it.
CARRIED = ("Origin", "NotAutomatic", "ButAutomaticUpgrades")


class PackageList(NamedTuple):
    """Packages under a name: a repository, a mirror or a snapshot.

    ``distribution`` and ``component`` are what it says of where it would like to be
    published; both may be empty. So may be ``release``, the fields that a Release file of it
    has unless somebody says otherwise, out of `CARRIED`, and ``origin``: where it is from.
    """

    kind: str
    name: str
    set_id: SetId
    component: str = ""
    distribution: str = ""
    release: tuple[tuple[str, str], ...] = ()
    origin: str = ""

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"


class Link(NamedTuple):
    """``target`` was made from ``source``, or is served from it; both as ``kind:name``.

    ``drop`` refuses what something else was made from; a ``firm`` link holds even against
    ``--force``. ``graph`` draws the links.
    """

    source: str
    target: str
    firm: bool = False


class Node(NamedTuple):
    """What a graph says of a package list, or of what serves some."""

    name: str  #: ``kind:name``, as in `Link`
    sets: tuple[SetId, ...] = ()  #: the packages; a graph counts and weighs them
    since: str = ""  #: since when it is what it is: ISO 8601, UTC; empty if that was not recorded
    remarks: tuple[str, ...] = ()  #: a line each: what it is for, what it consists of
    until: str = ""  #: until when clients accept it: ISO 8601, UTC; empty if that has no end

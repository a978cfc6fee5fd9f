"""Served archives: what clients read of a distribution that any tool has published."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import re
import zlib
from datetime import UTC
from email.utils import parsedate_to_datetime
from io import BytesIO
from typing import TYPE_CHECKING, Any, NamedTuple

import zstandard

from debrepo import stanza
from debrepo.errors import InvalidInput
from debrepo.stopping import checkpoint, each
from debrepo_publish.indexes import release

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from debrepo_publish.checking.trees import Tree

#: Fields of a Release file that list checksums, by the name of the algorithm; strongest first.
LISTS = {"SHA512": "sha512", "SHA256": "sha256", "SHA1": "sha1", "MD5Sum": "md5"}

_ROW = re.compile(r"[ \t]*([0-9a-fA-F]{32,128})[ \t]+([0-9]{1,15})[ \t]+(\S+)[ \t]*")
_LEADS_OUT = re.compile(r"(?:^|/)\.{1,2}(?:/|$)|^/|//|[\0-\x1f\x7f]")
_LARGEST = 4 << 30  # bytes that an index may have, unpacked
_PIECE = 1 << 20


class ServedFile(NamedTuple):
    """A package file as an index lists it; a checksum that is not listed is empty."""

    size: int
    sha256: str


class ServedPackage(NamedTuple):
    """A package as an index lists it."""

    component: str
    architecture: str  #: of the package; ``source`` for a source package
    name: str
    version: str
    sha256: str  #: of the .deb or .dsc


class ServedArchive(NamedTuple):
    """What clients read of one distribution."""

    #: The file that clients start from: InRelease, or Release if nothing is signed. ``None`` if
    #: there is a Release with a signature beside it.
    commit: bytes | None
    signature: bytes  #: what holds the signatures; nothing if it is not signed
    fields: Mapping[str, str]  #: of the Release file, without the checksums
    listed: tuple[str, ...]  #: the indexes that it lists
    checksums: tuple[str, ...]  #: those that it lists: ``md5``, ``sha256``
    packages: tuple[ServedPackage, ...]
    files: Mapping[str, ServedFile]  #: by path below the prefix
    problems: tuple[str, ...]  #: a line for each index that cannot be read

    @property
    def dated(self) -> int:
        """The ``Date``, in seconds since the epoch; 0 where there is none."""
        return seconds(self.fields.get("Date", ""))

    @property
    def components(self) -> tuple[str, ...]:
        """The components, as they are called below the distribution."""
        return tuple(self.fields.get("Components", "").split())

    @property
    def architectures(self) -> tuple[str, ...]:
        """The architectures; ``source`` is among them if there is an index of sources."""
        found = self.fields.get("Architectures", "").split()
        sources = any(path.endswith("/source/Sources") for path in map(_stem, self.listed))
        return tuple(dict.fromkeys([*found, *["source"] * sources]))


def seconds(date: str) -> int:
    """Return a date of a Release file, in seconds since the epoch; 0 for what is none."""
    try:
        moment = parsedate_to_datetime(date)
    except (TypeError, ValueError):
        return 0
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def read(tree: Tree, distribution: str) -> ServedArchive | None:
    """Return what clients read of a distribution, or ``None`` where there is none.

    Signatures are not verified: the tree is what clients trust today.
    """
    root = f"dists/{distribution}/"
    inline = tree.read(root + "InRelease")
    text = release.signed_text(inline) if inline else tree.read(root + "Release")
    if text is None:
        return None
    try:
        fields = stanza.Fields(_fields_of(text))
        listed = _listed(fields)
    except (InvalidInput, UnicodeDecodeError, ValueError) as error:
        name = "InRelease" if inline else "Release"
        raise InvalidInput(
            f"{root}{name} cannot be read: {error}",
            hint="publish once more with the tool that has, or choose another prefix",
        ) from None
    packages: list[ServedPackage] = []
    files: dict[str, ServedFile] = {}
    problems: list[str] = []
    for stem in sorted({_stem(path) for path in listed}):
        if stem.rpartition("/")[2] in ("Packages", "Sources"):
            checkpoint()
            data = _index(tree, root, stem, listed, problems)
            for package, found in _members(stem, data, problems):
                packages.append(package)
                files.update(found)
    signature = inline or tree.read(root + "Release.gpg") or b""
    return ServedArchive(
        inline or (None if signature else text),
        signature,
        {name: value for name, value in fields.items() if name not in LISTS},
        tuple(listed),
        tuple(kind for name, kind in LISTS.items() if name in fields),
        tuple(packages),
        files,
        tuple(problems),
    )


def fields_of(commit: bytes) -> dict[str, str]:
    """Return the fields, without checksums, of a file that clients start from."""
    fields = stanza.Fields(_fields_of(release.signed_text(commit)))
    return {name: value for name, value in fields.items() if name not in LISTS}


def _fields_of(text: bytes) -> bytes:
    """Return the lines of a Release file that apt reads.

    It skips what is neither a field nor goes on with one: reprepro writes the second line of a
    Description so.
    """
    lines = text.replace(b"\r\n", b"\n").split(b"\n")
    return b"\n".join(line for line in lines if line[:1] in (b" ", b"\t") or b":" in line)


class _Row(NamedTuple):
    size: int
    digests: Mapping[str, str]


def _listed(fields: Mapping[str, str]) -> dict[str, _Row]:
    """Return what a Release file lists, by path; raise `InvalidInput` if that is nothing."""
    found: dict[str, tuple[int, dict[str, str]]] = {}
    for name, algorithm in LISTS.items():
        for line in fields.get(name, "").splitlines():
            row = _ROW.fullmatch(line)
            if row is None or _LEADS_OUT.search(row[3].removeprefix("./")):
                continue
            path = row[3].removeprefix("./")
            found.setdefault(path, (int(row[2]), {}))[1][algorithm] = row[1].lower()
    if not found:
        raise InvalidInput("it lists no index")
    return {path: _Row(*row) for path, row in found.items()}


def _stem(path: str) -> str:
    """Return the path of an index without the ending of its compression."""
    stem, dot, ending = path.rpartition(".")
    return stem if dot + ending in _OPENERS else path


def _index(
    tree: Tree, root: str, stem: str, listed: Mapping[str, _Row], problems: list[str]
) -> bytes:
    """Return an index, from the first of its files that is what Release says."""
    wrong: list[str] = []
    for ending, opener in _OPENERS.items():
        row = listed.get(stem + ending)
        data = tree.read(root + stem + ending) if row else None
        if row is None or data is None:
            continue
        if len(data) != row.size or any(
            hashlib.new(name, data, usedforsecurity=False).hexdigest() != digest
            for name, digest in row.digests.items()
        ):
            wrong.append(f"{root}{stem}{ending} is not what Release lists")
            continue
        try:
            return _unpacked(data, opener)
        except _UNPACKING as error:
            wrong.append(f"{root}{stem}{ending} cannot be unpacked: {error}")
    problems += wrong or [f"{root}{stem} is listed, but missing"]
    return b""


def _unpacked(data: bytes, opener: Callable[[BytesIO], Any]) -> bytes:
    found, size = [], 0
    with opener(BytesIO(data)) as file:
        while piece := file.read(_PIECE):
            size += len(piece)
            if size > _LARGEST:
                raise ValueError(f"it has more than {_LARGEST} bytes")
            found.append(piece)
    return b"".join(found)


def _zstd(file: BytesIO) -> Any:
    return zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)


_UNPACKING = (
    OSError, EOFError, ValueError, lzma.LZMAError, zlib.error, zstandard.ZstdError,
)  # fmt: skip
_OPENERS: dict[str, Callable[[BytesIO], Any]] = {
    "": lambda file: file,
    ".gz": gzip.open,
    ".xz": lzma.open,
    ".zst": _zstd,
    ".bz2": bz2.open,
}


def _members(
    stem: str, data: bytes, problems: list[str]
) -> Iterator[tuple[ServedPackage, dict[str, ServedFile]]]:
    """Yield the packages of an index, each with its files by path."""
    component = re.sub(r"(?:/debian-installer)?/(?:binary-[^/]+|source)/[^/]+$", "", stem)
    source = stem.endswith("Sources")
    for text in each(stanza.split(data)):
        try:
            fields = stanza.Fields(text)
            yield _source(component, fields) if source else _binary(component, fields)
        except (InvalidInput, KeyError, ValueError, UnicodeDecodeError):
            problems.append(f"{stem} has a stanza that is no package: {text[:60]!r}")


def _binary(
    component: str, fields: Mapping[str, str]
) -> tuple[ServedPackage, dict[str, ServedFile]]:
    sha256 = fields.get("SHA256", "").lower()
    package = ServedPackage(
        component, fields["Architecture"], fields["Package"], fields["Version"], sha256
    )
    path = _checked(fields["Filename"])
    return package, {path: ServedFile(int(fields["Size"]), sha256)}


def _source(
    component: str, fields: Mapping[str, str]
) -> tuple[ServedPackage, dict[str, ServedFile]]:
    strong = fields.get("Checksums-Sha256", "").split()
    digests = dict(zip(strong[2::3], strong[0::3], strict=False))
    rows = (fields.get("Files") or fields["Checksums-Sha256"]).split()
    directory = fields.get("Directory", "").strip("/")
    start = f"{directory}/" if directory not in ("", ".") else ""
    files = {
        _checked(start + name): ServedFile(int(size), digests.get(name, "").lower())
        for name, size in zip(rows[2::3], rows[1::3], strict=False)
    }
    control = next((name for name in rows[2::3] if name.endswith(".dsc")), "")
    package = ServedPackage(
        component,
        "source",
        fields["Package"],
        fields["Version"],
        digests.get(control, "").lower(),
    )
    return package, files


def _checked(path: str) -> str:
    path = path.removeprefix("./")
    if not path or _LEADS_OUT.search(path):
        raise ValueError(path)
    return path

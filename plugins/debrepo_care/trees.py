"""Published trees: which packages each component of each distribution lists, by their SHA256."""

from __future__ import annotations

import bz2
import gzip
import lzma
import re
from typing import TYPE_CHECKING, NamedTuple

import zstandard

from debrepo.errors import DebrepoError
from debrepo.stanza import parse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_INDEX = re.compile(r"(Packages|Sources)(|\.gz|\.xz|\.zst|\.bz2)")
_OPENERS = {"": open, ".gz": gzip.open, ".xz": lzma.open, ".bz2": bz2.open, ".zst": zstandard.open}
_ORDER = ["", ".gz", ".zst", ".bz2", ".xz"]  # what unpacks fast comes first
_RELEASES = ("InRelease", "Release")


class ListedFile(NamedTuple):
    """The file of a binary package, or the .dsc of a source package, as an index lists it."""

    sha256: str
    path: str  #: below the archive root


class TreeComponent(NamedTuple):
    """What one component of a distribution lists."""

    root: Path  #: of the archive
    distribution: str
    component: str
    files: tuple[ListedFile, ...]
    faults: tuple[str, ...]  #: indexes that could not be read


def read(root: Path) -> Iterator[TreeComponent]:
    """Yield what is published in the archives at a directory, and below it."""
    for dists in sorted(path for path in root.rglob("dists") if path.is_dir()):
        for distribution in _distributions(dists):
            directory = dists / distribution
            for component in _components(directory):
                files, faults = _listed(directory / component)
                yield TreeComponent(dists.parent, distribution, component, files, faults)


def _distributions(dists: Path) -> Iterator[str]:
    found = {
        str(release.parent.relative_to(dists))
        for name in _RELEASES
        for release in dists.rglob(name)
        if not release.parent.is_symlink()
        and re.search(rb"^(?:SHA256|Components):", release.read_bytes(), re.MULTILINE)
    }
    yield from sorted(found)


def _components(directory: Path) -> list[str]:
    found = {
        str(index.parent.parent.relative_to(directory))
        for index in directory.rglob("*")
        if _INDEX.fullmatch(index.name)
        and (index.parent.name.startswith("binary-") or index.parent.name == "source")
        and "debian-installer" not in index.parts
    }
    return sorted(found)


def _listed(directory: Path) -> tuple[tuple[ListedFile, ...], tuple[str, ...]]:
    """Return the files that the indexes of a component list, each once."""
    found: dict[ListedFile, None] = {}
    faults = []
    known: dict[tuple[Path, str], dict[str, Path]] = {}
    for path in sorted(directory.rglob("*")):
        if (match := _INDEX.fullmatch(path.name)) and "by-hash" not in path.parts:
            known.setdefault((path.parent, match[1]), {})[match[2]] = path
    for variants in known.values():
        suffix = next(one for one in _ORDER if one in variants)
        try:
            found.update(dict.fromkeys(_stanzas(variants[suffix], suffix)))
        except (DebrepoError, OSError, EOFError, lzma.LZMAError, zstandard.ZstdError) as error:
            faults.append(f"{variants[suffix]}: {error}")
    return tuple(found), tuple(faults)


def _stanzas(path: Path, suffix: str) -> Iterator[ListedFile]:
    with _OPENERS[suffix](path, "rb") as file:  # type: ignore[operator]
        lines: list[bytes] = []
        for line in file:
            if line.strip():
                lines.append(line)
                continue
            yield from _files(b"".join(lines))
            lines = []
        yield from _files(b"".join(lines))


def _files(stanza: bytes) -> Iterator[ListedFile]:
    if not stanza:
        return
    fields = {name.lower(): value for name, value in parse(stanza).items()}
    if "filename" in fields and "sha256" in fields:
        yield ListedFile(fields["sha256"].lower(), fields["filename"].removeprefix("./"))
    directory = fields.get("directory", "").strip("/")
    for line in fields.get("checksums-sha256", "").split("\n"):
        sha256, _, name = (*line.split(), "", "", "")[:3]
        if name.endswith(".dsc"):
            yield ListedFile(sha256.lower(), f"{directory}/{name}")

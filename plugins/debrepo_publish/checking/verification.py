"""Verification: read a published archive the way the strictest client does."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import re
import zlib
from typing import TYPE_CHECKING, NamedTuple

import zstandard
from debian import deb822

from debrepo import stanza
from debrepo.errors import InvalidInput
from debrepo.stopping import checkpoint, each
from debrepo_publish.checking import signatures
from debrepo_publish.checking.problems import Fault, Problem
from debrepo_publish.engine.layout import by_hash
from debrepo_publish.indexes.release import seconds_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from debrepo_publish.checking.trees import Tree

_ALGORITHMS = {"MD5Sum": "md5", "SHA1": "sha1", "SHA256": "sha256", "SHA512": "sha512"}
_STRONG = ("SHA256", "SHA512")
_LONGEST = 600  # seconds for which a cache may keep Release files
#: What helps where a Release file is dated in the future, which clients refuse.
_BACK = ' (if the clock was ahead when it was published, run "debrepo publish resign --date-now")'
_DAY = 86400


class Listed(NamedTuple):
    """What a Release file says of an index."""

    size: int
    digests: dict[str, str]  #: by the name of the field, such as ``SHA256``


class Wanted(NamedTuple):
    """What an index says of a package file."""

    size: int
    sha256: str
    sha512: str
    named_in: str

    def unlike(self, size: int) -> str:
        """Return what is wrong with a file of another size."""
        return f"has {size} bytes, and not {self.size} ({self.named_in})"


def _zstd(data: bytes) -> bytes:
    with zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True) as reader:
        return reader.read()


_OPENERS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.decompress,
    ".xz": lzma.decompress,
    ".bz2": bz2.decompress,
    ".zst": _zstd,
}


class Verifier:
    """Walks an archive from its Release files to its package files.

    ``problems`` grows; ``files`` are the package files that indexes name. Without a
    keyring, only what is not signed can be checked.
    """

    def __init__(self, tree: Tree, distribution: str, now: int) -> None:
        self._tree = tree
        self._root = f"dists/{distribution}/"
        self._now = now
        self.problems: list[Problem] = []
        self.files: dict[str, Wanted] = {}
        self.indexes = 0

    def run(self, keyring: bytes, *, signed: bool, files: bool) -> None:
        """Check everything; ``files``: also every byte of every package file."""
        text = self._release(keyring, signed=signed)
        if not text:
            return
        try:
            fields = stanza.Fields(text.strip(b"\n"))
            listed = _listed(text)
        except (InvalidInput, KeyError, ValueError) as error:
            self._note("Release", f"cannot be read: {error}", Fault.RELEASE)
            return
        self._dates(fields)
        for path, row in listed.items():
            self._index(path, row, listed, hashed=fields.get("Acquire-By-Hash") == "yes")
        self._package_files(whole=files)

    def _note(self, name: str, text: str, kind: Fault) -> None:
        self.problems.append(Problem(self._root + name, text, kind))

    def _release(self, keyring: bytes, *, signed: bool) -> bytes:
        release = self._tree.read(self._root + "Release") or b""
        if not release:
            self._note("Release", "is missing", Fault.RELEASE)
        for name in ("InRelease", "Release"):
            self._headers(name)
        if not signed:
            return release
        inline = self._tree.read(self._root + "InRelease")
        detached = self._tree.read(self._root + "Release.gpg")
        if release and detached is None:
            self._note("Release.gpg", "is missing", Fault.SIGNATURE)
        elif release and detached:
            for text in signatures.check_detached(release, detached, keyring):
                self._note("Release.gpg", text, Fault.SIGNATURE)
        if inline is None:
            self._note("InRelease", "is missing", Fault.SIGNATURE)
            return release
        checked = signatures.check_inline(inline, keyring)
        for text in checked.problems:
            self._note("InRelease", text, Fault.SIGNATURE)
        if release and checked.text and checked.text.strip() != release.strip():
            self._note("InRelease", "is of another generation than Release", Fault.RELEASE)
        return checked.text

    def _headers(self, name: str) -> None:
        said = self._tree.headers(self._root + name)
        control = said.get("cache-control", "")
        age = re.search(r"\b(?:s-maxage|max-age)=(\d+)", control)
        asks = "no-cache" in control or "no-store" in control
        if not asks and ("immutable" in control or (age and int(age[1]) > _LONGEST)):
            self._note(
                name, f"caches may keep it too long: Cache-Control: {control}", Fault.SERVING
            )

    def _dates(self, fields: stanza.Fields) -> None:
        for name, text in (("Date", "is in the future"), ("Valid-Until", "is over")):
            if name not in fields:
                continue
            try:
                at = seconds_of(fields[name])
            except ValueError:
                self._note("Release", f"{name} is not a date: {fields[name]}", Fault.DATE)
                continue
            if (at > self._now + 60) if name == "Date" else (at < self._now):
                way_out = _BACK if name == "Date" else ""
                self._note("Release", f"{name} {text}: {fields[name]}{way_out}", Fault.DATE)
            elif name == "Valid-Until" and at < self._now + _DAY:
                self._note(
                    "Release",
                    f"is valid for {(at - self._now) // 3600} more hours only",
                    Fault.DATE,
                )

    def _index(self, path: str, row: Listed, listed: dict[str, Listed], *, hashed: bool) -> None:
        data = self._tree.read(self._root + path)
        if data is None:
            if not any(path + ending in listed for ending in _OPENERS):
                self._note(path, "is listed, but missing", Fault.INDEX)
            return
        self.indexes += 1
        said = self._tree.headers(self._root + path).get("content-encoding", "")
        if said not in ("", "identity"):
            self._note(path, f"is served with Content-Encoding: {said}", Fault.SERVING)
        self._compare(path, data, row)
        for name in _STRONG if hashed else ():
            if name in row.digests:
                self._by_hash(path, name, row)
        stem, dot, ending = path.rpartition(".")
        opener = _OPENERS.get(dot + ending)
        if opener and stem in listed:
            try:
                data = opener(data)
            except (OSError, EOFError, ValueError, lzma.LZMAError, zlib.error) as error:
                self._note(path, f"cannot be decompressed: {error}", Fault.INDEX)
                return
            except zstandard.ZstdError as error:
                self._note(path, f"cannot be decompressed: {error}", Fault.INDEX)
                return
            self._compare(path, data, listed[stem], "decompressed, ")
        elif opener:
            return
        self._members((stem if opener else path), data)

    def _compare(self, path: str, data: bytes, row: Listed, how: str = "") -> None:
        if len(data) != row.size:
            self._note(path, f"{how}has {len(data)} bytes, and not {row.size}", Fault.INDEX)
            return
        for name, digest in row.digests.items():
            if hashlib.new(_ALGORITHMS[name], data, usedforsecurity=False).hexdigest() != digest:
                self._note(
                    path, f"{how}has another {name} checksum than Release lists", Fault.INDEX
                )

    def _by_hash(self, path: str, name: str, row: Listed) -> None:
        checkpoint()
        where = by_hash(path, name, row.digests[name])
        data = self._tree.read(self._root + where)
        if data is None:
            self._note(where, "is missing", Fault.INDEX)
        elif hashlib.new(_ALGORITHMS[name], data).hexdigest() != row.digests[name]:
            self._note(where, f"is not what its name says ({path})", Fault.INDEX)

    def _members(self, index: str, data: bytes) -> None:
        last = index.rpartition("/")[2]
        if last not in ("Packages", "Sources"):
            return
        for text in each(stanza.split(data)):
            found = _binary(text) if last == "Packages" else _source(text)
            for path, size, sha256, sha512 in found:
                self._want(path, Wanted(size, sha256, sha512, index))

    def _want(self, path: str, wanted: Wanted) -> None:
        known = self.files.setdefault(path, wanted)
        if known[:3] != wanted[:3]:
            self.problems.append(
                Problem(
                    path,
                    f"{known.named_in} and {wanted.named_in} say different things of it",
                    Fault.INDEX,
                )
            )

    def _package_files(self, *, whole: bool) -> None:
        safe = [path for path in self.files if ".." not in path.split("/")]
        for path in self.files.keys() - set(safe):
            self.problems.append(Problem(path, "leads out of the archive", Fault.INDEX))
        hashed = {path for path in safe if whole and self.files[path].sha256}
        unlike = set(self._unlike(hashed)) if hashed else set()
        # The size of what has the right checksum is right.
        for path in self._sized(path for path in safe if path in unlike or path not in hashed):
            if path in unlike or (whole and self._is_another(path)):
                text = f"is damaged ({self.files[path].named_in})"
                self.problems.append(Problem(path, text, Fault.PACKAGE))

    def _unlike(self, paths: Iterable[str]) -> Iterator[str]:
        """Yield the paths of files whose content is not what indexes list, or that are missing."""
        for path, sha256, size in self._tree.checksums(paths):
            checkpoint()
            wanted = self.files[path]
            if sha256 != wanted.sha256 or size not in (None, wanted.size):
                yield path

    def _sized(self, paths: Iterable[str]) -> Iterator[str]:
        """Yield the paths of files that have the size that indexes list."""
        for path, size in self._tree.sizes(paths):
            checkpoint()
            wanted = self.files[path]
            if size is None:
                self.problems.append(
                    Problem(path, f"is missing ({wanted.named_in})", Fault.PACKAGE)
                )
            elif size != wanted.size:
                self.problems.append(Problem(path, wanted.unlike(size), Fault.PACKAGE))
            else:
                yield path

    def _is_another(self, path: str) -> bool:
        """Whether a file has another SHA512: storages know SHA256, and may do without reading."""
        wanted = self.files[path]
        if wanted.sha256 or not wanted.sha512:
            return False
        data = self._tree.read(path)
        return data is None or hashlib.sha512(data).hexdigest() != wanted.sha512


def _listed(text: bytes) -> dict[str, Listed]:
    """Return what a Release file lists, read by code that did not write it."""
    release = deb822.Release(text)
    found: dict[str, Listed] = {}
    for name, algorithm in _ALGORITHMS.items():
        for row in release.get(name, ()):
            known = found.setdefault(row["name"], Listed(int(row["size"]), {}))
            known.digests[name] = row["md5sum" if algorithm == "md5" else algorithm]
    return found


def _binary(text: bytes) -> Iterator[tuple[str, int, str, str]]:
    path, size = stanza.field(text, "Filename"), stanza.field(text, "Size")
    if path and size:
        sha256, sha512 = stanza.field(text, "SHA256"), stanza.field(text, "SHA512")
        yield path, int(size), sha256 or "", sha512 or ""


def _source(text: bytes) -> Iterator[tuple[str, int, str, str]]:
    directory = stanza.field(text, "Directory") or "."
    sha256, sha512 = (_digests(text, f"Checksums-{name}") for name in ("Sha256", "Sha512"))
    rows = (stanza.field(text, "Files") or "").split()
    for name, size in zip(rows[2::3], rows[1::3], strict=False):
        yield f"{directory}/{name}", int(size), sha256.get(name, ""), sha512.get(name, "")


def _digests(text: bytes, field: str) -> dict[str, str]:
    rows = (stanza.field(text, field) or "").split()
    return dict(zip(rows[2::3], rows[0::3], strict=False))

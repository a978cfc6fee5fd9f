"""Obtaining indexes: from the cache, by patches where these are smaller, or whole."""

from __future__ import annotations

import hashlib
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from debrepo.errors import RemoteError, VerificationFailed
from debrepo.package import PackageFile
from debrepo.transport import address
from debrepo_mirror import cache
from debrepo_mirror.upstream import fetching, indexes, pdiffs, unpacking
from debrepo_mirror.upstream.fetching import Attempts, GotFile, Mismatch
from debrepo_mirror.upstream.indexes import IndexVariant
from debrepo_mirror.upstream.release import with_checksum

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from debrepo.transport import Transport
    from debrepo_mirror.cache import HeldIndex, IndexCache
    from debrepo_mirror.mirror import Mirror
    from debrepo_mirror.upstream.indexes import ReadIndex
    from debrepo_mirror.upstream.release import Release

_USUAL = (".xz", ".gz", ".zst", ".bz2", "")  # compressions, where no Release lists them
_MOST_PATCHES = 200  # that are fetched for one index
_PATCH_LIMIT = 64 << 20  # bytes that a patch may unpack to


class IndexSource(NamedTuple):
    """Where indexes come from, and how they are asked for."""

    transport: Transport
    mirror: Mirror
    release: Release
    cache: IndexCache
    limit: int  #: bytes that an index may have, unpacked
    tries: int = 1
    ignore: Callable[[str], None] | None = None  #: is told of what is not as listed
    anew: bool = False  #: whether what is here already is fetched again


def obtain(
    source: IndexSource, wanted: Mapping[str, tuple[ReadIndex, Mapping[str, PackageFile]]]
) -> dict[str, HeldIndex]:
    """Return indexes by their paths: those that are here, and the others once they are fetched.

    Raises `Mismatch` where the archive has something else than Release says, and
    `RemoteError` for an index that is listed and not there.
    """
    found: dict[str, HeldIndex] = {}
    left: dict[str, tuple[ReadIndex, Mapping[str, PackageFile]]] = {}
    for path, (index, files) in wanted.items():
        smallest = min(file.size for file in files.values())
        if smallest > source.limit:
            where = address(source.mirror.root, path)
            raise RemoteError(
                f"{where} has {smallest} bytes; {source.limit} are allowed",
                hint="raise the setting mirror.limits.index if you trust this archive",
            )
        held = None
        if not source.anew:
            held = source.cache.find(index, indexes.fingerprint(files.values()))
            held = held or _patched(source, index, files)
        if held:
            found[path] = held
        else:
            left[path] = index, files
    found.update(_whole(source, left))
    return found


def _whole(
    source: IndexSource, wanted: Mapping[str, tuple[ReadIndex, Mapping[str, PackageFile]]]
) -> Iterator[tuple[str, HeldIndex]]:
    release, by_hash = source.release, source.mirror.by_hash
    attempts = {
        path: Attempts(path, indexes.variants(index, files, release, by_hash))
        for path, (index, files) in wanted.items()
    }
    for path, got in _fetch(source, attempts):
        index, files = wanted[path]
        if got is None:
            raise RemoteError(
                f"{address(source.mirror.root, path)} is in Release, and not there in any"
                f" compression: {', '.join(sorted(suffix or 'none' for suffix in files))}",
                hint="the archive is incomplete: try again later",
            )
        fingerprint = indexes.fingerprint(files.values())
        yield path, source.cache.keep(got.path, index, fingerprint, got.variant.suffix)


def unlisted(source: IndexSource, index: ReadIndex) -> HeldIndex:
    """Return an index of which nothing is listed, in the first compression that is there."""
    variants = [IndexVariant(suffix, index.path + suffix, None) for suffix in _USUAL]
    for _, got in _fetch(source, {index.path: Attempts(index.path, variants)}):
        if got is not None:
            return source.cache.keep(got.path, index, f"sha256:{got.digest}", got.variant.suffix)
    raise RemoteError(
        f"{address(source.mirror.root, index.path)} is not there in any compression",
        hint="see whether the URL and the directory are right",
    )


def _fetch(
    source: IndexSource, attempts: Mapping[str, Attempts]
) -> Iterator[tuple[str, GotFile | None]]:
    def place(key: str, variant: IndexVariant) -> Path:
        return source.cache.partial(key, variant.suffix)

    return fetching.fetch(
        source.transport,
        source.mirror.root,
        attempts,
        place,
        limit=source.limit,
        tries=source.tries,
        ignore=source.ignore,
    )


def _patched(
    source: IndexSource, index: ReadIndex, files: Mapping[str, PackageFile]
) -> HeldIndex | None:
    """Return an index made of the one that is here, where patches for it are smaller than it.

    Whatever goes wrong on the way, the index itself can still be fetched whole.
    """
    target = files.get("")
    listed = source.release.files.get(f"{index.path}.diff/Index")
    held = [one for one in source.cache.held(index) if one.algorithm in ("sha256", "sha512")]
    if target is None or listed is None or not held:
        return None
    try:
        for one in held:
            if made := _made(source, index, one, target, listed, files):
                return made
    except (Mismatch, RemoteError):
        return None
    return None


def _made(
    source: IndexSource,
    index: ReadIndex,
    held: HeldIndex,
    target: PackageFile,
    listed: PackageFile,
    files: Mapping[str, PackageFile],
) -> HeldIndex | None:
    path = f"{index.path}.diff/Index"
    text = _small(source, {path: listed}, "").get(path)
    if text is None:
        return None
    patches = pdiffs.read(text, address(source.mirror.root, path))
    have = with_checksum(PackageFile("", -1), held.algorithm, held.digest)
    needed = pdiffs.wanted(patches, have, target)
    cheapest = min(file.size for suffix, file in files.items() if suffix or len(files) == 1)
    if not needed or len(needed) > _MOST_PATCHES:
        return None
    if sum(patch.packed.size for patch in needed) >= cheapest:
        return None
    below = f"{index.path}.diff/"
    packed = _small(source, {below + patch.packed.name: patch.packed for patch in needed}, ".gz")
    pieces: Iterator[bytes] = unpacking.pieces(
        held.pieces(), held.suffix, held.path.name, limit=source.limit
    )
    for patch in needed:
        where = address(source.mirror.root, below + patch.packed.name)
        data = packed.get(below + patch.packed.name)
        if data is None:
            return None
        script = b"".join(unpacking.pieces([data], ".gz", where, limit=_PATCH_LIMIT))
        _check(patch.plain, script, where)
        pieces = pdiffs.apply(pieces, pdiffs.hunks(script, where), where)
    return _kept(source, index, target, pieces, files)


def _kept(
    source: IndexSource,
    index: ReadIndex,
    target: PackageFile,
    pieces: Iterator[bytes],
    files: Mapping[str, PackageFile],
) -> HeldIndex:
    """Write the index that patches have made, and return it if it is the one of Release."""
    name = "sha256" if target.sha256 else "sha512"
    digest, size = hashlib.new(name), 0

    def seen() -> Iterator[bytes]:
        nonlocal size
        for piece in pieces:
            digest.update(piece)
            size += len(piece)
            yield piece

    partial = source.cache.partial(index.path, ".patched")
    cache.write(partial, unpacking.compress(seen()))
    where = address(source.mirror.root, index.path)
    fetching.check(target, size, {name: digest.hexdigest()}, where)
    return source.cache.keep(partial, index, indexes.fingerprint(files.values()), ".zst")


def _check(listed: PackageFile, data: bytes, where: str) -> None:
    name = "sha512" if listed.sha512 else "sha256"
    fetching.check(listed, len(data), {name: hashlib.new(name, data).hexdigest()}, where)


def _small(source: IndexSource, wanted: Mapping[str, PackageFile], suffix: str) -> dict[str, bytes]:
    """Return the bytes of small files by path, those that are there."""
    attempts = {}
    for path, file in wanted.items():
        named = path.rpartition("/")[0] + "/by-hash/SHA256/" + file.sha256
        plain = IndexVariant(suffix, path, file)
        offered = source.release.by_hash and file.sha256 and source.mirror.by_hash != "no"
        first = [IndexVariant(suffix, named, file, by_hash=True)] if offered else []
        attempts[path] = Attempts(path, chain(first, [plain]))
    found: dict[str, bytes] = {}
    for path, got in _fetch(source, attempts):
        if got is not None:
            found[path] = got.path.read_bytes()
            got.path.unlink(missing_ok=True)
    return found


def check_listed(wanted: Sequence[ReadIndex], release: Release, *, weak: bool, where: str) -> None:
    """Raise where none of the indexes can be read, and say why."""
    there = [index for index in wanted if indexes.listed(index, release)]
    if not there:
        paths = ", ".join(index.path for index in wanted[:3])
        raise RemoteError(
            f"{where} lists none of the indexes that this mirror has: {paths}",
            hint="see whether components and architectures are right",
        )
    if not weak and not any(
        indexes.strong_only(indexes.listed(index, release), weak=False) for index in there
    ):
        raise VerificationFailed(
            f"{where} has MD5 and SHA1 checksums only",
            hint="use --weak-checksums to trust these",
        )

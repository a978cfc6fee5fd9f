"""Extras: installer images, AppStream metadata, descriptions, each a package of its component.

They are no packages of dpkg's. As members of a package set they go wherever packages go: into
snapshots, and into publications, which have their files at the same place below the component.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, NamedTuple

from debrepo.errors import InvalidPackage, RemoteError
from debrepo.package import Package, PackageFile, PackageKey
from debrepo.transport import address, said_of
from debrepo_mirror.upstream import fetching
from debrepo_mirror.upstream.indexes import ReadIndex
from debrepo_mirror.upstream.stanzas import Offered, checked_path, digest_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from debrepo.package import Kind
    from debrepo.transport import Transport
    from debrepo_mirror.mirror import Mirror
    from debrepo_mirror.upstream.reading import Verify
    from debrepo_mirror.upstream.release import Release

UNKNOWN = -1  #: the size of a file of which only the checksum is listed

_SUMMED = re.compile(r"([0-9a-f]{64})[ \t]+\*?(\S+)")
_LIST = "SHA256SUMS"
_PLACES = ("current/images", "current/legacy-images")  # the latter in Ubuntu 20.04
_PACKED = (".xz", ".gz", ".bz2", ".zst")
_TRANSLATIONS = tuple(f"Translation-en{end}" for end in (".xz", ".zst", ".bz2", ".gz", ""))
_MOST_FILES = 10_000


class FoundExtra(NamedTuple):
    """A pseudo-package, with what it is recognized by."""

    read: ReadIndex
    digest: bytes
    offered: Offered
    checksum: str


class ExtrasSource(NamedTuple):
    """Where extras come from, and how they are verified."""

    transport: Transport
    mirror: Mirror
    release: Release
    verify: Verify
    limit: int  #: bytes that a list of files may have
    ignore: Callable[[str], None] | None = None  #: is told of what is not as listed


def find(source: ExtrasSource) -> list[FoundExtra]:
    """Return the extras that a mirror has, and that are there."""
    mirror = source.mirror
    found: list[FoundExtra | None] = []
    for component in () if mirror.flat else mirror.components:
        if mirror.appstream:
            found += _appstream(source, component)
        if mirror.translations and not mirror.verbatim:  # which has all that there is
            found.append(_translation(source, component))
        if mirror.installer:
            found += [_installer(source, component, one) for one in mirror.architectures]
    return [extra for extra in found if extra is not None]


def _appstream(source: ExtrasSource, component: str) -> Iterator[FoundExtra]:
    """Yield what Release lists below ``dep11`` of a component, as far as the mirror needs it.

    The metadata of each architecture are a package of their own: so those of several mirrors come
    together in a snapshot.
    """
    prefix = f"{component}/dep11/"
    listed = {
        path.removeprefix(prefix): file
        for path, file in source.release.files.items()
        if path.startswith(prefix) and "/" not in path.removeprefix(prefix)
    }
    wanted = {name: file for name, file in listed.items() if _is_wanted(source, name, listed)}
    sorted_by = {name: _machine(name) or "all" for name in sorted(wanted)}
    for architecture in sorted(set(sorted_by.values())):
        files = tuple(
            wanted[name]._replace(name=name)
            for name, machine in sorted_by.items()
            if machine == architecture
        )
        paths = tuple(_paths(source, prefix, file) for file in files)
        said = "".join(f"{file.name} {file.size} {file.sha256}\n" for file in files).encode()
        read = ReadIndex(f"{component}/dep11 {architecture}", "appstream", component)
        yield _extra(read, architecture, files, paths, said)


def _translation(source: ExtrasSource, component: str) -> FoundExtra | None:
    """Return the long descriptions of a component, in the smallest file that Release lists."""
    prefix = f"{component}/i18n/"
    files = source.release.files
    found = next((name for name in _TRANSLATIONS if prefix + name in files), None)
    if found is None:  # its descriptions are in Packages
        return None
    file = files[prefix + found]._replace(name=found)
    said = f"{file.name} {file.size} {file.sha256}\n".encode()
    read = ReadIndex(f"{component}/i18n", "translation", component)
    return _extra(read, "all", (file,), (_paths(source, prefix, file),), said)


def _machine(name: str) -> str:
    """Return the architecture that a file of metadata is of, or nothing."""
    found = re.match(r"Components-(.+?)\.yml", name)
    return found[1] if found else ""


def _is_wanted(source: ExtrasSource, name: str, listed: dict[str, PackageFile]) -> bool:
    """Tell whether a file is of one of the architectures, and there.

    What is listed without a compression beside one that has it is not served.
    """
    machine = _machine(name)
    if machine and machine not in source.mirror.architectures:
        return False
    return not any(name + suffix in listed for suffix in _PACKED)


def _paths(source: ExtrasSource, prefix: str, file: PackageFile) -> str:
    """Return where a file is, below the archive root; alternatives have a tab between them."""
    below = source.mirror.root.removeprefix(source.mirror.url)
    plain = below + prefix + file.name
    if source.release.by_hash and source.mirror.by_hash != "no" and file.sha256:
        return f"{below}{prefix}by-hash/SHA256/{file.sha256}\t{plain}"
    return plain


def _installer(source: ExtrasSource, component: str, architecture: str) -> FoundExtra | None:
    """Return the images of an architecture: what a verified list of checksums has, and itself."""
    for place in _PLACES:
        directory = f"{component}/installer-{architecture}/{place}"
        found = _list(source, directory)
        if found is not None:
            data, files = found
            return _images(source, component, architecture, directory, data, files)
    return None


def _list(source: ExtrasSource, directory: str) -> tuple[bytes, list[PackageFile]] | None:
    """Return a list of checksums, verified through Release or by its own signature."""
    path = f"{directory}/{_LIST}"
    listed = source.release.files.get(path)
    data = _fetched(source, path)
    if data is None:
        return None
    where = address(source.mirror.root, path)
    own = _file(_LIST, data)
    if listed is not None:
        try:
            fetching.check(listed, len(data), {"sha256": own.sha256, "sha512": own.sha512}, where)
        except fetching.Mismatch as error:
            if source.ignore is None:
                raise
            source.ignore(str(error))
        return data, [own]
    if source.mirror.ignore_signatures:
        return data, [own]
    signature = _fetched(source, f"{path}.gpg")
    if signature is None:
        raise RemoteError(
            f"{where} is neither in Release nor signed",
            hint="mirror without --with-installer, or with --ignore-signatures",
        )
    source.verify(data, signature)
    return data, [own, _file(f"{_LIST}.gpg", signature)]


def _fetched(source: ExtrasSource, path: str) -> bytes | None:
    fetched, data = source.transport.read(address(source.mirror.root, path), limit=source.limit)
    if fetched.outcome == "whole":
        return data
    if fetched.outcome == "missing" or fetched.status == 403:
        return None
    raise RemoteError(said_of(fetched), hint="try again later")


def _file(name: str, data: bytes) -> PackageFile:
    digests = [hashlib.new(n, data, usedforsecurity=False).hexdigest() for n in _ALGORITHMS]
    return PackageFile(name, len(data), *digests)


_ALGORITHMS = ("md5", "sha1", "sha256", "sha512")


def _images(
    source: ExtrasSource,
    component: str,
    architecture: str,
    directory: str,
    data: bytes,
    files: list[PackageFile],
) -> FoundExtra:
    where = address(source.mirror.root, f"{directory}/{_LIST}")
    for line in filter(None, data.decode(errors="replace").splitlines()):
        found = _SUMMED.fullmatch(line.strip())
        if found is None or len(files) > _MOST_FILES:
            raise RemoteError(f"{where}: not a line of a list of checksums: {line[:120]!r}")
        try:
            name = checked_path(found[2])
        except InvalidPackage as error:
            raise RemoteError(f"{where}: {error}") from None
        files.append(PackageFile(name, UNKNOWN, sha256=found[1]))
    below = source.mirror.root.removeprefix(source.mirror.url)
    paths = tuple(f"{below}{directory}/{file.name}" for file in files)
    read = ReadIndex(f"{component}/installer-{architecture}", "installer", component)
    place = directory.removeprefix(f"{component}/installer-{architecture}/")
    more = "" if place == _PLACES[0] else f"\nDirectory: {place}"
    return _extra(read, architecture, tuple(files), paths, data, more)


def _extra(
    read: ReadIndex,
    architecture: str,
    files: tuple[PackageFile, ...],
    paths: tuple[str, ...],
    said: bytes,
    more: str = "",
) -> FoundExtra:
    """Return a pseudo-package: called after its kind, its component in the place of a version."""
    kind: Kind = read.kind
    key = PackageKey(kind, architecture, read.component, digest_of(said).hex())
    stanza = f"Package: {kind}\nVersion: {read.component}\nArchitecture: {architecture}{more}"
    package = Package(key, kind, stanza.encode(), files)
    checksum = f"sha256:{hashlib.sha256(said).hexdigest()}"
    return FoundExtra(read, digest_of(said), Offered(package, paths), checksum)

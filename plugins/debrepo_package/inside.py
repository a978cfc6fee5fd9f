"""Inside: the changelog and the paths of a package, read out of its files."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

from debrepo import archive, catalog
from debrepo.archive import tar
from debrepo.archive.compression import unpack
from debrepo.archive.stream import blocks
from debrepo.catalog import CONTENTS
from debrepo.errors import InvalidPackage, NotFound
from debrepo.ingest import alone, configured_limits

if TYPE_CHECKING:
    from debrepo.archive import Limits
    from debrepo.package import Package, PackageFile
    from debrepo.session import Session

LARGEST = 64 << 20  #: bytes of a file that is unpacked for one reader
_CHANGELOG = 8 << 20  # bytes that a changelog may unpack to
_PATH = re.compile(rb"(?:\./)?(?:[^/]+/)?debian/changelog")
_TARBALL = re.compile(r"\.tar(?:\.[a-z0-9]+)?$")


def changelog(session: Session, package: Package) -> str:
    """Return the changelog in the files of a package; raise `NotFound` where it has none.

    Open no transaction meanwhile.
    """
    read = _of_source if package.kind == "source" else _of_binary
    if package.kind in ("deb", "udeb", "source"):
        limits = configured_limits(session.config)
        if text := alone.if_large(limits, partial(read, session, package)):
            return text.decode(errors="replace")
    raise NotFound(f"{package.key.display} has no changelog")


def paths(session: Session, package: Package) -> list[str]:
    """Return the paths that a package installs or unpacks to, in order.

    They are those that were read before, or of a binary package those in its file now. Open no
    transaction meanwhile.
    """
    with session.db.read() as txn:
        known = txn[CONTENTS].get(package.key.entry) is not None
        text = catalog.paths(txn, package.key.entry) if known else b""
    if not known and package.kind in ("deb", "udeb"):
        file = _small(package, package.files[0])
        limits = configured_limits(session.config)

        def read(limits: Limits) -> bytes:
            budget = archive.Budget(limits, file.size)
            with session.pool.open(file.sha256) as opened:
                return archive.examine(blocks(opened), file.size, budget).paths or b""

        text = alone.if_large(limits, read)
    elif not known:
        raise NotFound(
            f"the paths of {package.key.display} are not known yet",
            hint="they are read when something with Contents is published",
        )
    return text.decode(errors="replace").split("\n") if text else []


def _of_binary(session: Session, package: Package, limits: Limits) -> bytes:
    file = _small(package, package.files[0])
    start = f"usr/share/doc/{package.key.name}/changelog"
    names = [f"{start}{end}".encode() for end in (".Debian.gz", ".gz", ".Debian", "")]
    budget = archive.Budget(limits, file.size)
    with session.pool.open(file.sha256) as opened:
        kept = archive.read_files(blocks(opened), file.size, budget, names)
    name = next((name for name in names if kept.get(name)), b"")
    if not name:
        return b""
    suffix = ".gz" if name.endswith(b".gz") else ""
    text = unpack(iter([kept[name]]), suffix, "the changelog", limit=_CHANGELOG, budget=budget)
    return b"".join(text)


class _Changelogs:
    """The paths at which a source package has its changelog."""

    def __contains__(self, path: object) -> bool:
        return isinstance(path, bytes) and _PATH.fullmatch(path) is not None


def _of_source(session: Session, package: Package, limits: Limits) -> bytes:
    """Return the changelog in the Debian part of a source package, or in all of a native one."""
    tarballs = [file for file in package.files if _TARBALL.search(file.name)]
    parts = [file for file in tarballs if ".debian.tar" in file.name] or tarballs
    if len(parts) != 1:
        return b""
    file = _small(package, parts[0])
    suffix = file.name[file.name.rindex(".tar") + len(".tar") :]
    budget = archive.Budget(limits, file.size)
    with session.pool.open(file.sha256) as opened:
        limit = limits.unpacked(file.size)
        data = unpack(blocks(opened), suffix, file.name, limit=limit, budget=budget, several=True)
        members = tar.members(data, file.name, _Changelogs(), budget=budget)
        texts = [
            text for kind, path, text in members if kind == tar.REGULAR and _PATH.fullmatch(path)
        ]
    return texts[0] if texts else b""


def _small(package: Package, file: PackageFile) -> PackageFile:
    """Return a file; raise `InvalidPackage` for one that takes too long to unpack for a reader."""
    if file.size > LARGEST:
        raise InvalidPackage(
            f"{file.name} has {file.size} bytes, more than are unpacked to look inside",
            hint=f'run "apt changelog {package.key.name}"',
        )
    return file

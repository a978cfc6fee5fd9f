"""Reading what reprepro's databases list: packages by distribution, component and architecture."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

from debrepo.errors import InUse, InvalidInput, InvalidPackage, NotFound
from debrepo_import import stanzas
from debrepo_import.foreign import ForeignPackage
from debrepo_import.report import Remark
from debrepo_import.reprepro.berkeley import BerkeleyFile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from debrepo.archive import Limits
    from debrepo.package import Kind
    from debrepo.session import Session
    from debrepo_import.reprepro.configuration import Base

#: The layout of the databases that reprepro 3.3 to 5.3 keep; 5.4 keeps another one.
_LAYOUT = "3.3.0"
_ATTEMPTS = 5  # at a file that reprepro writes meanwhile
_KINDS: dict[str, Kind] = {"u": "udeb", "d": "deb"}


class PackageTree(NamedTuple):
    """The packages of one architecture of a component, as reprepro keeps them."""

    name: str
    codename: str
    component: str
    architecture: str  #: ``source`` for sources
    kind: Kind


class Databases:
    """A copy of reprepro's databases: nothing changes while it is read."""

    def __init__(self, packages: BerkeleyFile, tracking: int) -> None:
        self._packages = packages
        self.tracked = tracking  #: bytes of what it keeps on sources and their files

    def trees(self) -> list[PackageTree]:
        """Return what packages there are of."""
        return [tree for name in self._packages.trees() if (tree := _tree(name))]

    def state(self, trees: list[PackageTree]) -> str:
        """Return a digest of all that some trees hold."""
        digest = blake2b(digest_size=16)
        for tree in trees:
            digest.update(tree.name.encode(errors="surrogateescape") + b"\0")
            for key, value in self._packages.records(tree.name):
                digest.update(b"%d %d " % (len(key), len(value)) + key + value)
        return digest.hexdigest()

    def packages(
        self, tree: PackageTree, out: Path, limits: Limits
    ) -> Iterator[ForeignPackage | Remark]:
        """Yield the packages of a tree, and a remark for each that cannot be kept here."""
        for key, value in self._packages.records(tree.name):
            text = value.rstrip(b"\0").strip(b"\n")
            try:
                found = stanzas.read(text, tree.kind, limits)
            except (InvalidPackage, InvalidInput) as error:
                name = stanzas.name_of(text) if text else key.rstrip(b"\0").decode(errors="replace")
                yield Remark("refused", f"package {name} of {tree.codename}", str(error))
                continue
            paths = tuple(str(out / path) for path in found.paths)
            yield ForeignPackage(found.package, paths)


def _tree(name: str) -> PackageTree | None:
    parts = name.split("|")
    kind: Kind = "deb"
    if len(parts) == 4:
        if parts[0] not in _KINDS:
            return None
        kind = _KINDS[parts[0]]
        parts = parts[1:]
    if len(parts) != 3:
        return None
    codename, component, architecture = parts
    if architecture == "source":
        kind = "source"
    return PackageTree(name, codename, component, architecture, kind)


@contextmanager
def opened(session: Session, base: Base) -> Iterator[Databases]:
    """Copy the databases, and open the copy; raise `InUse` while reprepro is at work."""
    version, path = base.db / "version", base.db / "packages.db"
    if not path.exists():
        raise NotFound(
            f"{base.db} has no packages.db: reprepro keeps nothing there",
            hint="see whether conf/options names another dbdir",
        )
    if version.exists():
        lines = version.read_text(errors="replace").split("\n")
        if len(lines) > 1 and lines[1].strip() != _LAYOUT:
            raise InvalidInput(
                f"{base.db} has databases of reprepro {lines[0][:20]}, in the layout"
                f" {lines[1][:20]!r}, which cannot be read",
                hint=f'import what it has exported: run "debrepo import tree {base.out}"',
            )
    cache = session.root / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="reprepro-", dir=cache) as directory:
        copy = Path(directory) / "packages.db"
        _copy(base, path, copy)
        tracking = base.db / "tracking.db"
        with BerkeleyFile(copy) as packages:
            yield Databases(packages, tracking.stat().st_size if tracking.exists() else 0)


def _copy(base: Base, path: Path, target: Path) -> None:
    """Copy a file that is not written meanwhile."""
    lock = base.db / "lockfile"
    for _ in range(_ATTEMPTS):
        if lock.exists():
            break
        before = path.stat()
        shutil.copyfile(path, target)
        after = path.stat()
        same = (before.st_mtime_ns, before.st_size) == (after.st_mtime_ns, after.st_size)
        if same and not lock.exists():
            return
    raise InUse(
        f"reprepro is at work on {base.base}: there is {lock}",
        hint="run it again when reprepro has finished; if it was killed, delete that file",
    )

"""What is written for any other tool: package files, lists of them, and a script."""

from __future__ import annotations

import os
import shlex
import shutil
from typing import TYPE_CHECKING

from debrepo import catalog, packageset
from debrepo.catalog import CHUNKS
from debrepo.errors import AlreadyExists, InvalidInput, cannot_write
from debrepo.stopping import checkpoint
from debrepo.values import NamedTuple
from debrepo_import.report import Remark

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from debrepo.package import Package, PackageList
    from debrepo.session import Session

_BATCH = 1024


class ExportReport(NamedTuple):
    """What was written for another tool, and what it cannot have."""

    script: str  #: the file that takes everything in
    lists: int
    packages: int
    files: int
    bytes: int
    remarks: tuple[Remark, ...]


class WrittenPackage(NamedTuple):
    """A package with its files, as they were written."""

    package: Package
    path: str  #: of the .deb or .dsc, below the directory


class Writer:
    """Writes package files below a directory, each package once."""

    def __init__(self, session: Session, directory: Path, *, link: bool) -> None:
        self._session = session
        self._directory = directory
        self._link = link
        self._seen: dict[bytes, WrittenPackage] = {}
        self.files = self.bytes = 0
        self.remarks: list[Remark] = []
        if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
            raise AlreadyExists(f"{directory} is not an empty directory", hint="name a new one")

    @property
    def packages(self) -> int:
        """How many packages were written."""
        return len(self._seen)

    def members(self, found: PackageList) -> list[WrittenPackage]:
        """Write the packages of a list, and return them; those without files are remarks."""
        written: list[WrittenPackage] = []
        with self._session.db.read() as txn:
            entries = list(packageset.entries(txn[CHUNKS], found.set_id))
        for start in range(0, len(entries), _BATCH):
            checkpoint()
            some = entries[start : start + _BATCH]
            with self._session.db.read() as txn:
                packages = list(catalog.get_many(txn, some))
            for entry, package in zip(some, packages, strict=True):
                one = self._seen.get(entry) or self._package(package)
                if one is not None:
                    self._seen[entry] = one
                    written.append(one)
        return written

    def _package(self, package: Package) -> WrittenPackage | None:
        subject = f"package {package.key.display}"
        if package.kind in ("installer", "appstream", "translation"):
            self.remarks.append(Remark("unsupported", subject, f"{package.kind} is no package"))
            return None
        absent = [file.name for file in package.files if file.sha256 not in self._session.pool]
        if absent:
            self.remarks.append(Remark("missing", subject, f"the pool has no {absent[0]}"))
            return None
        where = f"files/{package.key.display.replace(':', '%')}_{package.key.hash}"
        try:
            (self._directory / where).mkdir(parents=True, exist_ok=True)
            for file in package.files:
                self._file(self._session.pool.location(file.sha256), f"{where}/{file.name}")
                self.files, self.bytes = self.files + 1, self.bytes + file.size
        except OSError as error:
            raise cannot_write(self._directory, error) from error
        return WrittenPackage(package, f"{where}/{package.files[0].name}")

    def _file(self, source: str, path: str) -> None:
        target = self._directory / path
        if self._link:
            os.link(source, target)
        else:
            shutil.copyfile(source, target)

    def text(self, path: str, lines: Iterable[str], *, executable: bool = False) -> None:
        """Write a text file."""
        target = self._directory / path
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
            target.chmod(0o755 if executable else 0o644)
        except OSError as error:
            raise cannot_write(target, error) from error


def command(*words: str) -> str:
    """Return a line of a script."""
    return " ".join(map(shlex.quote, words))


def one_line(text: str) -> str:
    """Return a text as a line of a configuration file can have it."""
    if not text.isprintable():
        raise InvalidInput(f"not a line of text: {text[:80]!r}")
    return text


def chosen(session: Session, kinds: Sequence[str]) -> list[PackageList]:
    """Return the package lists of some kinds, in their order."""
    with session.db.read() as txn:
        batches = session.hook.debrepo_package_lists(txn=txn)
        found = [one for batch in batches for one in batch if one.kind in kinds]
    return sorted(found, key=lambda one: (kinds.index(one.kind), one.name))

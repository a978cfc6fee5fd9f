"""Rebuild: a new database from the files of the pool and the published trees alone."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from debrepo import durable
from debrepo.archive import parse_list
from debrepo.errors import AlreadyExists, DebrepoError, InvalidInput, cannot_write
from debrepo.ingest import configured_limits
from debrepo.stopping import checkpoint
from debrepo_care import trees

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from debrepo.session import Session
    from debrepo_care.trees import TreeComponent

#: What a repository says that was made here; another run goes on with it.
COMMENT = "Rebuilt from what was left"
_REST = "rebuilt"  # the repository of what no tree lists
_BINARY = b"!<arch>\ndebian-binary"
_SOURCE = re.compile(rb"^Format: *[0-9.]+ *(?:\(|$)", re.MULTILINE)
_MOST_DSC = 4 << 20  # bytes
_HEAD = 4096


class Rebuilt(NamedTuple):
    """What has been made of what was left."""

    repos: dict[str, int]  #: packages by repository
    failed: list[str]  #: what could not be read or added, one line each
    publish: list[str]  #: the commands that publish the repositories where they were


def rebuild(session: Session, roots: Sequence[Path], *, pool: bool, published: bool) -> Rebuilt:
    """Make repositories of what trees list, and another of what else the pool has.

    The trees are those at ``roots``, or in the storages on this machine. A run that was killed
    is ended by another one.
    """
    if not (pool or published or roots):
        raise InvalidInput("nothing to rebuild from", hint="add --from-pool or --from-published")
    _check_empty(session)
    try:
        with durable.scratch(session.root, "rebuild-") as work:
            return _Rebuilding(session, work).run(
                roots or (_storages(session) if published else ()), pool=pool
            )
    except OSError as error:
        raise cannot_write(session.root, error) from error


def _check_empty(session: Session) -> None:
    with session.db.read() as txn:
        known = [str(one) for batch in session.hook.debrepo_package_lists(txn=txn) for one in batch]
    comments = {f"repo:{one.repo.name}": one.repo.comment for one in session.call("repo.list")}
    if others := [name for name in known if comments.get(name) != COMMENT]:
        raise AlreadyExists(
            f"the database has {others[0]}: there is something to lose",
            hint=f"move {session.root / 'db'} away, or rebuild in another --root",
        )


def _storages(session: Session) -> list[Path]:
    """Return the directories of this machine that publications may be in."""
    found = [session.root / "public"]
    for name in session.config.names("storage.fs"):
        given = session.config.section(f"storage.fs.{name}").get("root")
        if given:
            found.append(session.root / Path(str(given)).expanduser())
    return [path for path in dict.fromkeys(found) if path.is_dir()]


class _Rebuilding:
    """One run: what each file is called, and what became of it."""

    def __init__(self, session: Session, work: Path) -> None:
        self._session = session
        self._work = work
        self._limits = configured_limits(session.config)
        self._done: set[str] = set()  # SHA256 of files that are in a repository
        self._names: dict[str, str] = {}  # what they are called where they are published
        self._repos: dict[str, int] = {}
        self._failed: list[str] = []
        self._publish: dict[tuple[Path, str], list[tuple[str, str]]] = {}

    def run(self, roots: Iterable[Path], *, pool: bool) -> Rebuilt:
        for root in roots:
            if not os.path.isdir(root):  # noqa: PTH112  # no error for an odd name
                raise InvalidInput(f"{root} is not a directory")
            for one in trees.read(root):
                checkpoint()
                self._tree(root, one)
        if pool:
            self._rest()
        return Rebuilt(self._repos, self._failed, list(self._commands()))

    def _tree(self, root: Path, one: TreeComponent) -> None:
        """Make a repository of a component."""
        self._failed += one.faults
        place = one.root.relative_to(root)
        label = "" if place == Path() else f"{place}-"
        name = re.sub(r"[/:\s]+", "-", f"{label}{one.distribution}-{one.component}")
        self._create(name, component=one.component, distribution=one.distribution)
        directory = self._work / name
        paths = []
        for number, (sha256, path) in enumerate(one.files):
            own = directory / str(number)
            own.mkdir(parents=True)
            self._names[sha256] = Path(path).name
            if found := self._prepare(own, sha256, Path(path).name, one.root / path):
                paths.append(found)
                self._done.add(sha256)
            else:
                self._failed.append(f"{one.root / path}: neither it nor the pool has the file")
        self._add(name, paths)
        self._publish.setdefault((place, one.distribution), []).append((one.component, name))
        shutil.rmtree(directory, ignore_errors=True)

    def _rest(self) -> None:
        """Make repositories of what the pool has besides: several, where versions collide."""
        left = []
        tracked = self._session.progress.track("Reading the pool", list(self._session.pool))
        for number, sha256 in enumerate(tracked):
            checkpoint()
            if sha256 in self._done or not (suffix := self._kind(sha256)):
                continue
            own = self._work / _REST / str(number)
            own.mkdir(parents=True)
            if found := self._prepare(own, sha256, self._names.get(sha256, f"{sha256}{suffix}")):
                left.append(found)
        number = 0
        while left:
            number += 1
            name = _REST if number == 1 else f"{_REST}-{number}"
            self._create(name)
            collided = self._add(name, left, once_more=True)
            left = [path for path in left if path in collided]

    def _kind(self, sha256: str) -> str:
        """Return the extension of a package, or nothing for any other file of the pool."""
        try:
            with self._session.pool.open(sha256) as file:
                head = file.read(_HEAD)
                if head.startswith(_BINARY):
                    return ".deb"
                size = self._session.pool.size(sha256)
                if size <= _MOST_DSC and _SOURCE.search(head) and b"\nSource:" in head:
                    return ".dsc"
        except (DebrepoError, OSError) as error:
            self._failed.append(f"{sha256}: {error}")
        return ""

    def _prepare(
        self, directory: Path, sha256: str, name: str, published: Path | None = None
    ) -> Path | None:
        """Put a file under its name, and those beside it that a .dsc lists; return its path."""
        source = self._source(sha256, published)
        if source is None:
            return None
        target = directory / name
        target.symlink_to(source)
        if name.endswith(".dsc"):
            try:
                listed = parse_list(target.read_bytes(), name, limits=self._limits)
            except (DebrepoError, OSError):
                return target  # adding it says what is wrong
            for file in listed.files:
                self._done.add(file.sha256)
                beside = self._source(file.sha256, published and published.with_name(file.name))
                if beside is not None and "/" not in file.name:
                    (directory / file.name).symlink_to(beside)
        return target

    def _source(self, sha256: str, published: Path | None) -> Path | None:
        if re.fullmatch("[0-9a-f]{64}", sha256) and sha256 in self._session.pool:
            return self._session.pool.path(sha256)
        if published is None or ".." in published.parts or not published.is_file():
            return None
        with published.open("rb") as file:
            return published if hashlib.file_digest(file, "sha256").hexdigest() == sha256 else None

    def _create(self, name: str, **given: str) -> None:
        if name not in {one.repo.name for one in self._session.call("repo.list")}:
            self._session.call("repo.create", name=name, comment=COMMENT, **given)
        self._repos.setdefault(name, 0)

    def _add(self, name: str, paths: Sequence[Path], *, once_more: bool = False) -> set[Path]:
        """Add packages to a repository; return those that others of their version keep out."""
        collided = set()
        for outcome in self._session.call("repo.add", name=name, paths=paths):
            if outcome.status in ("added", "skipped"):
                self._repos[name] += 1
            elif "already, with other bytes" in outcome.reason and once_more:
                collided.add(outcome.source)
            else:
                self._failed.append(f"{outcome.source.name}: {outcome.reason}")
        return collided

    def _commands(self) -> Iterator[str]:
        for (place, distribution), parts in self._publish.items():
            where = "" if place == Path() else f" {place}"
            components = ",".join(component for component, _ in parts)
            names = " ".join(name for _, name in parts)
            yield (
                f"debrepo publish repo {names}{where} --distribution {distribution}"
                f" --component {components} --force"
            )

"""Targets: a directory, or a part of a storage, that holds backups."""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path
from stat import S_ISDIR
from typing import TYPE_CHECKING, NamedTuple

from debrepo.errors import AlreadyExists, InvalidInput, NotFound
from debrepo.refs import claimed, load_class
from debrepo.storage import Storage, check_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from debrepo.session import Session

FORMAT = 1
_MARK = "debrepo-backup"
_LOCK = "lock"
_HINT = "name a directory, or a storage and a prefix: /backup, s3:NAME:backup"


class BackupTarget(NamedTuple):
    """Where backups are, open for reading and writing; paths are below its prefix."""

    name: str  #: as users write it; a directory is absolute
    storage: Storage
    prefix: str  #: empty, or ending in a slash

    def path(self, name: str) -> str:
        """Return the path in the storage."""
        return f"{self.prefix}{name}"

    def get(self, name: str) -> bytes:
        """Return the content of a file; raise `NotFound` where there is none."""
        return self.storage.get(self.path(name))

    def names(self, directory: str) -> Iterator[str]:
        """Yield the files of a directory, below the prefix."""
        start = len(self.prefix)
        return (path[start:] for path in self.storage.list(self.path(directory)))

    def sizes(self, names: Iterable[str]) -> dict[str, int]:
        """Return the sizes of those files that are there."""
        start = len(self.prefix)
        found = self.storage.stat_all(map(self.path, names))
        return {path[start:]: stat.size for path, stat in found if stat is not None}

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep out others that make a backup count, or delete one."""
        with self.storage.exclusive(self.path(_LOCK)):
            yield


@contextmanager
def opened(session: Session, text: str, *, new: bool = False) -> Iterator[BackupTarget]:
    """Open a target that holds backups, or a ``new`` one: empty, and then marked as one."""
    if new:
        session.check_thawed()
    target = _open(session, text, new=new)
    try:
        _check(target, new=new)
        yield target
    finally:
        target.storage.close()


def _open(session: Session, text: str, *, new: bool) -> BackupTarget:
    if not text or not text.isprintable():
        raise InvalidInput(f"not a place for backups: {text!r}", hint=_HINT)
    scheme, colon, rest = text.partition(":")
    if not colon or "/" in scheme:
        return _open_directory(session, Path(text).expanduser().absolute(), new=new)
    known = claimed(session.hook.debrepo_storages, "storage scheme")
    if scheme not in known:
        raise InvalidInput(
            f"no storage scheme called {scheme!r}",
            hint=f"there are: {', '.join(sorted(known))}; a directory is spelt ./{text}",
        )
    name, _, prefix = rest.partition(":")
    if not name or not prefix.strip("/"):
        raise InvalidInput(
            f"{text} names no {'prefix' if name else 'storage'}",
            hint=f"write {scheme}:{name or 'NAME'}:backup, or {scheme}:{name or 'NAME'}:. for all",
        )
    prefix = "" if prefix == "." else check_path(prefix.strip("/")) + "/"
    storage = session.storage(f"{scheme}:{name}")
    if new and (url := storage.url(prefix.rstrip("/"))):
        session.progress.note(
            f"Warning: {scheme}:{name} has a URL, {url}: see that nobody can read backups there."
        )
    return BackupTarget(f"{scheme}:{name}:{prefix.rstrip('/') or '.'}", storage, prefix)


def _open_directory(session: Session, path: Path, *, new: bool) -> BackupTarget:
    """Open a directory as the storage ``fs`` does, for nobody but its owner to read."""
    real, root = path.resolve(), session.root.resolve()
    if real.is_relative_to(root) or root.is_relative_to(real):
        raise InvalidInput(
            f"{path} and the root {session.root} are not apart",
            hint="keep backups on another disk, or another machine",
        )
    try:
        is_directory = S_ISDIR(path.stat().st_mode)
    except FileNotFoundError:
        if not new:
            raise NotFound(f"there is no directory {path}", hint=_HINT) from None
    except OSError as error:
        raise InvalidInput(f"{path!s:.200}: {error.strerror}", hint=_HINT) from None
    else:
        if not is_directory:
            raise InvalidInput(f"{path} is not a directory", hint=_HINT)
    known = claimed(session.hook.debrepo_storages, "storage scheme")
    if "fs" not in known:
        raise InvalidInput("no storage scheme called 'fs'", hint="enable the plugin publish-fs")
    options = {"root": str(path), "link": "copy", "mode": "0600"}
    storage = load_class(known["fs"], Storage).open("backup", options, session.root)
    return BackupTarget(str(path), storage, "")


def _check(target: BackupTarget, *, new: bool) -> None:
    """Raise unless the target holds backups, of a format that is known, or is a ``new`` one."""
    try:
        mark = target.get(_MARK)
    except NotFound:
        if not new:
            raise NotFound(
                f"there are no backups in {target.name}", hint='run "debrepo backup create TO"'
            ) from None
        other = next(iter(target.storage.list(target.prefix.rstrip("/"))), None)
        if other is not None:
            raise AlreadyExists(
                f"{target.name} holds other files: {other}", hint="name an empty directory"
            ) from None
        target.storage.put(target.path(_MARK), json.dumps({"format": FORMAT}).encode() + b"\n")
        return
    try:
        found = json.loads(mark)["format"]
    except (ValueError, KeyError, TypeError):
        found = None
    if found != FORMAT:
        raise InvalidInput(
            f"the backups in {target.name} are of another format ({found})",
            hint="use the release of debrepo that made them, or a later one",
        )

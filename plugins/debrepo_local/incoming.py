"""Incoming: a directory to which people upload, and what lies there complete.

Nothing is taken that still changes. Who takes an upload holds a lock on its .changes, which ends
with the process; and where it is killed between two steps, the next one finds where it stopped.
"""

from __future__ import annotations

import fcntl
import os
import signal
import stat
import time
from contextlib import contextmanager, suppress
from errno import EBADF
from typing import TYPE_CHECKING, NamedTuple

from debrepo import archive
from debrepo.errors import DebrepoError, InvalidInput, cannot_write

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from debrepo.archive import Limits

#: Below the directory: what was refused, each upload in a directory of its own.
REJECTED = "rejected"
#: Below the directory: the .changes of uploads that are in, while their files are deleted.
_INCLUDED = ".included"
_MOVING = ".moving"  # beside a refused .changes, until all its files are there too
_REASON = "reason"
_BROKEN = 12  # times as long as others wait files that are no .changes: they may still be written


class Waiting(NamedTuple):
    """An upload that has come to rest: it is complete, or will not become so."""

    changes: Path
    fault: str = ""  #: why it cannot be taken


class IncomingQueue:
    """An incoming directory, and since when what lies in it has not changed."""

    def __init__(self, directory: Path, limits: Limits, *, settle: float, patience: float) -> None:
        self.directory = directory
        self._limits = limits
        self._settle = settle  # seconds
        self._patience = patience  # seconds that an upload may lack files
        self._seen: dict[str, tuple[object, float]] = {}
        self._postponed: dict[str, tuple[object, float]] = {}

    def check(self) -> None:
        """Raise `InvalidInput` unless this is a directory in which files can be moved."""
        if not os.path.isdir(self.directory):  # noqa: PTH112  # of a long name too
            raise InvalidInput(f"{self.directory} is no directory")
        if not os.access(self.directory, os.R_OK | os.W_OK | os.X_OK):
            raise InvalidInput(
                f"files in {self.directory} cannot be moved",
                hint="let the user who watches it write to the directory",
            )

    def ready(self) -> Iterator[Waiting]:
        """Yield the uploads that have come to rest, in the order of their names."""
        names = self._names()
        for known in (self._seen, self._postponed):
            for gone in known.keys() - names:
                del known[gone]
        for name in sorted(names):
            found = self._look_at(self.directory / name)
            if found is not None:
                yield found

    def _names(self) -> set[str]:
        try:
            with os.scandir(self.directory) as entries:
                return {
                    entry.name
                    for entry in entries
                    if entry.name.endswith(".changes")
                    and not entry.name.startswith(".")
                    and entry.name.isprintable()  # which those are not that are no UTF-8
                    and entry.is_file(follow_symlinks=False)
                }
        except OSError as error:
            raise InvalidInput(f"cannot read {self.directory}: {error.strerror}") from None

    def _look_at(self, changes: Path) -> Waiting | None:
        """Return an upload if it has come to rest."""
        parts, fault, lacks = [changes], "", ""
        try:
            listed = archive.read_list(changes, limits=self._limits)
        except FileNotFoundError:  # somebody else has taken it
            return None
        except OSError as error:
            fault = f"it cannot be read: {error.strerror}"
        except DebrepoError as error:
            fault = str(error)
        else:
            for file in listed.files:
                part = changes.with_name(file.name)
                size = _size(part)
                if size is None or size < file.size:
                    what = "is not there" if size is None else f"has {size} of {file.size} bytes"
                    lacks = lacks or f"{file.name}, which it lists, {what}"
                if size is not None:
                    parts.append(part)
        still = self._still(changes.name, parts)
        wanted = self._patience if lacks else self._settle * _BROKEN if fault else self._settle
        if still < wanted or self._is_postponed(changes.name) or any(map(_is_written, parts)):
            return None
        return Waiting(changes, fault or lacks)

    def _still(self, name: str, parts: Iterable[Path]) -> float:
        """Return for how many seconds the files of an upload have not changed.

        That is what was seen, or what the file system says: of a clock that has been set back, the
        first holds.
        """
        state, latest = [], 0.0
        for part in parts:
            try:
                found = os.lstat(part)
            except OSError:
                continue
            state.append(
                (part.name, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
            )
            latest = max(latest, found.st_ctime)
        now = time.monotonic()
        known, since = self._seen.get(name, (None, now))
        if known != state:
            since = now
        self._seen[name] = (state, since)
        return max(now - since, time.time() - latest)

    def postpone(self, changes: Path, seconds: float) -> None:
        """Leave an upload alone for a while, unless it changes."""
        state, _ = self._seen.get(changes.name, (None, 0.0))
        self._postponed[changes.name] = (state, time.monotonic() + seconds)

    def _is_postponed(self, name: str) -> bool:
        state, until = self._postponed.get(name, (None, 0.0))
        return time.monotonic() < until and self._seen[name][0] == state

    def included(self, changes: Path) -> None:
        """Delete an upload that is in."""
        mark = self.directory / _INCLUDED / changes.name
        with self._writing():
            mark.parent.mkdir(exist_ok=True)
            changes.rename(mark)
            self._clear(mark)

    def _clear(self, mark: Path) -> None:
        """Delete the files of an upload, and its .changes last."""
        for part in self._parts(mark):
            part.unlink(missing_ok=True)
        mark.unlink(missing_ok=True)
        with suppress(OSError):
            mark.parent.rmdir()

    def refuse(self, changes: Path, reason: str) -> Path:
        """Move an upload aside, and return the directory that it is in, with the reason."""
        with self._writing():
            aside = self._new_directory(changes.name.removesuffix(".changes"))
            with _locked(aside / _MOVING):
                (aside / _REASON).write_text(f"{reason}\n", encoding="utf-8")
                mark = aside / changes.name
                changes.rename(mark)
                self._move_parts(mark)
                (aside / _MOVING).unlink()
        return aside

    def _new_directory(self, stem: str) -> Path:
        (self.directory / REJECTED).mkdir(exist_ok=True)
        number = 1
        while True:
            name = stem if number == 1 else f"{stem}.{number}"
            try:
                (self.directory / REJECTED / name).mkdir()
            except FileExistsError:
                number += 1
                continue
            return self.directory / REJECTED / name

    def _move_parts(self, mark: Path) -> None:
        for part in self._parts(mark):
            with suppress(FileNotFoundError):
                part.rename(mark.with_name(part.name))

    def resume(self) -> None:
        """Finish what a process that was killed has left half done."""
        with self._writing():
            for mark in sorted(self.directory.glob(f"{_INCLUDED}/*.changes")):
                with claimed(mark) as mine:
                    if mine:
                        self._clear(mark)
            for moving in sorted(self.directory.glob(f"{REJECTED}/*/{_MOVING}")):
                self._resume_refusal(moving)

    def _resume_refusal(self, moving: Path) -> None:
        with claimed(moving) as mine:
            if not mine:
                return
            marks = list(moving.parent.glob("*.changes"))
            for mark in marks:
                self._move_parts(mark)
            if not marks:  # the upload is where it was, and is refused once more
                (moving.parent / _REASON).unlink(missing_ok=True)
            moving.unlink(missing_ok=True)
            if not marks:
                moving.parent.rmdir()

    def _parts(self, mark: Path) -> list[Path]:
        """Return the files of an upload that are still in the directory, .dsc files last.

        Those that have come since it was judged belong to another one, as do those that another
        .changes lists.
        """
        try:
            names = self._listed(mark)
            judged = mark.stat().st_ctime_ns
        except FileNotFoundError:
            return []
        for name in [name for name in names if name.endswith(".dsc")]:
            names |= self._listed(self.directory / name)
        for other in self._names():
            names -= self._listed(self.directory / other)
        parts = []
        for name in sorted(names, key=lambda name: (name.endswith(".dsc"), name)):
            part = self.directory / name
            with suppress(OSError):
                found = os.lstat(part)
                if stat.S_ISREG(found.st_mode) and found.st_ctime_ns <= judged:
                    parts.append(part)
        return parts

    def _listed(self, path: Path) -> set[str]:
        """Return the names of the files that a file lists, if it can be read."""
        try:
            return {file.name for file in archive.read_list(path, limits=self._limits).files}
        except (OSError, DebrepoError):
            return set()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise cannot_write(self.directory, error) from error


@contextmanager
def claimed(path: Path) -> Iterator[bool]:
    """Hold a lock on a file while the block runs; say whether this process has it."""
    try:
        file = _locked_at_once(path)
    except OSError:
        yield False
        return
    try:
        yield _is_at(file, path)
    finally:
        os.close(file)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Make a file, and hold a lock on it while the block runs."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)


def _locked_at_once(path: Path, mode: int = os.O_RDONLY) -> int:
    """Open a file, and lock it; raise `OSError` where another process has."""
    file = os.open(path, mode | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(file)
        if error.errno == EBADF and mode == os.O_RDONLY:  # NFS locks what is open for writing
            return _locked_at_once(path, os.O_RDWR)
        raise
    return file


def _is_at(file: int, path: Path) -> bool:
    """Return whether a file that is open still has its name: another process may have moved it."""
    try:
        return os.path.samestat(os.fstat(file), os.lstat(path))
    except OSError:
        return False


def _size(path: Path) -> int | None:
    """Return the size of a file; a link, or a directory, is none."""
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None


def _is_written(path: Path) -> bool:
    """Return whether a process has a file open for writing, as far as the kernel tells.

    It grants a lease on a file that nobody writes, to its owner, on local file systems. It is
    given back at once; a writer who comes in between makes a signal that nobody minds.
    """
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        fcntl.fcntl(file, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(file)
    return False

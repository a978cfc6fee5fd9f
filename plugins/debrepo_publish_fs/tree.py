"""The directories below a root, each looked at once, none of them a symlink."""

from __future__ import annotations

import os
from contextlib import suppress
from stat import S_ISDIR, S_ISLNK
from typing import TYPE_CHECKING

from debrepo.errors import InvalidInput, RemoteError
from debrepo_publish_fs.failures import translation
from debrepo_publish_fs.partial import unlink

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class DirectoryTree:
    """Directories by their path relative to the root, which is the empty path."""

    def __init__(self, root: str, mode: int) -> None:
        self._root = root
        self._mode = mode  # of the directories that it makes
        self._seen: set[str] = set()
        self._right: set[str] = set()  # those that the system has made with this mode
        self._places: dict[int, str] = {}  # a directory on every file system there is below

    def make(self, directory: str) -> None:
        """Create ``directory`` if it does not exist."""
        if directory in self._seen:
            return
        if not directory:
            if not os.path.isdir(self._root):
                os.makedirs(os.path.dirname(os.path.abspath(self._root)), exist_ok=True)
                with suppress(FileExistsError):
                    self._mkdir(directory)
            self._places[os.stat(self._root).st_dev] = self._root
        else:
            self._make_below(directory)
        self._seen.add(directory)

    def _make_below(self, directory: str) -> None:
        while True:
            self.make(directory.rpartition("/")[0])
            try:
                return self._mkdir(directory)
            except FileExistsError:
                if self._is_ours(directory):
                    return None
            except FileNotFoundError:  # another process has deleted the parent
                self.lost(directory)

    def _mkdir(self, directory: str) -> None:
        """Make a directory with the mode that is wanted, whatever the umask and inherited ACLs.

        Where a parent has come out right, so do those in it.
        """
        path = f"{self._root}/{directory}"
        os.mkdir(path, self._mode)
        if directory.rpartition("/")[0] not in self._right:
            made = os.stat(path).st_mode
            if made & 0o777 != self._mode:
                os.chmod(path, made & 0o7000 | self._mode)
                return
        self._right.add(directory)

    def exists(self, directory: str) -> bool:
        """Return whether ``directory`` is there, inside of the tree."""
        if directory in self._seen:
            return True
        if not directory:
            return os.path.isdir(self._root)
        if not self.exists(directory.rpartition("/")[0]) or not self._is_ours(directory):
            return False
        self._seen.add(directory)
        return True

    def _is_ours(self, directory: str) -> bool:
        path = f"{self._root}/{directory}"
        try:
            found = os.lstat(path)
        except FileNotFoundError:
            return False
        if S_ISLNK(found.st_mode):
            raise InvalidInput(
                f"{path} is a symlink, which could lead out of {self._root}",
                hint="mount the other directory there, or make it a storage of its own",
            )
        if not S_ISDIR(found.st_mode):
            raise InvalidInput(f"{path} is a file where a directory has to be")
        self._places.setdefault(found.st_dev, path)
        return True

    def lost(self, directory: str) -> bool:
        """Return whether ``directory`` is gone; if so, look again at it and those above."""
        if os.path.isdir(f"{self._root}/{directory}"):
            return False
        while directory:
            self._seen.discard(directory)
            directory = directory.rpartition("/")[0]
        self._seen.discard("")
        return True

    def delete(self, paths: Iterable[str]) -> bool:
        """Delete files, and directories that are empty then; return whether any were there."""
        by_directory: dict[str, list[str]] = {}
        for path in paths:
            by_directory.setdefault(path.rpartition("/")[0], []).append(path)
        found, directory = False, ""
        try:  # once: a context for each directory takes as long as the deletion
            for directory, files in by_directory.items():
                if self.exists(directory):
                    found = True
                    for path in files:
                        unlink(f"{self._root}/{path}")
        except OSError as error:
            raise translation(directory, error) from error
        self.prune(by_directory)
        return found

    def prune(self, directories: Iterable[str]) -> None:
        """Delete ``directories`` and those above if they are empty, trying each once."""
        levels: dict[int, set[str]] = {}
        for directory in directories:
            if directory:
                levels.setdefault(directory.count("/"), set()).add(directory)
        while levels:
            deepest = max(levels)
            for directory in levels.pop(deepest):
                if self._remove(directory) and deepest:
                    levels.setdefault(deepest - 1, set()).add(directory.rpartition("/")[0])

    def _remove(self, directory: str) -> bool:
        """Delete a directory if it is empty; return whether it is gone."""
        try:
            os.rmdir(f"{self._root}/{directory}")
        except FileNotFoundError:
            pass
        except OSError:  # not empty
            return False
        self._seen.discard(directory)
        return True

    def files(self, directory: str) -> Iterator[str]:
        """Yield the paths of all files below ``directory``, sorted."""
        try:
            with os.scandir(f"{self._root}/{directory}") as entries:
                found = [
                    (entry.name, entry.is_dir(follow_symlinks=False), entry.is_file())
                    for entry in entries
                ]
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            raise RemoteError(f"cannot list {error.filename}: {error.strerror}") from error
        prefix = f"{directory}/" if directory else ""
        for name, is_directory, is_file in sorted(  # ``a-b`` stands before ``a/b``
            found, key=lambda entry: f"{entry[0]}/" if entry[1] else entry[0]
        ):
            if is_directory:
                yield from self.files(prefix + name)
            elif is_file:
                yield prefix + name

    def file_systems(self) -> Iterable[str]:
        """Return a directory on every file system that was written to."""
        return self._places.values()


def sync(places: Iterable[str]) -> None:
    """Sync the file systems of ``places``, and no others if the system can do that."""
    import ctypes  # slow to import, and not needed to publish

    library = ctypes.CDLL(None, use_errno=True)
    if not hasattr(library, "syncfs"):
        return os.sync()
    for place in list(places):
        descriptor = os.open(place, os.O_RDONLY | os.O_CLOEXEC)
        try:
            if library.syncfs(descriptor):
                code = ctypes.get_errno()
                raise OSError(code, os.strerror(code), place)
        finally:
            os.close(descriptor)
    return None

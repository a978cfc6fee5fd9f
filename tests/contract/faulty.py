"""Storages with one fault each, which kills archives: derived from the one of the file system."""

import os
import time
from contextlib import contextmanager

from debrepo.errors import Conflict, NotFound
from debrepo.storage import somebody_elses
from debrepo_publish_fs.storage import FileStorage


class PutsInPlace(FileStorage):
    def put(self, path, data, *, cache="volatile"):
        target = self._place(path)
        with target.open("wb") as file:
            for start in range(0, len(data), 1000):
                file.write(data[start : start + 1000])
                file.flush()

    def _place(self, path):
        super().put(path, b"") if self.stat(path) is None else None
        return self.root / path


class CommitsWithoutLooking(FileStorage):
    def commit(self, path, data, *, expected):
        self.put(path, data)


class LooksTooEarly(FileStorage):
    """Compares, and replaces later, without keeping others out."""

    def commit(self, path, data, *, expected):
        found = self.get(path) if self.stat(path) else None
        if found != expected:
            raise somebody_elses(path)
        self.put(path, data)


class ReplacesWhatIsServed(FileStorage):
    def link(self, file):
        if self.stat(file.path):
            self.put(file.path, file.source.read_bytes())
        else:
            super().link(file)


class ListsWhatIsHalfThere(FileStorage):
    def put(self, path, data, *, cache="volatile"):
        super().put(f"{path}.new", data)
        super().put(path, data)
        self.delete([f"{path}.new"])


class StumblesOverWhatIsGone(FileStorage):
    def delete(self, paths):
        for path in paths:
            if self.stat(path) is None:
                raise NotFound(f"no file {path}")
            super().delete([path])


class LocksNobodyOut(FileStorage):
    @contextmanager
    def exclusive(self, path):
        yield


class LinksInPlace(FileStorage):
    def link(self, file):
        if self._is_there(file):
            return
        self.put(file.path, b"")
        with file.source.open("rb") as source, (self.root / file.path).open("wb") as target:
            while piece := source.read(1 << 20):
                target.write(piece)

    def _is_there(self, file):
        found = self.stat(file.path)
        if found and found.size != file.size:
            raise Conflict(f"{file.path} is served with other content")
        return found is not None


class LinksOverARival(LinksInPlace):
    """Links whole files, but looks first, and replaces then."""

    def link(self, file):
        if not self._is_there(file):
            self.put(file.path, file.source.read_bytes())


class LocksForEver(FileStorage):
    """Has a lock file, which nobody deletes after a crash."""

    @contextmanager
    def exclusive(self, path):
        if getattr(self, "_mine", False):
            yield
            return
        lock = self.root.with_name("lock")
        while True:
            try:
                os.close(os.open(lock, os.O_CREAT | os.O_EXCL))
                break
            except FileExistsError:
                time.sleep(0.001)
        self._mine = True
        try:
            yield
        finally:
            self._mine = False
            lock.unlink()


class DatesInWholeSeconds(FileStorage):
    """Replaces files in no other second than the last, and says nothing of it."""

    def put(self, path, data, *, cache="volatile"):
        super().put(path, data, cache="immutable")


class SaysWhatTheSystemSays(FileStorage):
    """Lets errors of the operating system pass."""

    def link(self, file):
        if self._stat(file.path) is None:
            target = self.root / file.path
            target.parent.mkdir(parents=True, exist_ok=True)
            os.link(file.source, target)
        else:
            super().link(file)

"""A session that dies at the n-th thing it changes: in a storage, or in the database."""

from contextlib import contextmanager

from debrepo.errors import RemoteError
from debrepo.session import Session
from debrepo.storage import Storage


class Killed(BaseException):
    """What a process does not live to see."""


class Fate:
    """Counts what happens, and says when the end has come.

    A ``deadly`` end is one: nothing is done after it, whatever handlers try. Any other is a
    fault of the storage, or of the disk, after which all is well again.
    """

    def __init__(self):
        self.live()

    def live(self):
        """Forget what was, and let nothing happen from now on."""
        self.end = None
        self.deadly = True
        self.seen = []

    def strike(self, end, *, deadly=True):
        """Let it end instead of the thing with the number ``end``."""
        self.live()
        self.end, self.deadly = end, deadly

    def happens(self, what):
        """Take note of what is about to be done, or put an end to it."""
        number = len(self.seen)
        self.seen.append(what)
        if self.end is None or number < self.end:
            return
        if self.deadly:
            raise Killed(what)
        if number == self.end:
            raise RemoteError(f"no luck with {what}")


class CrashingStorage(Storage):
    """A storage whose every change may be the last."""

    coarse_dates = False

    def __init__(self, inner, fate):
        self._inner = inner
        self._fate = fate

    @classmethod
    def open(cls, name, options, root):
        raise NotImplementedError

    def put(self, path, data, *, cache="volatile"):
        self._fate.happens(f"put {path}")
        self._inner.put(path, data, cache=cache)

    def get(self, path):
        return self._inner.get(path)

    def link(self, file):
        self._fate.happens(f"link {file.path}")
        self._inner.link(file)

    links_directories = True

    def share_all(self, files):
        for path, old in files.items():
            self._fate.happens(f"share {path}")
            self._inner.share_all({path: old})
        return {}

    def link_directory(self, path, target):
        self._fate.happens(f"link directory {path}")
        self._inner.link_directory(path, target)

    def unlink_directory(self, path, *, unless=""):
        self._fate.happens(f"unlink directory {path}")
        self._inner.unlink_directory(path, unless=unless)

    def delete(self, paths):
        for path in paths:
            self._fate.happens(f"delete {path}")
            self._inner.delete([path])

    def stat(self, path):
        return self._inner.stat(path)

    def list(self, prefix=""):
        return self._inner.list(prefix)

    def commit(self, path, data, *, expected):
        self._fate.happens(f"commit {path}")
        self._inner.commit(path, data, expected=expected)

    def flush(self):
        self._inner.flush()

    def url(self, path=""):
        return self._inner.url(path)

    def close(self):
        self._inner.close()


class CrashingDatabase:
    """A database whose every commit may be the one that does not happen."""

    def __init__(self, inner, fate):
        self._inner = inner
        self._fate = fate

    def __getattr__(self, name):
        return getattr(self._inner, name)

    @contextmanager
    def write(self):
        with self._inner.write() as txn:
            yield txn
            self._fate.happens("write")

    def update(self, function):
        def fatal(txn):
            result = function(txn)
            self._fate.happens("write")
            return result

        return self._inner.update(fatal)


class CrashingSession(Session):
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.fate = Fate()

    @property
    def db(self):
        return CrashingDatabase(super().db, self.fate)

    def storage(self, endpoint):
        return CrashingStorage(super().storage(endpoint), self.fate)

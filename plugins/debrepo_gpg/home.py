"""The GnuPG home: where the keys are, and a view of it with an agent of our own.

A process of GnuPG's, the agent, keeps the secret keys, and talks through sockets in the
home. They break where the home's path is long or its file system odd, and a process that
ends an agent ends it for everybody. So each process of debrepo looks at the home through a view: a
directory with a short name, links to the key files, and an agent that goes when it goes.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import tempfile
import threading
import time
import weakref
from contextlib import closing, contextmanager, suppress
from errno import EDQUOT, ENOSPC
from pathlib import Path
from typing import TYPE_CHECKING

from debrepo.errors import SigningFailed, cannot_write

if TYPE_CHECKING:
    from collections.abc import Iterator

_PREFIX = "debrepo-gpg-"
_KEYRING = "pubring.kbx"
_DIRECTORIES = ("private-keys-v1.d", "openpgp-revocs.d")
_PKCS11 = "gnupg-pkcs11-scd.conf"  # of the daemon that stands in for that of smart cards
_FILES = (
    "pubring.gpg",
    "gpg.conf",
    "gpg-agent.conf",
    "scdaemon.conf",
    _PKCS11,
)
_LONGEST = 60  # of the 107 bytes that a socket's path may have
_YOUNG = 60  # seconds within which a view is sure to be locked


class View:
    """A temporary home with links to the files of another; deleted with its agent."""

    def __init__(self, home: Path) -> None:
        place = tempfile.gettempdir()
        if len(os.fsencode(place)) > _LONGEST:
            place = "/tmp"  # noqa: S108  # mkdtemp makes it safe
        _sweep(Path(place))
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))
        # As long as it is locked, neither `_sweep` nor systemd-tmpfiles touches it.
        descriptor = lock(self.path)
        self._finalizer = weakref.finalize(self, _delete, self.path, descriptor, os.getpid())
        for name in (*_DIRECTORIES, *_FILES):
            (self.path / name).symlink_to(home.absolute() / name)

    def close(self) -> None:
        """End the agent and delete the view; happens by itself when the program ends."""
        self._finalizer()


class Home:
    """A directory with keys; or, with no directory, whatever GnuPG itself would use."""

    def __init__(self, directory: Path | None) -> None:
        self.directory = directory
        self._view: View | None = None
        self._opening = threading.Lock()

    @property
    def is_serial(self) -> bool:
        """Whether its keys are in a token of PKCS#11: its daemon dies if two ask it at once."""
        user = Path(os.environ.get("GNUPGHOME") or Path("~/.gnupg").expanduser())
        return ((self.directory or user) / _PKCS11).exists()

    def exists(self) -> bool:
        """Return whether there is anything to look at."""
        return self.directory is None or self.directory.is_dir()

    def view(self) -> Path | None:
        """Return the directory to give to GnuPG for reading and signing, if any."""
        if self.directory is None:
            return None
        with self._opening:
            if self._view is None:
                self._view = View(self.directory)
                (self._view.path / _KEYRING).symlink_to(self.directory.absolute() / _KEYRING)
            return self._view.path

    @contextmanager
    def change(self) -> Iterator[Path | None]:
        """Yield the directory through which GnuPG can add keys; one process at a time may."""
        if self.directory is None:
            yield None
            return
        keyring = self.directory / _KEYRING
        with _made_and_locked(self.directory), closing(View(self.directory)) as view:
            copy = view.path / _KEYRING  # GnuPG would replace a link by a file
            if keyring.exists():
                shutil.copyfile(keyring, copy)
            yield view.path
            if copy.exists():
                partial = keyring.with_suffix(".partial")
                shutil.copyfile(copy, partial)
                os.sync()  # the secret keys too; it happens once in the life of a key
                partial.replace(keyring)


def check_space(*places: Path | None) -> None:
    """Raise `DatabaseFull` if GnuPG may have failed because it could not write to one of these.

    It says in words only what went wrong, so that the file systems are asked.
    """
    for place in filter(None, places):
        found = os.statvfs(place)
        if not found.f_bavail or (found.f_files and not found.f_favail):
            raise cannot_write(place, OSError(ENOSPC, os.strerror(ENOSPC)))


@contextmanager
def _made_and_locked(directory: Path) -> Iterator[None]:
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in _DIRECTORIES:
            (directory / name).mkdir(mode=0o700, exist_ok=True)
        descriptor = lock(directory)
    except OSError as error:
        if error.errno in {ENOSPC, EDQUOT}:
            raise cannot_write(directory, error) from error
        raise SigningFailed(f"cannot make keys in {directory}: {error.strerror}") from error
    try:
        yield
    finally:
        os.close(descriptor)


def lock(directory: Path, flags: int = fcntl.LOCK_EX) -> int:
    """Return a descriptor that holds the lock until it is closed."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, flags)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _sweep(place: Path) -> None:
    """Delete the views of processes that were killed, and end their agents."""
    for view in place.glob(_PREFIX + "*"):
        with suppress(OSError):  # somebody else's, or in use
            if time.time() - view.stat().st_mtime > _YOUNG:
                _delete(view, lock(view, fcntl.LOCK_EX | fcntl.LOCK_NB), os.getpid())


def _delete(view: Path, descriptor: int, owner: int) -> None:
    if os.getpid() != owner:  # a fork of the process that made it
        return
    with suppress(OSError), socket.socket(socket.AF_UNIX) as agent:
        agent.settimeout(5)
        agent.connect(str(view / "S.gpg-agent"))
        agent.recv(1024)  # its greeting
        agent.sendall(b"KILLAGENT\n")
        agent.recv(1024)
    shutil.rmtree(view, ignore_errors=True)
    os.close(descriptor)

"""Every error debrepo raises on purpose.

    DebrepoError                    exit 1    part of the work failed
    ├── InvalidInput                exit 2    the input is malformed
    │   └── InvalidPackage
    ├── NotFound                    exit 3    no such repository, snapshot, package …
    ├── AlreadyExists               exit 4
    ├── InUse                       exit 5    still published, still referenced
    ├── VerificationFailed          exit 6    a checksum or a signature does not match
    ├── RemoteError                 exit 7    a remote server failed
    ├── DatabaseError               exit 8
    │   ├── DatabaseBusy
    │   └── DatabaseFull
    ├── PluginError                 exit 9    a plugin is broken or lacks a dependency
    ├── SigningFailed               exit 10   no usable key, or signing failed
    ├── Conflict                    exit 11   the state changed in the meantime
    │   └── LeaseLost
    ├── NotAllowed                  exit 12   the token lacks the scope
    │   └── NotAuthenticated
    └── Cancelled                   exit 13   the work was cancelled

The class says what kind of thing went wrong, and fixes the exit code and the HTTP
status; the message says which repository, file or URL. Anything that is *not* a
`DebrepoError` is a bug in debrepo and is shown with its traceback.
"""

from __future__ import annotations

import os
from errno import EDQUOT, EFBIG, ENOSPC
from typing import ClassVar


class DebrepoError(Exception):
    """Base of the hierarchy; catch it for every error that debrepo reports."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint

    def __reduce__(self) -> tuple[object, ...]:  # so that it crosses process boundaries whole
        return _rebuild, (type(self), str(self), self.hint)


def _rebuild(kind: type[DebrepoError], message: str, hint: str) -> DebrepoError:
    return kind(message, hint=hint)


class InvalidInput(DebrepoError):
    """The input is malformed."""

    exit_code = 2


class InvalidPackage(InvalidInput):
    """A file is not a Debian package, or its control file breaks Policy."""

    limit = ""  #: of the settings ``ingest.limits``, the one that allows no more


class NotFound(DebrepoError):
    """The requested object does not exist."""

    exit_code = 3


class AlreadyExists(DebrepoError):
    """An object with that name exists already."""

    exit_code = 4


class InUse(DebrepoError):
    """The object cannot be dropped while something refers to it."""

    exit_code = 5


class VerificationFailed(DebrepoError):
    """A checksum or a signature does not match."""

    exit_code = 6


class RemoteError(DebrepoError):
    """A remote archive or a publish target failed."""

    exit_code = 7


class DatabaseError(DebrepoError):
    """The package database cannot complete the operation."""

    exit_code = 8


class DatabaseBusy(DatabaseError):
    """Another process holds a lock, and did not release it in time."""


class DatabaseFull(DatabaseError):
    """There is no space left, in the file system or in the database's map."""


class PluginError(DebrepoError):
    """A plugin cannot be loaded or lacks a dependency."""

    exit_code = 9


class SigningFailed(DebrepoError):
    """There is no usable signing key, or the signature could not be made."""

    exit_code = 10


class AmbiguousKey(SigningFailed):
    """No key was chosen, and several can sign."""


class Conflict(DebrepoError):
    """The state that a change was based on has changed; nothing was written."""

    exit_code = 11


class LeaseLost(Conflict):
    """Another node has taken over what this one worked on; it was stopped or cut off too long."""


class NotAllowed(DebrepoError):
    """The caller lacks the scope for the request."""

    exit_code = 12


class NotAuthenticated(NotAllowed):
    """The token is missing, unknown, revoked or expired."""


class Cancelled(DebrepoError):
    """The work was cancelled: by its caller, by a limit, or by the end of the server."""

    exit_code = 13


def cannot_write(place: object, error: OSError, *, hint: str = "") -> DatabaseError:
    """Return what to raise where ``place``, below the root, could not be written.

    That is `DatabaseFull` wherever space, a quota or the largest size of a file is used up.
    """
    why = os.strerror(error.errno) if error.errno else str(error)
    if error.errno in {ENOSPC, EDQUOT, EFBIG}:
        return DatabaseFull(f"cannot write {place}: {why}", hint=hint or "free some space")
    return DatabaseError(f"cannot write {place}: {why}", hint=hint)

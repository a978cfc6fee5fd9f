"""Calls of a storage, for contracts that make each of them while its service fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from debrepo.storage import PoolLink, Storage

COMMIT = "dists/stable/InRelease"
RELEASE = "dists/stable/Release"
DEB = "pool/a.deb"
CALLS = ("put", "get", "stat", "link", "link_all", "delete", "list", "commit", "exclusive")
#: What is there after `prepare`, and after a call that has changed nothing.
NOTHING_DONE = {COMMIT: b"1", RELEASE: b"old"}


def prepare(storage: Storage) -> None:
    """Put there what the calls find, replace and delete."""
    storage.put(RELEASE, b"old")
    storage.commit(COMMIT, b"1", expected=None)


def do(call: str, storage: Storage, pool_file: Callable[[str, bytes], PoolLink]) -> object:
    """Do one of `CALLS`, and return what it is asked for."""
    match call:
        case "put":
            storage.put(RELEASE, b"new")
        case "get":
            return storage.get(RELEASE)
        case "stat":
            found = storage.stat(RELEASE)
            return found and found.size
        case "link":
            storage.link(pool_file(DEB, b"a"))
        case "link_all":
            storage.link_all([pool_file(DEB, b"a"), pool_file("pool/b.deb", b"b")])
        case "delete":
            storage.delete([RELEASE, "dists/nothing"])
        case "list":
            return list(storage.list())
        case "commit":
            storage.commit(COMMIT, b"2", expected=b"1")
        case "exclusive":
            with storage.exclusive(COMMIT):
                storage.put(RELEASE, b"new")
    return None

"""Commits: the one replacement that makes a generation take effect.

No other publisher may change a name between reading what is live and replacing it, or names
of two publishers get mixed. If a storage returns versions, this takes neither a lock nor a
read: every publish first replaces a small file, the *turn*, on condition of its version. Only
one of several publishers that know the version succeeds, and goes on. A publisher that does
not know the version takes a lock.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from debrepo.errors import NotFound
from debrepo.storage import somebody_elses
from debrepo.values import NamedTuple
from debrepo_publish.engine.layout import hashed_paths
from debrepo_publish.model.publication import Switch, commit_path

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import ExitStack

    from debrepo.storage import Storage
    from debrepo_publish.engine.plan import Plan
    from debrepo_publish.engine.staged_bytes import StagedBytes
    from debrepo_publish.engine.staging import Staged
    from debrepo_publish.model.publication import Index, Publication

_ANY = "any"


def current(storage: Storage, path: str) -> bytes | None:
    """Return the content at ``path``, or ``None`` if there is no file."""
    try:
        return storage.get(path)
    except NotFound:
        return None


def turn_path(publication: Publication) -> str:
    """Return the path of the file that every publish replaces first."""
    return f"dists/{publication.distribution}/~debrepo-turn"


class Secured(NamedTuple):
    """What keeps other publishers out, and what it takes to finish after a crash."""

    turn: str  #: the version of the turn, if the storage has versions
    switch: Switch


def secure(
    storage: Storage, plan: Plan, staged: Staged, alone: ExitStack, *, overwrite: bool, force: bool
) -> Secured:
    """Keep other publishers out until the commit, or raise `Conflict`.

    Everything that can be done before a name changes is done. ``alone`` holds the lock, if
    there is one.
    """
    publication = plan.publication
    turn, token = publication.path(turn_path(publication)), os.urandom(16).hex().encode()
    known = _versions(plan, overwrite=overwrite)
    if known:  # and no local file system: only those have anything to prepare
        version = storage.replace(turn, token, version=known[turn_path(publication)])
        return Secured(version, _switch(plan, staged, overwrite=overwrite))
    path = publication.path(commit_path(publication))
    alone.enter_context(storage.exclusive(path))
    files = _files(plan, staged).below(publication.path)
    same = {publication.path(name): publication.path(to) for name, to in staged.same.items()}
    alone.enter_context(storage.prepared(files, same))
    if not force and not changes_hands(plan) and current(storage, path) != staged.expected:
        raise somebody_elses(path)
    version = storage.put(turn, token) or "" if storage.has_versions else ""
    return Secured(version, _switch(plan, staged, overwrite=overwrite))


def _versions(plan: Plan, *, overwrite: bool) -> Mapping[str, str]:
    """Return the versions of what is live, if they are enough to commit without a lock."""
    if overwrite or plan.previous is None or changes_hands(plan):
        return {}
    known = plan.previous.versions
    needed = {turn_path(plan.publication), commit_path(plan.publication)}
    return known if known.keys() >= needed else {}


def changes_hands(plan: Plan) -> bool:
    """Return whether the file that commits is another one than last time."""
    before = plan.previous
    return before is not None and (before.publication.skip_signing != plan.publication.skip_signing)


def _wait_for_another_second(before: int) -> None:
    """Wait until a replacement gets another date than one made in the second ``before``.

    Otherwise a client that fetched the file in between is told that it has not changed, now
    and later.
    """
    time.sleep(min(max(before + 2 - time.time(), 0), 2))


def commit(storage: Storage, plan: Plan, staged: Staged, *, overwrite: bool) -> dict[str, str]:
    """Replace the names of a staged generation, and last the file that clients start from.

    ``overwrite`` replaces whatever is there. Return the version of each file that
    was replaced, or an empty string if the storage has no versions.
    """
    publication = plan.publication
    last = commit_path(publication)
    known = _versions(plan, overwrite=overwrite)
    release = next(iter(_releases(publication, staged.release, staged.signed)))
    made: dict[str, str] = {}
    for path, data in _files(plan, staged).items():
        there, version = publication.path(path), known.get(path)  # new names have none
        if path == release and storage.coarse_dates and plan.previous:
            _wait_for_another_second(plan.previous.committed)
        if version:
            made[path] = storage.replace(there, data, version=version)
        elif path == last and not overwrite and not changes_hands(plan):
            made[path] = storage.commit(there, data, expected=staged.expected) or ""
        else:
            made[path] = storage.put(there, data) or ""
    if publication.skip_signing and not known:
        _delete_signatures(storage, publication)
    if publication.verbatim:
        _delete_stale(storage, publication, staged.signed)
    storage.flush()
    return made


def _files(plan: Plan, staged: Staged) -> StagedBytes:
    """Return the files to replace, by path below the prefix, in the order of replacement.

    New names come first: creating one may fail, and the live generation does not list it.
    """
    previous = plan.previous
    known = (
        {root + path for root in previous.publication.roots for path in previous.indexes}
        if previous
        else set()
    )
    names = sorted(staged.names, key=known.__contains__)
    releases = _releases(plan.publication, staged.release, staged.signed)
    return staged.names.ordered(names, releases)


def _releases(
    publication: Publication, release: bytes, signed: Mapping[str, bytes]
) -> dict[str, bytes]:
    """Return the Release files by path: those of aliases first, that which commits last."""
    own = publication.roots[-1]
    files = {release_path(publication): release, **signed}
    return {
        root + path.removeprefix(own): data
        for root in publication.roots
        for path, data in files.items()
    }


def _delete_signatures(storage: Storage, publication: Publication) -> None:
    storage.delete([publication.path(path) for path in signature_paths(publication)])


def _delete_stale(storage: Storage, publication: Publication, signed: Mapping[str, object]) -> None:
    """Delete a detached signature that the archive has none of: it is of another generation."""
    own = publication.roots[-1]
    if own + "Release.gpg" not in signed:
        storage.delete([publication.path(f"{root}Release.gpg") for root in publication.roots])


def signature_paths(publication: Publication) -> list[str]:
    """Return where the signatures are, below the prefix."""
    return [root + name for root in publication.roots for name in ("InRelease", "Release.gpg")]


def release_path(publication: Publication) -> str:
    """Return where the Release file is, below the prefix."""
    return f"dists/{publication.distribution}/Release"


def _switch(plan: Plan, staged: Staged, *, overwrite: bool) -> Switch:
    """Return what `resume` needs when a crash comes between the first name and the last."""
    files = _releases(plan.publication, staged.release, staged.signed)
    texts = {path: data.decode(errors="surrogateescape") for path, data in files.items()}
    if overwrite or changes_hands(plan):
        return Switch(texts, _ANY)
    return Switch(texts, _digest(staged.expected))


def _digest(data: bytes | None) -> str:
    import hashlib  # it loads OpenSSL, which not every command needs

    return "" if data is None else hashlib.sha256(data).hexdigest()


def resume(
    storage: Storage, publication: Publication, indexes: Mapping[str, Index], switch: Switch
) -> bool:
    """Replace all names of a generation after a crash between the first and the last of them.

    Return ``False``, and change nothing, if another publisher has published since, or if
    by-hash files are missing.
    """
    root, last = f"dists/{publication.distribution}/", publication.path(commit_path(publication))
    releases = {
        publication.path(path): text.encode(errors="surrogateescape")
        for path, text in switch.releases.items()
    }
    same: dict[str, str] = {}
    for path, index in indexes.items():
        if index.stored and index.listed:
            for hashed in hashed_paths(publication, root + path, index)[:1]:
                for one in publication.roots:
                    same[publication.path(one + path)] = publication.path(hashed)
    with storage.exclusive(last):
        there = current(storage, last)
        if (
            switch.expected != _ANY
            and there != releases[last]
            and _digest(there) != switch.expected
        ):
            return False
        try:
            files = {path: storage.get(hashed) for path, hashed in same.items()} | releases
        except NotFound:
            return False
        named = sum(index.stored and index.listed for index in indexes.values())
        if len(same) < named * len(publication.roots):
            return False
        first = next(iter(releases))
        with storage.prepared(files, same):
            for path, data in files.items():
                if path == first and storage.coarse_dates:
                    _wait_for_another_second(int(time.time()))
                storage.put(path, data)
        if publication.skip_signing:
            _delete_signatures(storage, publication)
        if publication.verbatim:
            _delete_stale(storage, publication, switch.releases)
        storage.flush()
    return True

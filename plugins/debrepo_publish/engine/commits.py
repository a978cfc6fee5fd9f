"""Commits: the one replacement that makes everything else take effect.

Whoever commits has to be alone from the look at what is live to its replacement, or the names
of two publishers are mixed. Where a storage returns versions, nothing needs to be locked or
read for that: a small file, the *turn*, is replaced by every publish before it touches a name.
Of those who know its version one can, and is alone with what comes after. Who does not know
it takes a lock.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from debrepo.errors import NotFound
from debrepo.storage import somebody_elses
from debrepo_publish.model.publication import commit_path

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import ExitStack

    from debrepo.storage import Storage
    from debrepo_publish.engine.plan import Plan
    from debrepo_publish.engine.staging import Staged
    from debrepo_publish.model.publication import Publication


def current(storage: Storage, path: str) -> bytes | None:
    """Return what is served at ``path``, if anything."""
    try:
        return storage.get(path)
    except NotFound:
        return None


def turn_path(publication: Publication) -> str:
    """Return where the file is that whoever publishes replaces first."""
    return f"dists/{publication.distribution}/~debrepo-turn"


def secure(
    storage: Storage, plan: Plan, staged: Staged, alone: ExitStack, *, overwrite: bool, force: bool
) -> str:
    """Keep others from publishing here until this is committed, or raise `Conflict`.

    Return the version of the turn, where the storage has versions; ``alone`` holds the lock,
    if it took one.
    """
    publication = plan.publication
    turn, token = publication.path(turn_path(publication)), os.urandom(16).hex().encode()
    known = _versions(plan, overwrite=overwrite)
    if known:
        return storage.replace(turn, token, version=known[turn_path(publication)])
    path = publication.path(commit_path(publication))
    alone.enter_context(storage.exclusive(path))
    if not force and not changes_hands(plan) and current(storage, path) != staged.expected:
        raise somebody_elses(path)
    return storage.put(turn, token) or "" if storage.has_versions else ""


def _versions(plan: Plan, *, overwrite: bool) -> Mapping[str, str]:
    """Return the versions of what is live, if all that counts can be replaced by them."""
    if overwrite or plan.previous is None or changes_hands(plan):
        return {}
    known = plan.previous.versions
    needed = {turn_path(plan.publication), commit_path(plan.publication)}
    return known if known.keys() >= needed else {}


def changes_hands(plan: Plan) -> bool:
    """Tell whether the file that commits is another one than last time."""
    before = plan.previous
    return before is not None and (before.document["skip_signing"] != plan.publication.skip_signing)


def _wait_for_another_second(before: int) -> None:
    """Wait until a replacement has another date than one that was made by the second ``before``.

    Else a client that fetched the file in between would hear that it has not changed, and
    go on hearing so.
    """
    time.sleep(min(max(before + 2 - time.time(), 0), 2))


def commit(storage: Storage, plan: Plan, staged: Staged, *, overwrite: bool) -> dict[str, str]:
    """Let the names lead to a staged generation; the file that clients start from is last.

    ``overwrite`` tells that nothing is expected there. Return the version of each file that
    was replaced, or nothing where the storage does not say it.
    """
    publication = plan.publication
    last = commit_path(publication)
    known = _versions(plan, overwrite=overwrite)
    release = f"dists/{publication.distribution}/Release"
    files = {**staged.names, release: staged.release, **staged.signed}
    made: dict[str, str] = {}
    for path, data in files.items():
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
        root = f"dists/{publication.distribution}/"
        stale = (root + "InRelease", root + "Release.gpg")
        storage.delete([publication.path(path) for path in stale])
    storage.flush()
    return made

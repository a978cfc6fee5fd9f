"""Commits: the one replacement that makes everything else take effect.

Whoever commits has to be alone from the look at what is live to its replacement, or the names
of two publishers are mixed. Where the storage has returned versions, nothing needs to be locked
or read for that: of those who know the version of ``Release``, one can replace it, and is alone
with what comes after. Who does not know it takes a lock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo.errors import NotFound
from debrepo.storage import somebody_elses
from debrepo_publish.model import commit_path

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import ExitStack

    from debrepo.storage import Storage
    from debrepo_publish.plan import Plan
    from debrepo_publish.staging import Staged


def current(storage: Storage, path: str) -> bytes | None:
    """Return what is served at ``path``, if anything."""
    try:
        return storage.get(path)
    except NotFound:
        return None


def secure(
    storage: Storage, plan: Plan, staged: Staged, alone: ExitStack, *, anew: bool, force: bool
) -> str:
    """Keep others from publishing here until this is committed, or raise `Conflict`.

    Return the version of ``Release``, if replacing that did it; else there is a lock.
    """
    publication = plan.publication
    known = {} if anew or changes_hands(plan) else _versions(plan, staged)
    if known:
        release = f"dists/{publication.distribution}/Release"
        return storage.replace(publication.path(release), staged.release, version=known[release])
    path = publication.path(commit_path(publication))
    alone.enter_context(storage.exclusive(path))
    if not force and not changes_hands(plan) and current(storage, path) != staged.expected:
        raise somebody_elses(path)
    return ""


def _versions(plan: Plan, staged: Staged) -> Mapping[str, str]:
    """Return the versions that are known, if those of the files with the signatures are."""
    if plan.previous is None or plan.publication.skip_signing:
        return {}
    root = f"dists/{plan.publication.distribution}/"
    known = plan.previous.versions
    return known if known.keys() >= {root + "Release", *staged.signed} else {}


def changes_hands(plan: Plan) -> bool:
    """Tell whether the file that commits is another one than last time."""
    before = plan.previous
    return before is not None and (before.document["skip_signing"] != plan.publication.skip_signing)


def commit(
    storage: Storage, plan: Plan, staged: Staged, *, release: str, overwrite: bool
) -> dict[str, str | None]:
    """Let the names lead to a staged generation; the file that clients start from is last.

    ``release`` is what `secure` returned; ``overwrite`` tells that nothing is expected there.
    Return the version of each file that was replaced, as far as the storage says it.
    """
    if release:
        return _commit_alone(storage, plan, staged, release)
    publication = plan.publication
    last = commit_path(publication)
    root = f"dists/{publication.distribution}/"
    files = {**staged.names, root + "Release": staged.release, **staged.signed}
    data = files.pop(last)
    made = {path: storage.put(publication.path(path), text) for path, text in files.items()}
    if overwrite or changes_hands(plan):
        made[last] = storage.put(publication.path(last), data)
    else:
        made[last] = storage.commit(publication.path(last), data, expected=staged.expected)
    if publication.skip_signing:
        stale = (root + "InRelease", root + "Release.gpg")
        storage.delete([publication.path(path) for path in stale])
    storage.flush()
    return made


def _commit_alone(
    storage: Storage, plan: Plan, staged: Staged, release: str
) -> dict[str, str | None]:
    """Replace what comes after ``Release``, where it is what was left there.

    Names that are new, or were not needed for a while, have no version.
    """
    assert plan.previous
    publication = plan.publication
    root = f"dists/{publication.distribution}/"
    files = {**staged.names, **staged.signed}
    made: dict[str, str | None] = {root + "Release": release}
    for path in (root + "Release.gpg", *staged.names, root + "InRelease"):
        there, version = publication.path(path), plan.previous.versions.get(path)
        if version:
            made[path] = storage.replace(there, files[path], version=version)
        else:
            made[path] = storage.put(there, files[path])
    storage.flush()
    return made

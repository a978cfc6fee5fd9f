"""Commits: the one replacement that makes everything else take effect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo.errors import Conflict, NotFound
from debrepo_publish.model import commit_path

if TYPE_CHECKING:
    from debrepo.storage import Storage
    from debrepo_publish.plan import Plan
    from debrepo_publish.staging import Staged


def current(storage: Storage, path: str) -> bytes | None:
    """Return what is served at ``path``, if anything."""
    try:
        return storage.get(path)
    except NotFound:
        return None


def check_expected(storage: Storage, plan: Plan, staged: Staged, *, force: bool) -> None:
    """Raise `Conflict` when somebody else has published here since this publisher last did."""
    path = plan.publication.path(commit_path(plan.publication))
    if force or _changes_hands(plan):
        return
    if current(storage, path) != staged.expected:
        raise Conflict(
            f"{path} is not what this debrepo left there",
            hint="does another one publish to this place? --force takes it over",
        )


def _changes_hands(plan: Plan) -> bool:
    """Tell whether the file that commits is another one than last time."""
    before = plan.previous
    return before is not None and (before.document["skip_signing"] != plan.publication.skip_signing)


def commit(
    storage: Storage, plan: Plan, staged: Staged, *, dirty: bool, force: bool
) -> frozenset[str]:
    """Let the names lead to a staged generation; the file that clients start from is last."""
    publication = plan.publication
    last = commit_path(publication)
    root = f"dists/{publication.distribution}/"
    release_files = {root + "Release": staged.release, **staged.signed}
    for path, data in staged.names.items():
        storage.put(publication.path(path), data)
    for path, data in release_files.items():
        if path != last:
            storage.put(publication.path(path), data)
    if force or dirty or _changes_hands(plan):
        storage.put(publication.path(last), release_files[last])
    else:
        storage.commit(publication.path(last), release_files[last], expected=staged.expected)
    if publication.skip_signing:
        stale = (root + "InRelease", root + "Release.gpg")
        storage.delete([publication.path(path) for path in stale])
    storage.flush()
    return frozenset(publication.path(path) for path in (*staged.names, *release_files))

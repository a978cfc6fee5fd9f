"""Foreign files: those at a place that debrepo did not write."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo.errors import Conflict
from debrepo_publish.engine import ledger
from debrepo_publish.model import publications
from debrepo_publish.model.publication import Publication, commit_path

if TYPE_CHECKING:
    from debrepo.session import Session
    from debrepo.storage import Storage
    from debrepo_publish.engine.plan import Plan


def check_free(session: Session, storage: Storage, publication: Publication) -> None:
    """Raise `Conflict` if a place that is new to debrepo holds a published archive.

    Its package files may be the same as ours, and would be deleted together with ours.
    """
    with session.db.read() as txn:
        if publications.known_at(txn, publication.place):
            return
    path = publication.path(commit_path(publication))
    pool = next(iter(storage.list(publication.path("pool"))), None)
    found = pool or (path if storage.stat(path) else None)
    if found:
        raise Conflict(
            f"another publisher has published in {publication.place}: there is {found}",
            hint="publish to another prefix, or take this one over with --force",
        )


def check_aliases(session: Session, storage: Storage, plan: Plan) -> None:
    """Raise `Conflict` if an alias that is new is a distribution of somebody else's."""
    publication = plan.publication
    known = plan.previous.publication.aliases if plan.previous else ()
    for alias in publication.aliases:
        for name in ("InRelease", "Release") if alias not in known else ():
            path = f"dists/{alias}/{name}"
            with session.db.read() as txn:
                ours = ledger.get(txn, publication.place, path) is not None
            if not ours and storage.stat(publication.path(path)) is not None:
                raise Conflict(
                    f"another publisher has published {alias} in {publication.place}",
                    hint="choose another alias, or take this one over with --force",
                )


def make_room(session: Session, storage: Storage, plan: Plan) -> None:
    """Delete foreign files at the paths of files to be published."""
    publication = plan.publication
    for file in plan.additions:
        if file.path not in plan.missing:
            continue
        with session.db.read() as txn:
            ours = ledger.get(txn, publication.place, file.path) is not None
        path = publication.path(file.path)
        if ours or storage.stat(path) is None:
            continue
        if storage.sha256(path) != file.sha256:
            session.progress.note(f"Replacing {path}, which debrepo did not write.")
            storage.delete([path])

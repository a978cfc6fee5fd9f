"""Dropping a publication, with the files that only it needs."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from debrepo.errors import DebrepoError
from debrepo.stopping import checkpoint, watching
from debrepo.values import NamedTuple
from debrepo_publish.engine import (
    announcing,
    client_files,
    commits,
    expecting,
    places,
    recovery,
    superseded,
)
from debrepo_publish.model import publications
from debrepo_publish.model.publication import commit_path

if TYPE_CHECKING:
    from collections.abc import Mapping

    from debrepo.session import Session
    from debrepo.storage import Storage
    from debrepo_publish.model.publication import Publication


class Dropped(NamedTuple):
    """The result of dropping a publication."""

    publication: Publication
    files: int  #: that were deleted, besides its Release files
    requests: Mapping[str, int]  #: as those of a `Result`


def drop(
    session: Session,
    place: str,
    distribution: str,
    *,
    skip_cleanup: bool = False,
    force: bool = False,
) -> Dropped:
    """Drop a publication, and delete the files that only it needs.

    With ``skip_cleanup``, its files stay until the next publish or drop in the place. With
    ``force``, files that cannot be deleted stay, and are foreign from then on.
    """
    key = f"{place} {distribution}"
    if not force:
        session.check_thawed()
    with places.hold(session, place), session.db.steady() as steady:
        session = session.seeing(steady)
        with session.db.read() as txn:
            expecting.publication(txn, session.hook, place, key, expecting.NOTHING)
            publication = publications.get(txn, key)
            live = publications.live(txn, key)
        done = Dropped(publication, 0, {})
        deleted: list[str] = []
        checkpoint()
        try:
            with closing(session.storage(publication.storage)) as storage, watching(None):
                recovery.recover(session, storage, key)
                deleted = _drop(session, storage, publication, skip_cleanup=skip_cleanup)
                done = done._replace(files=len(deleted), requests=storage.statistics())
        except DebrepoError as error:
            if not force:
                raise
            session.progress.note(f"Files of {publication} stay behind: {error}")
            recovery.drop(session, publication)
    gone = [*_releases(publication), *(announcing.names(publication, live) if live else ())]
    announcing.announce(session.seeing(None), publication, live, None, [*gone, *deleted])
    return done


def _releases(publication: Publication) -> list[str]:
    names = ("InRelease", "Release", "Release.gpg")
    return [publication.path(root + name) for root in publication.roots for name in names]


def _drop(
    session: Session, storage: Storage, publication: Publication, *, skip_cleanup: bool
) -> list[str]:
    with storage.exclusive(publication.path(commit_path(publication))):
        superseded.check_live(session, storage, publication, "--force-drop leaves it alone")
        ours = [publication.path(commits.turn_path(publication))] if storage.has_versions else []
        storage.delete([*_releases(publication), *ours])
    files = client_files.delete(session, storage, publication)
    recovery.retire(session, publication)
    if not skip_cleanup:
        files += superseded.clean_up(session, storage, publication, everything=True)
    with session.db.write() as txn:
        recovery.remove(session, txn, publication)
    if not skip_cleanup:
        files += superseded.clean_up_dropped(session, storage, publication.place)
    return files

"""Watching: uploads are included as they arrive in a directory, and those refused set aside."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from debrepo import clock, templates
from debrepo.errors import DebrepoError, InvalidInput
from debrepo.ingest import configured_limits
from debrepo.stopping import checkpoint
from debrepo_local import including, repos
from debrepo_local.incoming import IncomingQueue, claimed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from debrepo.session import Session
    from debrepo_local.including import Terms
    from debrepo_local.incoming import Waiting

_POSTPONED = 60.0  # seconds after a failure that is not the upload's
_LONGEST = 86400  # seconds


class WatchPace(NamedTuple):
    """How a directory is watched; all but ``patience`` in seconds."""

    interval: float = 2.0  #: between two looks
    settle: float = 5.0  #: without a change until a file counts as complete
    patience: str = "1d"  #: until an upload that lacks files is refused
    once: bool = False


class WatchedUpload(NamedTuple):
    """What became of an upload that has arrived."""

    name: str  #: of its .changes
    repo: str
    packages: tuple[str, ...]
    reason: str = ""  #: why it was refused; empty if it is in
    hint: str = ""
    aside: str = ""  #: the directory that it was moved to


def watch(
    session: Session, directory: Path, terms: Terms, pace: WatchPace
) -> Iterator[WatchedUpload]:
    """Include the uploads that arrive in a directory, and yield what became of each.

    Without ``once`` it never ends. Failures that are none of the upload's are warnings: it is tried
    again. With ``once``, the first of them is raised when all have been looked at.
    """
    queue = IncomingQueue(
        directory,
        configured_limits(session.config),
        settle=pace.settle,
        patience=max(float(clock.span(pace.patience)), pace.settle),
    )
    if not (0 < pace.interval <= _LONGEST and 0 <= pace.settle <= _LONGEST):  # nor "nan"
        raise InvalidInput(
            "an interval is more than 0 seconds, and files settle in 0 or more",
            hint=f"give {_LONGEST} seconds at most",
        )
    queue.check()
    _check_repo(session, terms)
    terms = terms._replace(remove_files=False)  # the queue does, so that it can be resumed
    failure: DebrepoError | None = None
    while True:
        queue.resume()
        for waiting in queue.ready():
            checkpoint()
            done = _take(session, queue, waiting, terms)
            if isinstance(done, DebrepoError):
                failure = failure or done
            elif done is not None:
                yield done
        if pace.once and failure is not None:
            raise failure
        if pace.once:
            return
        checkpoint()
        time.sleep(pace.interval)


def _check_repo(session: Session, terms: Terms) -> None:
    """Raise `NotFound` where all uploads would be refused, as their repository is not there."""
    templates.parse(terms.repo)
    if "{{" not in terms.repo:
        with session.db.read() as txn:
            repos.get(txn, terms.repo)


def _take(
    session: Session, queue: IncomingQueue, waiting: Waiting, terms: Terms
) -> WatchedUpload | DebrepoError | None:
    """Include or refuse an upload, unless another process does; return why it has to wait."""
    with claimed(waiting.changes) as mine:
        if not mine:
            return None
        try:
            return _judge(session, queue, waiting, terms)
        except DebrepoError as error:
            name = waiting.changes.name
            session.progress.warn(f"Warning: {name} waits: {error}.")
            queue.postpone(waiting.changes, _POSTPONED)
            return error


def _judge(session: Session, queue: IncomingQueue, waiting: Waiting, terms: Terms) -> WatchedUpload:
    path = waiting.changes
    if waiting.fault:
        done = including.refused(path, InvalidInput(waiting.fault))
    else:
        done = including.include_one(session, path, terms)
    if done.error is not None and including.is_passing(done.error):
        raise done.error
    upload = done.upload
    aside = ""
    if done.error is None:
        queue.included(path)
    else:
        lines = [f"{path.name} was refused: {upload.reason}", *filter(None, [done.error.hint])]
        aside = str(queue.refuse(path, "\n".join(lines)))
    including.tell_judged(session, done)
    hint = done.error.hint if done.error else ""
    return WatchedUpload(path.name, upload.repo, upload.packages, upload.reason, hint, aside)

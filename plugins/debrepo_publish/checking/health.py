"""Health: how every publication is, stored and as clients get it, and the cache of indexes."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from debrepo import clock
from debrepo.cli.output import size
from debrepo.errors import Cancelled, DebrepoError
from debrepo.health import Checkup, Concern
from debrepo_publish.checking import comparing
from debrepo_publish.checking.problems import Fault
from debrepo_publish.engine import renewing, signers
from debrepo_publish.indexes import cache as caching
from debrepo_publish.model import publications
from debrepo_publish.model.tables import PUBLICATIONS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TypeGuard

    from debrepo.health import Severity
    from debrepo.session import Session
    from debrepo_publish.model.publication import Generation, Publication

_MOST = 5  # problems of a publication that are named
_KEYS = 'run "debrepo key check"'
_SOON = {Fault.KEY_EXPIRES, Fault.SUPERSEDED}  # what clients do not notice yet


def checkups(session: Session, *, thorough: bool) -> Iterator[Checkup]:
    """Yield how each publication is; ``thorough``: every package file is read."""
    with session.db.read() as txn:
        known = [(one, publications.live(txn, one.key)) for one in txn[PUBLICATIONS].values()]
    for publication, live in session.progress.track("Checking publications", known):
        found = [
            *_validity(session, publication, live),
            *_unsignable(session, publication),
            *_verified(session, publication, files=thorough),
        ]
        until = f"valid until {clock.moment(live.expires):%Y-%m-%d}" if _ends(live) else ""
        yield Checkup("publication", str(publication), tuple(found), until)
    if known:
        yield _cache(session)


def _ends(live: Generation | None) -> TypeGuard[Generation]:
    return live is not None and live.expires > 0


def _cache(session: Session) -> Checkup:
    """Return how large the cache is; what is live stays in it, so it can be beyond its limit."""
    limit = session.config["publish.cache_size"]
    with caching.opened(session.root) as cache:
        held = cache.size()
    found: tuple[Concern, ...] = ()
    if held > limit:
        hint = "raise publish.cache_size, or each publish looks for what it could delete"
        found = (Concern("warning", f"holds {size(held)}, more than its limit", hint),)
    return Checkup("cache", str(session.root / "cache"), found, f"{size(held)} of {size(limit)}")


def _unsignable(session: Session, publication: Publication) -> Iterator[Concern]:
    """Yield that keys of its own cannot sign it any more; those of the settings are keys."""
    if not publication.keys:
        return
    try:
        signers.resolve(session, publication)
    except DebrepoError as error:
        yield Concern("error", f"cannot be signed again: {error}", error.hint)


def _validity(
    session: Session, publication: Publication, live: Generation | None
) -> Iterator[Concern]:
    """Yield that clients will soon refuse it; what they refuse already, verifying says."""
    if live is None:
        yield Concern(
            "warning", "is not live yet", f'run "debrepo publish update {publication.words}"'
        )
        return
    due = renewing.validity(session, publication, live)
    if due and live.expires > clock.now():
        yield Concern("warning", due, 'run "debrepo publish renew"')


def _verified(session: Session, publication: Publication, *, files: bool) -> Iterator[Concern]:
    hint = f'run "debrepo publish repair {publication.words}"'
    try:
        with closing(session.storage(publication.storage)) as storage:
            url = storage.url("" if publication.prefix == "." else publication.prefix)
            found = comparing.verify_stored(session, storage, publication, files=files)
        yield from _concerns(found, "", hint)
        if url.startswith(("http://", "https://")):
            served = comparing.verify(session, publication, url=url, keyring=b"", files=False)
            stored = set(found.problems)
            at_url = [problem for problem in served.problems if problem not in stored]
            hint = f'run "debrepo publish verify --url {url} {publication.words}"'
            yield from _concerns(served._replace(problems=at_url), f"at {url}: ", hint)
    except Cancelled:
        raise
    except DebrepoError as error:
        yield Concern("error", f"cannot be checked: {error}", error.hint)


def _concerns(found: comparing.Verified, where: str, hint: str) -> Iterator[Concern]:
    for problem in found.problems[:_MOST]:
        severity: Severity = "warning" if problem.kind in _SOON else "error"
        way_out = _KEYS if problem.kind is Fault.KEY_EXPIRES else hint
        yield Concern(severity, f"{where}{problem}", way_out)
    if len(found.problems) > _MOST:
        rest = found.problems[_MOST:]
        worst: Severity = "warning" if all(one.kind in _SOON for one in rest) else "error"
        yield Concern(worst, f"{where}{len(rest)} more problems", hint)

"""Signing again: what is live gets new signatures and dates, and its indexes are not touched."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

from debrepo import clock
from debrepo.errors import Cancelled, DebrepoError, InvalidInput, NotFound
from debrepo.ingest import threads
from debrepo.stopping import checkpoint, watching
from debrepo.values import NamedTuple
from debrepo_publish.engine import (
    announcing,
    client_files,
    commits,
    places,
    recovery,
    renewals,
    signers,
)
from debrepo_publish.engine.fields import of_release
from debrepo_publish.engine.plan import Plan
from debrepo_publish.engine.staged_bytes import StagedBytes
from debrepo_publish.engine.staging import Staged, next_date
from debrepo_publish.indexes import release
from debrepo_publish.indexes.contexts import Kinds
from debrepo_publish.model import publications
from debrepo_publish.model.publication import generation_key
from debrepo_publish.model.tables import COMMITS, PUBLICATIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from debrepo.session import Session
    from debrepo.signing import Signatures, SigningKey
    from debrepo.storage import Storage
    from debrepo_publish.model.publication import Generation, Publication

#: Returns a publication with other fields, of those that `renewals.CHANGEABLE` names.
Change = Callable[["Publication"], "Publication"]

_THREADS = 3  # one waits for the agent while others start and end
_FIELDS = ("Date", "Valid-Until", "Signed-By")


class Resigned(NamedTuple):
    """A publication that was signed again, or why it was not."""

    publication: str
    generation: int
    fingerprints: tuple[str, ...]  #: of the keys that signed
    expires: int  #: until when clients accept it, in seconds since the epoch; 0: for ever
    failed: str = ""  #: why it is not signed again; empty if it is
    hint: str = ""


class _Draft(NamedTuple):
    """A generation with new dates, before anybody has signed it."""

    plan: Plan
    release: bytes
    expected: bytes  #: what the file that commits it holds before
    keys: list[SigningKey]


class _News(NamedTuple):
    """What to tell other plugins, once the lease is given back."""

    publication: Publication
    before: Generation
    after: Generation
    paths: tuple[str, ...]


def resign(
    session: Session,
    wanted: Iterable[Publication],
    change: Change,
    *,
    strict: bool = False,
    date_now: bool = False,
) -> list[Resigned]:
    """Sign publications again as ``change`` has them.

    The live generation gets another ``Date``, and a ``Valid-Until`` as far from it as its
    publication says. With ``date_now`` the date is the one of the clock, though it may be
    earlier than what clients have been offered. One that fails is reported, and leaves the
    others; if it is ``strict``, its error is raised.
    """
    by_place: dict[str, list[Publication]] = {}
    for one in wanted:
        by_place.setdefault(one.place, []).append(one)
    done: list[Resigned] = []
    for place, there in by_place.items():
        news: list[_News] = []
        try:
            with places.opened(session, place) as storage:
                drafted = partial(_drafted, session, storage, change, date_now)
                done += _at_place(session, storage, there, drafted, news, strict=strict)
        except DebrepoError as error:  # the storage cannot be opened, or somebody holds the place
            if strict or isinstance(error, Cancelled):
                raise
            seen = {one.publication for one in done}
            done += [_failed(one, error) for one in there if str(one) not in seen]
        finally:
            for publication, before, after, paths in news:
                announcing.announce(session, publication, before, after, paths)
    return sorted(done, key=lambda one: one.publication)


def sign_again(session: Session, names: frozenset[str]) -> dict[str, str]:
    """Sign publications again, named as `signers.live_signatures` names them.

    Return each with the reason why it is not signed, or an empty string.
    """
    with session.db.read() as txn:
        known = [one for one in txn[PUBLICATIONS].values() if signers.name(one) in names]
    retired = {one.old: one.new for one in signers.rotations(session) if one.stage == "retired"}

    def change(publication: Publication) -> Publication:  # the old key may go after this
        return publication._replace(keys=tuple(retired.get(key, key) for key in publication.keys))

    done = {one.publication: one.failed for one in resign(session, known, change)}
    return {signers.name(one): done[str(one)] for one in known}


def _failed(publication: Publication, error: DebrepoError) -> Resigned:
    return Resigned(str(publication), 0, (), 0, str(error), error.hint)


def _paths(publication: Publication) -> list[str]:
    signed = () if publication.skip_signing else commits.signature_paths(publication)
    return [publication.path(path) for path in (commits.release_path(publication), *signed)]


def _at_place(
    session: Session,
    storage: Storage,
    wanted: Sequence[Publication],
    drafted: Callable[[Publication], _Draft | DebrepoError],
    news: list[_News],
    *,
    strict: bool,
) -> Iterator[Resigned]:
    """Sign the publications of one place, some at a time, and commit one after the other."""
    tracked = session.progress.track("Signing", wanted, total=len(wanted))
    drafts = map(drafted, tracked)
    results = threads.in_order(lambda _: partial(_signed, session), drafts, _THREADS)
    for publication, found in zip(wanted, results, strict=True):
        try:
            if isinstance(found, DebrepoError):
                raise found
            yield _commit(session, storage, *found, news)
        except DebrepoError as error:
            if strict or isinstance(error, Cancelled):
                raise
            yield _failed(publication, error)


def _drafted(
    session: Session, storage: Storage, change: Change, date_now: bool, wanted: Publication
) -> _Draft | DebrepoError:
    checkpoint()
    try:
        return _draft(session, storage, wanted, change, date_now=date_now)
    except Cancelled:
        raise
    except DebrepoError as error:
        return error


def _draft(
    session: Session, storage: Storage, wanted: Publication, change: Change, *, date_now: bool
) -> _Draft:
    """Return the live generation with new dates, once nothing of it is half done."""
    key = wanted.key
    with watching(None):
        recovery.recover(session, storage, key)
    with session.db.read() as txn:
        publication = publications.get(txn, key)
        live = publications.live(txn, key)
        commit = txn[COMMITS].get(generation_key(key, publication.live).encode())
    if live is None or commit is None:
        raise NotFound(
            f"{publication} is not live yet",
            hint=f'run "debrepo publish update {publication.words}"',
        )
    _check_ours(publication, live)
    now = change(publication)
    keys = signers.resolve(session, now)
    policy = session.config["archive.policy"]
    plan = Plan(
        now, live, live, [], {}, frozenset(), Kinds({}, b""), {}, unchanged=True, policy=policy
    )
    at = clock.seconds() if date_now else next_date(session, plan)
    renewed = live._replace(expires=at + now.valid_for if now.valid_for else 0)
    fields = of_release(session, now, renewed, release.fields(now, renewed, at))
    changed = {name: fields.get(name, "") for name in _FIELDS}
    text = release.with_fields(release.signed_text(commit), changed)
    return _Draft(plan._replace(generation=renewed), text, commit, keys)


def _check_ours(publication: Publication, live: Generation) -> None:
    """Raise `InvalidInput` for what debrepo does not sign."""
    if publication.verbatim or live.verbatim:
        raise InvalidInput(
            f"{publication} is as its archive has signed it",
            hint="publish it without --verbatim, and debrepo signs it",
        )
    if live.adopted or publication.skip_signing != live.publication.skip_signing:
        raise InvalidInput(
            f"{publication} is not published as it is to be",
            hint=f'run "debrepo publish update {publication.words}"',
        )


def _signed(
    session: Session, draft: _Draft | DebrepoError
) -> tuple[_Draft, Signatures | None] | DebrepoError:
    if isinstance(draft, DebrepoError):
        return draft
    try:
        return draft, session.signer.sign(draft.release, draft.keys) if draft.keys else None
    except Cancelled:
        raise
    except DebrepoError as error:
        return error


def _commit(
    session: Session,
    storage: Storage,
    draft: _Draft,
    signatures: Signatures | None,
    news: list[_News],
) -> Resigned:
    """Replace the Release files of a generation."""
    plan, publication = draft.plan, draft.plan.publication
    *_, inline, detached = commits.signature_paths(publication)  # of aliases, and its own
    signed = {detached: signatures.detached, inline: signatures.inline} if signatures else {}
    fingerprints = signatures.fingerprints if signatures else ()
    staged = Staged(
        draft.release, signed, StagedBytes({}), {}, draft.expected, {}, (), fingerprints
    )
    announcing.ask(session, plan, draft.release, force=True)  # its packages are live already
    ours = client_files.put(session, storage, publication, plan.generation, draft.keys)
    with ExitStack() as alone:
        turn, switch = commits.secure(storage, plan, staged, alone, overwrite=False, force=False)
        with watching(None):  # clients see the first file: the others have to follow
            renewals.begin(session, publication, switch)
            made = commits.commit(storage, plan, staged, overwrite=False)
    with watching(None):
        made |= {commits.turn_path(publication): turn} if turn else {}
        after = renewals.finish(session, publication, switch, made)
    if plan.previous is not None:
        paths = (*_paths(publication), *ours)
        news.append(_News(publication, plan.previous, after, paths))
    return Resigned(str(publication), after.number, fingerprints, after.expires)

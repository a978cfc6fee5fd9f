"""Publishing: plan, stage, sign, commit, retire.

No step holds a write transaction while it renders, compresses, signs or talks to a
storage. A generation is *pending* in the database before anything of it is written, so
that the next run can tell what a crash left behind, and finish or undo it (`recovery`).
Clients do not notice: they fetch indexes by their hashes, and the file that lists these is
replaced last.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

from debrepo import clock
from debrepo.errors import Conflict, DatabaseBusy, DebrepoError
from debrepo.stopping import undisturbed, watching
from debrepo.values import NamedTuple
from debrepo_publish.engine import (
    announcing,
    client_files,
    commits,
    expecting,
    live_tree,
    places,
    readiness,
    recovery,
    signers,
    superseded,
)
from debrepo_publish.engine.expecting import NOTHING, Expected
from debrepo_publish.indexes.admission import LeftOut
from debrepo_publish.model import options, publications
from debrepo_publish.model.tables import PUBLICATIONS, SWITCHES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from debrepo.session import Session
    from debrepo.signing import SigningKey
    from debrepo.storage import Storage
    from debrepo_publish.engine.plan import Plan
    from debrepo_publish.engine.staging import Staged
    from debrepo_publish.model.publication import Generation, Publication


class Result(NamedTuple):
    """The result of a publish."""

    publication: Publication
    generation: int
    changed: bool
    packages: int  #: in all components
    files: int  #: pool files that were put in place
    indexes: int  #: index files that were written
    fingerprints: tuple[str, ...]  #: of the keys that signed; empty if unsigned or unchanged
    requests: Mapping[str, int]  #: to the storage's service, by kind, and bytes; none: no service
    url: str  #: where clients find it, if configured


#: Returns a publication as it is to be, given what it is, or ``None``.
Edit = Callable[["Publication | None"], "Publication"]


class Wish(NamedTuple):
    """What to publish, and how; see `publish`."""

    distribution: str
    edit: Edit
    why: str
    force: bool = False
    force_overwrite: bool = False
    skip_cleanup: bool = False
    again: int = 0
    anew: bool = False  #: whether the tree is lost, and has to be published as a whole
    expected: Expected = NOTHING  #: what will be read, as far as it could be told before

    @property
    def whole(self) -> bool:
        """Whether everything is put in place again, whatever should be there."""
        return self.force or self.anew


class Made(NamedTuple):
    """A result, the generations that were and are live, and the paths that have changed."""

    result: Result
    before: Generation | None
    after: Generation | None
    paths: tuple[str, ...]  #: in the storage, for clients


def publish(
    session: Session,
    place: str,
    distribution: str,
    edit: Edit,
    *,
    why: str,
    force: bool = False,
    force_overwrite: bool = False,
    skip_cleanup: bool = False,
    again: int = 0,
    expected: Expected = NOTHING,
) -> Result:
    """Publish what ``edit`` makes of the publication, if anything has changed.

    ``edit`` gets the publication as it is now, or ``None``, and is called under the lease
    on the place; an error that it raises leaves everything unchanged. ``force`` publishes even
    if nothing has changed, and over an archive that debrepo did not write;
    ``force_overwrite`` replaces package files that debrepo did not write. ``again`` is the
    number of a generation whose packages to publish once more.
    """
    wish = Wish(
        distribution, edit, why, force, force_overwrite, skip_cleanup, again, expected=expected
    )
    with places.opened(session, place) as storage, session.db.steady() as steady:
        made = publish_held(session.seeing(steady), storage, place, wish)
    announcing.announce(session, made.result.publication, made.before, made.after, made.paths)
    return made.result


def publish_held(session: Session, storage: Storage, place: str, wish: Wish) -> Made:
    """Publish as `publish` does, for a caller that holds the lease and announces the result."""
    key = f"{place} {wish.distribution}"
    with session.db.read() as txn:
        expecting.publication(txn, session.hook, place, key, wish.expected)
        known = txn[PUBLICATIONS].get(key)
    publication = wish.edit(known)
    with watching(None):
        dirty = recovery.recover(session, storage, key)
    with session.db.read() as txn:
        now = txn[PUBLICATIONS].get(key)
    if known is not None and now != known:  # an interrupted generation is live now
        known, publication = now, wish.edit(now)
    for name in options.orphaned(session.hook, publication):
        session.progress.note(
            f"Warning: no plugin reads the option {name} of {publication}; it has no effect"
        )
    while True:
        try:
            return _publish(session, storage, known, publication, wish, dirty=dirty)
        except LeftOut as left_out:
            readiness.leave_out(session, publication, left_out.reasons)


def _publish(
    session: Session,
    storage: Storage,
    known: Publication | None,
    publication: Publication,
    wish: Wish,
    *,
    dirty: bool,
) -> Made:
    """Publish, unless all is as it was; ``known`` is the publication as it was."""
    keys = signers.resolve(session, publication)
    plan = _plan(session, publication, wish)
    same = (
        plan.unchanged
        and not _expiring(plan.previous)
        and not signers.outdated(session, keys, plan)
    )
    if same and not wish.force and not dirty:
        found = live_tree.look(session, storage, publication)
        if found.state == "sound":
            if known is not None:
                _store(session, known, wish.edit)
            if not wish.skip_cleanup:
                superseded.clean_up(session, storage, publication, look=True)
                superseded.clean_up_dropped(session, storage, publication.place)
            return Made(_result(plan, storage, changed=False), plan.previous, plan.previous, ())
    else:
        try:
            return _make(session, storage, plan, keys, wish, overwrite=dirty or wish.force)
        except Conflict as error:
            session.leases.check()  # what is there may be what another node has published since
            found = live_tree.look(session, storage, publication)
            if wish.force or found.state == "sound":
                raise
            if not found.is_lost:
                raise found.conflict(publication) from error
    if not found.is_lost:
        raise found.conflict(publication)
    session.progress.note(found.note(publication))
    wish = wish._replace(anew=True)
    return _make(session, storage, _plan(session, publication, wish), keys, wish, overwrite=True)


def _make(
    session: Session,
    storage: Storage,
    plan: Plan,
    keys: Sequence[SigningKey],
    wish: Wish,
    *,
    overwrite: bool,
) -> Made:
    """Stage and commit a generation; ``overwrite``: what is there may be of another one."""
    from debrepo_publish.engine import (  # compressing is slow to load
        eviction,
        foreign_files,
        staging,
    )

    publication = plan.publication
    if not wish.force:
        foreign_files.check_free(session, storage, publication)
        foreign_files.check_aliases(session, storage, plan)
    while not recovery.start(session, plan):  # a cleanup has deleted packages that it lists
        plan = _plan(session, publication, wish)
    with ExitStack() as alone:
        try:
            drawn = staging.render_indexes(session, plan, anew=overwrite or plan.has_new_alias)
            if wish.force_overwrite:
                foreign_files.make_room(session, storage, plan)
            put = staging.put_files(session, storage, plan, anew=wish.whole)
            staged = staging.put_indexes(session, storage, plan, drawn, put, keys, anew=overwrite)
            meant = wish.force or bool(wish.again)  # an older generation is called for by number
            announcing.ask(session, plan, staged.release, force=meant)
            ours = client_files.put(
                session, storage, publication, plan.generation, keys, anew=overwrite
            )
            turn, switch = commits.secure(
                storage, plan, staged, alone, overwrite=overwrite, force=wish.whole
            )
            recovery.switching(session, plan, switch)
        except BaseException as error:
            with suppress(DebrepoError), watching(None):  # otherwise the next run undoes it
                _undo(session, storage, plan, theirs=isinstance(error, Conflict))
            raise
        with undisturbed():  # clients see the first name: the others have to follow
            made = commits.commit(storage, plan, staged, overwrite=overwrite)
            made |= {commits.turn_path(publication): turn} if turn else {}
            number = plan.generation.number
            recovery.finish(session, publication, number, made, staged.versions)
    with watching(None):
        if wish.whole and plan.previous:
            live_tree.drop_lost(session, storage, publication)
        if not wish.skip_cleanup:
            superseded.clean_up(session, storage, publication)
            superseded.clean_up_dropped(session, storage, publication.place)
        eviction.evict(session, first=plan.previous is None)
    keyed = staged.fingerprints
    result = _result(plan, storage, changed=True, indexes=len(staged.hashed), keys=keyed)
    paths = _changed_paths(plan, staged, made, overwrite=overwrite)
    return Made(result, plan.previous, plan.generation, (*paths, *ours))


def _changed_paths(
    plan: Plan, staged: Staged, made: Iterable[str], *, overwrite: bool
) -> tuple[str, ...]:
    """Return the paths in the storage whose content is another for clients than it was.

    With ``overwrite``, files under by-hash names may have been damaged.
    """
    publication, before = plan.publication, plan.previous
    paths = [*made, *(staged.hashed if overwrite else ())]
    if before is not None and publication.skip_signing and not before.publication.skip_signing:
        paths += commits.signature_paths(publication)
    return tuple(map(publication.path, paths))


def _plan(session: Session, publication: Publication, wish: Wish) -> Plan:
    return readiness.prepare(session, publication, wish.why, again=wish.again, force=wish.whole)


def resume(session: Session) -> None:
    """Finish publishes that were killed while they replaced names, except where one is running."""
    if session.frozen:
        return
    with session.db.read() as txn:
        found = sorted({key.partition("\0")[0] for key in txn[SWITCHES]})
    for key in found:
        place = key.rpartition(" ")[0]
        try:
            with places.opened(session, place, wait=0) as storage:
                recovery.recover(session, storage, key)
        except DatabaseBusy:  # the running publish finishes it
            continue
        except DebrepoError as error:
            session.progress.note(f"A publish to {place} was left half done: {error}")


def _undo(session: Session, storage: Storage, plan: Plan, *, theirs: bool) -> None:
    """Undo a generation; ``theirs``: another publisher at this place may need some of its files."""
    recovery.undo(session, storage, plan.publication, plan.generation.number)
    if plan.previous is None:  # no client has seen any of it
        superseded.clean_up(session, storage, plan.publication, everything=True, keep_files=theirs)


def _expiring(live: Generation | None) -> bool:
    """Return whether half of the time is over for which clients accept the live generation."""
    if live is None or not live.expires:
        return False
    return clock.now() > live.expires - live.publication.valid_for / 2


def _store(session: Session, known: Publication, edit: Edit) -> None:
    """Store a document that has changed although the published bytes have not.

    It is edited again, because a package list may have been renamed meanwhile.
    """
    if edit(known) != known:
        with session.db.write() as txn:
            txn[PUBLICATIONS][known.key] = edit(publications.get(txn, known.key))


def _result(
    plan: Plan,
    storage: Storage,
    *,
    changed: bool,
    indexes: int = 0,
    keys: tuple[str, ...] = (),
) -> Result:
    number = plan.generation.number
    if not changed and plan.previous:
        number = plan.previous.number
    return Result(
        plan.publication,
        number,
        changed,
        plan.generation.size,
        sum(plan.missing.values()) if changed else 0,
        indexes,
        keys,
        storage.statistics(),
        storage.url("" if plan.publication.prefix == "." else plan.publication.prefix),
    )

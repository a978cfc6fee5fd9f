"""An update from start to end: read what is new, choose, fetch, record, and change the list."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from debrepo import packageset, remote_files
from debrepo.catalog import CHUNKS
from debrepo.errors import RemoteError
from debrepo.ingest import configured_limits
from debrepo.verbatim import VerbatimArchive
from debrepo_mirror import assembling, keeping, memory, recording, surveying
from debrepo_mirror.cache import IndexCache, sweep
from debrepo_mirror.fetching_files import GatheredPackages, gather, queue_of
from debrepo_mirror.recording import StoredBatch
from debrepo_mirror.spool import Spool
from debrepo_mirror.survey import Surveyed, SurveyRules, recognized
from debrepo_mirror.sync import Updated
from debrepo_mirror.tables import MIRRORS, STATE, ArchiveFault, parts
from debrepo_mirror.upstream import reading, verifier
from debrepo_mirror.upstream.fetching import Mismatch
from debrepo_mirror.upstream.release import Release
from debrepo_mirror.verbatim import gathering
from debrepo_mirror.work import UpdateWork

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from debrepo.package import Entry, SetId
    from debrepo.session import Session
    from debrepo.transport import Transport
    from debrepo_mirror.mirror import Mirror
    from debrepo_mirror.surveying import ReadArchive
    from debrepo_mirror.sync import UpdateTerms
    from debrepo_mirror.upstream.reading import AskedRelease
    from debrepo_mirror.verbatim.gathering import GatheredArchive

_ATTEMPTS = 3  # at reading an archive that changes underneath


def run(
    session: Session,
    transport: Transport,
    before: Mirror,
    mirror: Mirror,
    terms: UpdateTerms,
    asked: AskedRelease | None,
) -> Updated:
    """Update a mirror; the caller holds the lease on it."""
    cache = IndexCache(session.root, mirror.uuid)
    cache.prepare()
    with session.db.read() as txn:
        states = dict(parts(txn[STATE], mirror.name))
        sweep(session.root, {known.uuid for known in txn[MIRRORS].values()})
    settings = session.config.section("mirror")
    rules = SurveyRules(
        configured_limits(session.config),
        settings["limits.index"],
        settings["limits.packages"],
        mirror.weak_checksums,
        mirror.download == "lazy",
    )
    thorough = terms.force or before.partial or before.choices != mirror.chosen
    spool = Spool(cache.directory)
    try:
        with session.pool.reserving() as pool:
            work = UpdateWork(
                session,
                pool,
                transport,
                before,
                mirror,
                terms,
                cache,
                spool,
                rules,
                states,
                thorough,
            )
            return _update(work, asked)
    finally:
        spool.close()


def _update(work: UpdateWork, asked: AskedRelease | None) -> Updated:
    release = _release(work, asked)
    for attempt in range(_ATTEMPTS):
        try:
            archive = surveying.read(work, release)
            whole = gathering.gather(work, archive)
            break
        except Mismatch as error:
            again = _release(work, None)
            if again.digest == release.digest or attempt == _ATTEMPTS - 1:
                raise
            work.session.progress.note(f"{error}: the archive has changed, reading it again.")
            release = again
    chosen, faults = _chosen(work, archive.surveyed)
    fresh = sorted(entry for entry in chosen if entry in work.spool)
    found, known, kept = _recognized(work, fresh)
    missing = [entry for entry in fresh if entry not in known]
    if work.terms.dry_run:
        return _planned(work, archive, chosen, known, missing)
    gathered = gather(work, missing, found)
    if gathered.outages or (gathered.failures and not work.terms.allow_missing):
        raise _incomplete(work, gathered)
    gathering.check_admitted(work, [*kept.faults, *gathered.faults])
    whole = gathering.complete(work, whole)
    final = {**kept.final, **gathered.final}
    files = whole.files if whole else {}
    assembled = assembling.assemble(work, archive, chosen, final, files)
    mirror = _mirror(work, archive.release, assembled.set_id, partial=bool(gathered.failures))
    faults = (*faults, *kept.faults, *gathered.faults, *(whole.faults if whole else ()))
    outline = recording.Outline(
        mirror,
        assembled.states,
        [*archive.faults, *faults, *assembled.faults],
        assembled.chunks,
        frozenset(assembled.added),
        frozenset(assembled.removed),
        keeping.put(work, archive),
        frozenset(archive.states),
        _verbatim(work, whole, assembled.tree),
    )
    stored = recording.commit(work.session, work.before, outline)
    _remember(work, archive, assembled)
    return Updated(
        stored,
        assembled.size,
        len(assembled.added),
        len(assembled.removed),
        gathered.files,
        gathered.bytes,
        faults=len(outline.faults),
        missing=tuple(gathered.failures),
    )


def _verbatim(
    work: UpdateWork, whole: GatheredArchive | None, tree: SetId
) -> VerbatimArchive | None:
    """Put the Release files into the pool, last, and return what is kept of the archive."""
    if whole is None:
        return None
    releases = {name: hashlib.sha256(data).hexdigest() for name, data in whole.releases.items()}
    for name, digest in releases.items():
        work.pool.put(digest, whole.releases[name])
    work.pool.sync()
    return VerbatimArchive(work.mirror.distribution, releases, whole.indexes, tree)


def _release(work: UpdateWork, asked: AskedRelease | None) -> Release:
    mirror, session = work.mirror, work.session
    if mirror.without_release:
        return Release()
    verify, limit = verifier(session, mirror), session.config["mirror.limits.release"]
    release = reading.read(work.transport, mirror, verify, limit=limit, asked=asked)
    if not mirror.ignore_dates:
        reading.check_dates(release, mirror)
    return release


def _chosen(
    work: UpdateWork, surveyed: Sequence[Surveyed]
) -> tuple[frozenset[Entry], tuple[ArchiveFault, ...]]:
    """Return what the mirror takes of what is offered; what is no package always comes.

    Of a mirror that takes all, it is only what is new.
    """
    if not work.mirror.is_choosy:
        return frozenset(entry for one in surveyed for _, entry in one.fresh), ()
    from debrepo_mirror import choosing  # and queries with it

    offered: dict[Entry, None] = {}
    extra: set[Entry] = set()
    for one in surveyed:
        if one.read.kind in ("installer", "appstream", "translation"):
            extra.update(one.entries)
        else:
            offered.update(dict.fromkeys(one.entries))
    with work.session.db.read() as txn:
        present: Iterable[Entry] = ()
        if work.mirror.pins:
            present = list(packageset.entries(txn[CHUNKS], work.before.set_id))
        config = work.session.config
        choice = choosing.choose(config, txn, work.mirror, list(offered), work.spool, present)
    return choice.entries | extra, choice.faults


def _recognized(
    work: UpdateWork, fresh: Sequence[Entry]
) -> tuple[dict[Entry, Entry], dict[Entry, Entry], StoredBatch]:
    """Return those that the database has already, those of them with files, and what becomes of it.

    The files of the others have to be fetched, as those of a mirror that was lazy.
    """
    with work.session.db.read() as txn:
        found = recognized(txn, work.spool, fresh)
        lacking: frozenset[Entry] = frozenset()
        if work.terms.dry_run and work.mirror.download != "lazy":
            lacking = remote_files.elsewhere(work.session, txn, found.values())
    if work.terms.dry_run or not found:
        known = {entry: stored for entry, stored in found.items() if stored not in lacking}
        return found, known, StoredBatch(known)
    stored = recording.keep(work.session, work.pool, work.mirror, found, work.spool.get)
    settled = stored.refused.union(stored.final)
    return found, {e: known for e, known in found.items() if e in settled}, stored


def _planned(
    work: UpdateWork,
    archive: ReadArchive,
    chosen: frozenset[Entry],
    known: Mapping[Entry, Entry],
    missing: Sequence[Entry],
) -> Updated:
    """Return what an update would do."""
    with work.session.db.read() as txn:
        store = txn[CHUNKS]
        present = set(packageset.entries(store, work.before.set_id))
        kept = {known.get(entry, entry) for entry in chosen.difference(missing)}
        if not work.mirror.is_choosy:
            kept.update(entry for one in archive.surveyed for _, entry in one.known)
        for state in archive.states.values():
            kept.update(packageset.entries(store, state.set_id))
    files = list(queue_of(work, missing))
    return Updated(
        work.mirror,
        len(kept) + len(missing),
        len(kept - present) + len(missing),
        len(present - kept),
        len(files),
        sum(max(one.size, 0) for one in files),
        faults=len(archive.faults),
    )


def _incomplete(work: UpdateWork, gathered: GatheredPackages) -> RemoteError:
    shown = "; ".join(gathered.failures[:5])
    more = f"; and {len(gathered.failures) - 5} more" if len(gathered.failures) > 5 else ""
    return RemoteError(
        f"mirror {work.mirror.name} stays as it was: {len(gathered.failures)} files could not be"
        f" fetched: {shown}{more}",
        hint="what was fetched is kept: run it again, or with --allow-missing to do without them",
    )


def _mirror(work: UpdateWork, release: Release, set_id: SetId, *, partial: bool) -> Mirror:
    from debrepo_mirror.creating import now

    return work.before._replace(
        set_id=set_id,
        updated=now(),
        partial=partial,
        choices=work.mirror.chosen,
        release=release.fields,
        signers=release.signers,
        etag=release.etag,
        modified=release.modified,
    )


def _remember(
    work: UpdateWork,
    archive: ReadArchive,
    assembled: assembling.Assembled,
) -> None:
    """Write down which stanza became which package, and remove what is of no use any more."""
    keep: set[str] = set()
    for path in (*archive.states, *(one.read.path for one in archive.surveyed)):
        keep.add(work.cache.remembered(path).name)
        checksum = archive.checksums[path][0]
        keep.update(work.cache.names(path, checksum))
    for path, members in assembled.members.items():
        state = assembled.states[path]
        memory.write(work.cache.remembered(path), state.set_id, members)
    work.cache.prune(keep)

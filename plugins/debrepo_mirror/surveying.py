"""Surveying an archive: of its indexes, those that have changed are fetched and read."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from debrepo.errors import RemoteError
from debrepo.transport import address
from debrepo_mirror import memory
from debrepo_mirror.survey import Surveyed, survey
from debrepo_mirror.tables import ArchiveFault, IndexState
from debrepo_mirror.upstream import extras, indexes, obtaining, verifier

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from debrepo.package import Entry, PackageFile
    from debrepo_mirror.cache import HeldIndex
    from debrepo_mirror.upstream.indexes import ReadIndex
    from debrepo_mirror.upstream.release import Release
    from debrepo_mirror.work import UpdateWork


class ReadArchive(NamedTuple):
    """What the indexes of one state of an archive offer."""

    release: Release
    states: Mapping[str, IndexState]  #: those that are known already, by path
    surveyed: Sequence[Surveyed]
    checksums: Mapping[str, tuple[str, int]]  #: of those that were surveyed, and their sizes
    faults: Sequence[ArchiveFault]


def read(work: UpdateWork, release: Release) -> ReadArchive:
    """Read the indexes that have changed since the last update.

    Raises `fetching.Mismatch` where the archive has something else than Release says.
    """
    source = obtaining.IndexSource(
        work.transport,
        work.mirror,
        release,
        work.cache,
        work.rules.unpacked,
        work.tries,
        _warner(work),
        work.terms.force,
    )
    if work.mirror.without_release:
        return _unlisted(work, source, release)
    archive = _listed(work, source, release)
    return _with_extras(work, release, archive)


def _warner(work: UpdateWork) -> Callable[[str], None] | None:
    """Return what is told of wrong checksums, where these are to be ignored."""
    if not work.terms.ignore_checksums:
        return None
    return lambda said: work.session.progress.note(f"Warning: {said}; it is taken all the same.")


def _listed(work: UpdateWork, source: obtaining.IndexSource, release: Release) -> ReadArchive:
    mirror = work.mirror
    wanted = indexes.wanted(mirror, release)
    where = address(mirror.root, release.name)
    weak = mirror.weak_checksums or work.terms.ignore_checksums
    obtaining.check_listed(wanted, release, weak=weak, where=where)
    states: dict[str, IndexState] = {}
    faults: list[ArchiveFault] = []
    surveyed: list[Surveyed] = []
    needed: dict[str, tuple[ReadIndex, Mapping[str, PackageFile]]] = {}
    checksums: dict[str, tuple[str, int]] = {}
    for index in wanted:
        files = indexes.strong_only(indexes.listed(index, release), weak=weak)
        if not files:
            if index.kind == "udeb":  # few components have any
                continue
            faults.append(ArchiveFault(where, index.path, "it is not listed"))
            continue
        checksum = indexes.fingerprint(files.values())
        checksums[index.path] = checksum, max(file.size for file in files.values())
        if state := _reused(work, index, checksum):
            states[index.path] = state
        elif indexes.is_empty(files):
            surveyed.append(Surveyed(index))
        else:
            needed[index.path] = index, files
    held = obtaining.obtain(source, needed)
    read = [(index, held[path]) for path, (index, _) in needed.items()]
    tracked = work.session.progress.track("Reading indexes", read, total=len(read))
    surveyed += [_read(work, index, one) for index, one in tracked]
    faults += [fault for one in surveyed for fault in one.faults]
    return ReadArchive(release, states, surveyed, checksums, faults)


def _reused(work: UpdateWork, index: ReadIndex, checksum: str) -> IndexState | None:
    """Return what is known of an index, if it has not changed and is wanted as a whole."""
    state = work.states.get(index.path)
    if state is None or work.thorough or work.mirror.is_choosy:
        return None
    return state if state.checksum == checksum else None


def _read(work: UpdateWork, index: ReadIndex, held: HeldIndex) -> Surveyed:
    try:
        return survey(index, held, _remembered(work, index.path), work.spool, work.rules)
    except RemoteError:
        held.path.unlink(missing_ok=True)  # a power failure may be to blame: fetch it next time
        raise


def _remembered(work: UpdateWork, path: str) -> dict[bytes, Entry]:
    state = work.states.get(path)
    if state is None or work.thorough:
        return {}
    return memory.read(work.cache.remembered(path), state.set_id)


def _unlisted(work: UpdateWork, source: obtaining.IndexSource, release: Release) -> ReadArchive:
    """Read the indexes of a flat repository that has no Release file, and no checksums of them."""
    states: dict[str, IndexState] = {}
    surveyed: list[Surveyed] = []
    checksums: dict[str, tuple[str, int]] = {}
    for index in indexes.wanted(work.mirror, release):
        held = obtaining.unlisted(source, index)
        checksum = f"{held.algorithm}:{held.digest}"
        checksums[index.path] = checksum, held.path.stat().st_size
        if state := _reused(work, index, checksum):
            states[index.path] = state
        else:
            surveyed.append(_read(work, index, held))
    faults = [fault for one in surveyed for fault in one.faults]
    return ReadArchive(release, states, surveyed, checksums, faults)


def _with_extras(work: UpdateWork, release: Release, archive: ReadArchive) -> ReadArchive:
    """Add installer images, AppStream metadata and descriptions, as far as the mirror has them."""
    mirror, session = work.mirror, work.session
    if not (mirror.installer or mirror.appstream or mirror.translations):
        return archive
    source = extras.ExtrasSource(
        work.transport,
        mirror,
        release,
        verifier(session, mirror),
        session.config["mirror.limits.release"],
        _warner(work),
    )
    states, checksums = dict(archive.states), dict(archive.checksums)
    surveyed = list(archive.surveyed)
    for extra in extras.find(source):
        path = extra.read.path
        checksums[path] = extra.checksum, 0
        if state := _reused(work, extra.read, extra.checksum):
            states[path] = state
        else:
            remembered = _remembered(work, path)
            known = remembered.pop(extra.digest, None)
            if known is not None:
                pair = extra.digest, known
                surveyed.append(Surveyed(extra.read, (pair,), gone=tuple(remembered.values())))
            else:
                pair = extra.digest, work.spool.add(extra.offered)
                surveyed.append(Surveyed(extra.read, fresh=(pair,)))
    return archive._replace(states=states, surveyed=surveyed, checksums=checksums)

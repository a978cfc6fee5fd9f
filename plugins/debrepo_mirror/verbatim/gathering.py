"""Gathering what a verbatim mirror has besides packages: Release files, and all that they list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from debrepo import packageset
from debrepo.catalog import CHUNKS
from debrepo.errors import InvalidInput, RemoteError
from debrepo.package import PackageFile
from debrepo.packageset import EMPTY
from debrepo.transport import address
from debrepo_mirror import keeping
from debrepo_mirror.download import Downloads, DownloadTerms, WantedFile
from debrepo_mirror.tables import ArchiveFault
from debrepo_mirror.upstream import indexes, reading, verifier
from debrepo_mirror.upstream.fetching import Mismatch
from debrepo_mirror.upstream.release import BY_HASH, Release
from debrepo_mirror.verbatim import parts, trees

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from debrepo.verbatim import TreeFile
    from debrepo_mirror.download import Downloaded
    from debrepo_mirror.surveying import ReadArchive
    from debrepo_mirror.work import UpdateWork


class GatheredArchive(NamedTuple):
    """What a verbatim mirror keeps of one state of its archive."""

    releases: Mapping[str, bytes]
    indexes: tuple[PackageFile, ...]  #: those that the archive has, with their SHA256
    files: Mapping[str, Sequence[TreeFile]]  #: package files, by the index that was read
    faults: Sequence[ArchiveFault] = ()


def gather(work: UpdateWork, archive: ReadArchive) -> GatheredArchive | None:
    """Put into the pool what Release lists of a mirror; ``None`` for one that does without.

    Raise `Mismatch` where the archive has something else: it may have changed meanwhile.
    """
    if work.terms.dry_run or not is_kept_whole(work, archive.release):
        return None
    keeping.copy(work, archive)
    release = archive.release
    found: list[PackageFile] = []
    missing: list[PackageFile] = []
    for file in parts.listed(work.mirror, release):
        is_here = file.sha256 and work.pool.reserve(file.sha256)
        if is_here and work.pool.size(file.sha256) == file.size:
            found.append(file)
        else:
            missing.append(file)
    lacking: list[PackageFile] = []
    for done in _fetched(work, [_wanted(work, release, file) for file in missing]):
        listed: Any = done.wanted.mark
        if done.found is not None:
            found.append(listed._replace(sha256=done.found.sha256))
        elif done.damaged:
            raise Mismatch(done.reason, hint=done.hint)
        elif done.missing:
            lacking.append(listed)
        else:
            raise _stays(work, done.reason)
    where = address(work.mirror.root, release.name)
    faults = _faults(where, found, lacking)
    _check_indexes(work, archive, found, where)
    files = trees.of_surveyed(work, archive) if work.mirror.verbatim else {}
    return GatheredArchive(_releases(work, release), tuple(sorted(found)), files, faults)


def is_kept_whole(work: UpdateWork, release: Release) -> bool:
    """Tell whether all indexes of an archive are kept: else clients have them fetched by SHA256."""
    if work.mirror.verbatim:
        return True
    lazy = work.mirror.download == "lazy" and not work.mirror.without_release
    return lazy and any(not file.sha256 for file in parts.listed(work.mirror, release))


def _wanted(work: UpdateWork, release: Release, file: PackageFile) -> WantedFile:
    directory = file.name.rpartition("/")[0]
    by_hash = work.mirror.by_hash
    names = []
    if by_hash == "force" or (by_hash == "auto" and release.by_hash):
        for algorithm, title in BY_HASH.items():
            if digest := getattr(file, algorithm):
                names.append(f"{directory}/by-hash/{title}/{digest}".lstrip("/"))
    if by_hash != "force":
        names.append(file.name)
    return WantedFile(tuple(address(work.mirror.root, name) for name in names), file, file)


def _fetched(work: UpdateWork, wanted: Sequence[WantedFile]) -> Iterator[Downloaded]:
    if wanted:
        terms = DownloadTerms(work.tries, work.session.config["mirror.retry_pause"])
        downloads = Downloads(work.session, work.pool, work.transport, terms)
        size = sum(one.listed.size for one in wanted)
        yield from downloads.fetch(wanted, files=len(wanted), size=size)


def _stays(work: UpdateWork, reason: str) -> RemoteError:
    return RemoteError(
        f"mirror {work.mirror.name} stays as it was: {reason}",
        hint="what was fetched is kept: run it again",
    )


def _faults(
    where: str, found: Sequence[PackageFile], lacking: Sequence[PackageFile]
) -> list[ArchiveFault]:
    """Return those files that the archive does not have in any compression."""
    there = {parts.stem(file.name) for file in found}
    names = dict.fromkeys(parts.stem(file.name) for file in lacking)
    return [
        ArchiveFault(where, name, "it is listed, and not there")
        for name in names
        if name not in there
    ]


def _check_indexes(
    work: UpdateWork, archive: ReadArchive, found: Sequence[PackageFile], where: str
) -> None:
    """Raise `RemoteError` where clients would find no index of packages, or of sources."""
    there = {parts.stem(file.name) for file in found}
    for index in indexes.wanted(work.mirror, archive.release):
        files = indexes.listed(index, archive.release)
        if files and index.path not in there and not indexes.is_empty(files):
            raise _stays(work, f"{where} lists {index.path}, which is not there")


def _releases(work: UpdateWork, release: Release) -> Mapping[str, bytes]:
    """Return the Release files of an archive as they came, as far as they are of one state."""
    mirror, session = work.mirror, work.session
    if release.name != reading.INLINE:
        return release.raw
    limit = session.config["mirror.limits.release"]
    verify = None if mirror.ignore_signatures else verifier(session, mirror)
    text = reading.without_signature(release.raw[reading.INLINE])
    return {**release.raw, **reading.detached(work.transport, mirror, verify, text, limit=limit)}


def complete(work: UpdateWork, gathered: GatheredArchive | None) -> GatheredArchive | None:
    """Fetch the package files that are listed and belong to no package of the mirror."""
    if gathered is None or work.mirror.download == "lazy":
        return gathered
    wanted = {}
    for file in _new(work, gathered.files):
        if file.sha256 not in work.pool or not work.pool.reserve(file.sha256):
            name = file.path.rpartition("/")[2]
            listed = PackageFile(name, file.size, sha256=file.sha256)
            url = address(work.mirror.url, file.path)
            wanted[file.path] = WantedFile((url,), listed, file)
    lost: set[object] = set()
    faults = list(gathered.faults)
    for done in _fetched(work, list(wanted.values())):
        if done.found is None:
            if not (work.terms.allow_missing and (done.missing or done.damaged)):
                raise _stays(work, done.reason)
            lost.add(done.wanted.mark)
            faults.append(ArchiveFault("files", done.wanted.listed.name, done.reason))
    files = {
        path: [file for file in listed if file not in lost]
        for path, listed in gathered.files.items()
    }
    return gathered._replace(files=files, faults=faults)


def _new(work: UpdateWork, files: Mapping[str, Sequence[TreeFile]]) -> Iterator[TreeFile]:
    """Yield the files that the indexes did not list at the last update."""
    for path, listed in files.items():
        state = work.states.get(path)
        tree = state.tree if state and not work.thorough else EMPTY
        with work.session.db.read() as txn:
            before = set(packageset.entries(txn[CHUNKS], tree))
        yield from (file for file in listed if file.entry not in before)


def check_admitted(work: UpdateWork, faults: Sequence[ArchiveFault]) -> None:
    """Raise `InvalidInput` where a plugin keeps out what a verbatim mirror has to have."""
    refused = [fault for fault in faults if fault.where == "policy"] if work.mirror.verbatim else []
    if refused:
        raise InvalidInput(
            f"mirror {work.mirror.name} cannot be verbatim: {refused[0].what} may not come in:"
            f" {refused[0].text}" + (f"; nor {len(refused) - 1} more" if refused[1:] else ""),
            hint=f'run "debrepo policy list", or "debrepo mirror edit {work.mirror.name}'
            ' --no-verbatim"',
        )

"""Staging: put everything that a generation needs in place, under names that never change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo import clock, remote_files
from debrepo.errors import InvalidInput
from debrepo.storage import PoolLink
from debrepo.values import NamedTuple
from debrepo_publish.engine import (
    changes,
    commits,
    dating,
    expecting,
    ledger,
    outputs,
    pdiffs,
    skeleton,
    verbatim,
)
from debrepo_publish.engine import plan as planning
from debrepo_publish.engine.components import render
from debrepo_publish.engine.fields import of_release
from debrepo_publish.engine.layout import alias_indexes, hashed_paths, written_files
from debrepo_publish.engine.staged_bytes import Held, StagedBytes, of_index
from debrepo_publish.indexes import cache, release
from debrepo_publish.indexes.admission import LeftOut
from debrepo_publish.model import dated, history, publications
from debrepo_publish.model.publication import (
    Generation,
    HistoryRow,
    Publication,
    commit_path,
    generation_key,
)
from debrepo_publish.model.tables import COMMITS, DATES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from debrepo.database import Transaction
    from debrepo.package import Entry
    from debrepo.session import Session
    from debrepo.signing import SigningKey
    from debrepo.storage import Storage
    from debrepo.verbatim import VerbatimArchive
    from debrepo_publish.engine.ledger import File
    from debrepo_publish.engine.plan import Plan
    from debrepo_publish.indexes.rendering import Rendered


class Staged(NamedTuple):
    """A generation that is complete but for its names."""

    release: bytes
    signed: dict[str, bytes]  #: ``Release.gpg`` and ``InRelease``, or nothing
    names: StagedBytes  #: content by path, of the indexes whose names have to be replaced
    same: dict[str, str]  #: by those paths, that of the by-hash file with the same content
    expected: bytes | None  #: what the file that commits it holds before
    versions: dict[str, str]  #: of the files under by-hash names
    hashed: tuple[str, ...]  #: the files that were put under by-hash names
    fingerprints: tuple[str, ...]


class Put(NamedTuple):
    """Pool files that are in place, and not counted yet."""

    files: Sequence[File] = ()
    versions: Mapping[str, str] = {}  # it is never changed
    absent: AbstractSet[str] = frozenset()  #: paths that have no row


def put_files(session: Session, storage: Storage, plan: Plan, *, anew: bool) -> Put:
    """Put the pool files of new packages in place, and count them, batch by batch.

    The last batch is returned instead: it is counted with the indexes. With ``anew``, those of
    all other packages are put in place again.
    """
    publication = plan.publication
    if anew and plan.previous:
        with session.db.read() as txn:
            known = planning.changed_files(txn, publication.place, None, plan.generation)
        for _, batch in _batches(file for file in known if file.path not in plan.missing):
            made = _link(session, storage, publication, batch)
            if made:
                with session.db.write() as txn:
                    ledger.note(txn, publication.place, made)
    absent = {path for path, is_new in plan.missing.items() if is_new}
    tracked = session.progress.track("Putting files", plan.additions, total=len(plan.additions))
    put = Put()
    for _, batch in _batches(tracked):
        if put.files:
            with session.db.write() as txn:
                _count(txn, plan, put)
                txn.trim()
            absent.difference_update(file.path for file in put.files)
        missing = [file for file in batch if file.path in plan.missing]
        put = Put(batch, _link(session, storage, publication, missing), absent)
    return put


def _count(txn: Transaction, plan: Plan, put: Put) -> None:
    """Count the references of a pending generation to some more of its files."""
    publication = plan.publication
    ledger.claim(txn, publication.place, put.files, put.versions, put.absent)
    pending = publications.generation(txn, publication.key, plan.generation.number)
    counted = pending._replace(claimed=pending.claimed + len(put.files))
    publications.put_generation(txn, publication.key, counted)


def _link(
    session: Session, storage: Storage, publication: Publication, files: Sequence[File]
) -> dict[str, str]:
    """Put files of the pool in place, durably, and return their versions, if there are any."""
    if not files:
        return {}
    links = [
        PoolLink(publication.path(path), session.pool.location(sha256), size, sha256)
        for path, sha256, size in files
    ]
    away = _copied(session, storage, links)
    beside = remote_files.beside(session, publication.storage, (link.sha256 for link in away))
    copied = [(link, beside[link.sha256]) for link in away if link.sha256 in beside]
    made = storage.copy_all(copied) if copied else {}
    done = {link.path for link, _ in copied}
    made |= storage.link_all(link for link in links if link.path not in done)
    storage.flush()
    return _below(publication, made)


def _copied(session: Session, storage: Storage, links: Iterable[PoolLink]) -> list[PoolLink]:
    """Return those that may be copied inside the storage, because they are not here."""
    pool, most = session.pool, storage.copies_up_to
    return [link for link in links if link.size <= most and link.sha256 not in pool]


def _below(publication: Publication, versions: Mapping[str, str]) -> dict[str, str]:
    """Return versions by path below the prefix."""
    start = len(publication.path(""))
    return {path[start:]: version for path, version in versions.items()}


def _batches(items: Iterable[File]) -> Iterator[tuple[int, list[File]]]:
    batch: list[File] = []
    start = 0
    for item in items:
        batch.append(item)
        if len(batch) == ledger.BATCH:
            yield start, batch
            start, batch = start + ledger.BATCH, []
    if batch:
        yield start, batch


class Drawn(NamedTuple):
    """A generation with its indexes, of which nothing is written yet."""

    generation: Generation
    release: bytes
    indexes: list[Rendered]
    signed: Mapping[str, bytes] = {}  # of a verbatim one: what the archive has signed, by name


def render_indexes(session: Session, plan: Plan, *, anew: bool) -> Drawn:
    """Render the indexes of a generation, and the Release file; raise if two have one path.

    Raise `LeftOut` if there are packages that no index takes. With ``anew``, the indexes of
    components that have not changed are rendered as well.
    """
    publication = plan.publication
    if plan.generation.verbatim:
        return _verbatim(session, plan, plan.generation.verbatim)
    with cache.opened(session.root) as fragments:
        left_out: dict[Entry, str] = {}
        rendered = list(render(session, fragments, plan, anew=anew, left_out=left_out))
        if left_out:
            raise LeftOut(left_out)
        at = next_date(session, plan)
        if pdiffs.days(plan):
            dates = _last_date(session, plan), at
            rendered += pdiffs.render(fragments, plan, list(rendered), dates, anew=anew)
    rendered = skeleton.added(plan, rendered) if plan.skeleton else rendered
    until = at + publication.valid_for if publication.valid_for else 0
    generation = plan.generation._replace(expires=until)
    if publication.snapshots:
        generation = generation._replace(dated=dated.name(at))
    standard = release.fields(publication, generation, at) | dating.fields(session, publication)
    fields = of_release(session, publication, generation, standard)
    text, rendered = release.complete(fields, rendered, publication.sums)
    makers = [(item.path, item.maker) for item in rendered]
    outputs.check_makers(publication, generation.parts, makers)
    with session.db.read() as txn:
        outputs.check(txn, publication, generation.parts, [path for path, _ in makers])
    generation = generation._replace(indexes={item.path: item.checksums for item in rendered})
    return Drawn(generation, text, rendered)


def _verbatim(session: Session, plan: Plan, archive: VerbatimArchive) -> Drawn:
    """Return what another archive has made, and signed."""
    publication, rendered = plan.publication, list(verbatim.rendered(archive))
    releases = verbatim.releases(session, archive)
    _check_date(session, plan, release.dated(releases["InRelease"]))
    with session.db.read() as txn:
        outputs.check(txn, publication, plan.generation.parts, [item.path for item in rendered])
    generation = plan.generation._replace(
        indexes={item.path: item.checksums for item in rendered}, expires=0
    )
    return Drawn(generation, releases.pop("Release"), rendered, releases)


def put_indexes(
    session: Session,
    storage: Storage,
    plan: Plan,
    drawn: Drawn,
    put: Put,
    keys: Sequence[SigningKey],
    *,
    anew: bool,
) -> Staged:
    """Sign a generation, count the last files, and put the indexes under by-hash names.

    With ``anew``, no name is trusted to lead to what the previous generation left there.
    """
    publication = plan.publication
    root = f"dists/{publication.distribution}/"
    generation, text, rendered, given = drawn
    signed = {root + name: data for name, data in given.items()}
    fingerprints: tuple[str, ...] = ()
    if keys:
        signatures = session.signer.sign(text, keys)
        signed = {root + "Release.gpg": signatures.detached, root + "InRelease": signatures.inline}
        fingerprints = signatures.fingerprints
    row = _history(session, plan, generation, fingerprints)
    commit = signed.get(root + "InRelease", text)
    new, expected = _record(session, plan, generation, commit, row, put)
    if plan.previous is None:
        expected = _left_of_alias(session, storage, publication)
    staged = [item for item in rendered if item.data is not None or item.pool]
    before = plan.previous.indexes if plan.previous and not anew else {}
    hashed, names = dict[str, Held](), dict[str, Held]()
    same = dict[str, str]()
    known = plan.previous.publication.aliases if plan.previous and not anew else ()
    aliases = {f"dists/{name}/": name not in known for name in publication.aliases}
    for item in staged:
        pooled = of_index(session.pool, item.checksums) if item.data is None else b""
        name, data = root + item.path, pooled if item.data is None else item.data
        paths = hashed_paths(publication, name, item.checksums)
        hashed.update((path, data) for path in paths if anew or path in new)
        if item.checksums.listed and before.get(item.path) != item.checksums:
            names[name] = data
            same.update((name, path) for path in paths[:1])
        for other, is_new in aliases.items():
            if item.checksums.listed and (is_new or before.get(item.path) != item.checksums):
                names[other + item.path] = data
                same[other + item.path] = paths[0]
    made = storage.put_all(StagedBytes(hashed).below(publication.path), cache="immutable")
    further = alias_indexes(generation).items()
    shared = {path: to for path, to in further if anew or path in new}
    storage.share_all({publication.path(path): publication.path(to) for path, to in shared.items()})
    if generation.dated:
        dating.put(storage, generation, {f"{root}Release": text, **signed})
    storage.flush()
    versions = _below(publication, made)
    held = StagedBytes(names)
    return Staged(text, signed, held, same, expected, versions, tuple(hashed), fingerprints)


def next_date(session: Session, plan: Plan) -> int:
    """Return the date of a generation in seconds: now, or one second after the previous one.

    Clients ignore a Release that is older than the one they know. This rule takes precedence
    over ``SOURCE_DATE_EPOCH``, so published bytes depend on that and on what was live before.
    """
    now, before = clock.seconds(), _last_date(session, plan)
    if before < now or (before == now and not plan.publication.snapshots):
        return now
    if before == now:  # two archives of one second would have one name
        return now + 1
    session.progress.note(
        f"Warning: the time to write is {clock.moment(now):%Y-%m-%d %H:%M:%S} UTC, but "
        f"{plan.publication} was dated {clock.moment(before):%Y-%m-%d %H:%M:%S} UTC; "
        f"clients ignore what is older, so this is dated one second later."
    )
    return before + 1


def _last_date(session: Session, plan: Plan) -> int:
    """Return the newest date of what clients have seen, also of what was dropped since."""
    key = plan.publication.key
    with session.db.read() as txn:
        before = int(txn[DATES].get(key.encode(), b"0"))
        if plan.previous is None:
            return before
        live = generation_key(key, plan.previous.number)
        return max(before, release.dated(txn[COMMITS].get(live.encode())))


def _check_date(session: Session, plan: Plan, signed: int) -> None:
    """Raise `InvalidInput` where clients have seen a newer state of an archive than this one."""
    before = _last_date(session, plan)
    if signed >= before:
        return
    text = (
        f"the archive has signed this on {clock.moment(signed):%Y-%m-%d %H:%M:%S} UTC, and clients"
        f" of {plan.publication} ignore what is older than {clock.moment(before):%Y-%m-%d %H:%M:%S}"
    )
    if plan.previous and plan.previous.verbatim:
        raise InvalidInput(text, hint="publish it to another prefix, or without --verbatim")
    session.progress.note(f"Warning: {text}.")


def _history(
    session: Session, plan: Plan, generation: Generation, keys: tuple[str, ...]
) -> HistoryRow:
    """Return what is to be known of a generation in years."""
    with session.db.read() as txn:
        found = changes.counts(txn, plan.previous, generation)
    return HistoryRow(
        number=generation.number,
        created=generation.created,
        who=generation.who,
        why=generation.why,
        base=generation.base,
        packages=generation.size,
        changes=found,
        size=sum({file.path: file.size for file in plan.additions}.values()),
        keys=keys,
        dated=generation.dated,
    )


def _left_of_alias(session: Session, storage: Storage, publication: Publication) -> bytes | None:
    """Return what commits a new distribution that was the alias of another one, if it is there."""
    last = commit_path(publication)
    with session.db.read() as txn:
        ours = ledger.get(txn, publication.place, last) is not None
    return commits.current(storage, publication.path(last)) if ours else None


def _record(
    session: Session,
    plan: Plan,
    generation: Generation,
    commit: bytes,
    row: HistoryRow,
    put: Put,
) -> tuple[set[str], bytes | None]:
    """Count the files of the pending generation, so that a crash leaves no uncounted index.

    Return the paths that the storage does not hold yet, and the content of the file that
    commits the previous generation.
    """
    publication = plan.publication
    key = publication.key
    files = written_files(generation)
    touched = [*(file.path for file in files), *(file.path for file in put.files)]

    def change(txn: Transaction) -> tuple[set[str], bytes | None]:
        expecting.rows(txn, plan.previous, publication.place, touched)
        if put.files:
            _count(txn, plan, put)
        pending = publications.generation(txn, key, generation.number)
        publications.put_generation(
            txn,
            key,
            pending._replace(
                indexes=generation.indexes, expires=generation.expires, dated=generation.dated
            ),
        )
        txn[COMMITS][generation_key(key, generation.number).encode()] = commit
        history.begin(txn, key, row)
        new = ledger.claim(txn, publication.place, files)
        previous = plan.previous
        if previous is None or previous.publication.skip_signing != publication.skip_signing:
            return new, None
        return new, txn[COMMITS].get(generation_key(key, previous.number).encode())

    return session.db.update(change)

"""Staging and committing: what is written to a storage, in an order that clients survive."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from debrepo.errors import Conflict, NotFound
from debrepo.storage import PoolLink
from debrepo_publish import cache, clock, ledger, publications, release
from debrepo_publish import plan as planning
from debrepo_publish.components import render
from debrepo_publish.layout import by_hash
from debrepo_publish.ledger import File
from debrepo_publish.model import SUMS, Generation, Index, Publication, commit_path, generation_key
from debrepo_publish.rendering import Rendered, digests
from debrepo_publish.tables import COMMITS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from debrepo.session import Session
    from debrepo.signing import SigningKey
    from debrepo.storage import Storage
    from debrepo_publish.plan import Plan

#: Pool files that are put in place, made durable and counted together.
BATCH = 4096


class Staged(NamedTuple):
    """A generation that lacks nothing but its names."""

    release: bytes
    signed: dict[str, bytes]  #: ``Release.gpg`` and ``InRelease``, or nothing
    names: dict[str, bytes]  #: content by path, of the indexes whose name leads elsewhere so far
    expected: bytes | None  #: what the file that commits it holds until then
    written: int
    fingerprints: tuple[str, ...]


def put_files(session: Session, storage: Storage, plan: Plan, *, anew: bool) -> None:
    """Put the pool files of new packages in place, and count them, batch by batch.

    With ``anew``, those of all other packages are put in place once more.
    """
    publication = plan.publication
    if anew and plan.previous:
        with session.db.read() as txn:
            known = planning.changed_files(txn, publication.place, None, plan.generation)
        for _, batch in _batches(file for file in known if file.path not in plan.missing):
            _link(session, storage, publication, batch)
    tracked = session.progress.track("Putting files", plan.additions, total=len(plan.additions))
    for start, batch in _batches(tracked):
        _link(session, storage, publication, [f for f in batch if f.path in plan.missing])
        with session.db.write() as txn:
            ledger.claim(txn, publication.place, batch)
            pending = publications.generation(txn, publication.key, plan.generation.number)
            publications.put_generation(
                txn, publication.key, pending._replace(claimed=start + len(batch))
            )


def _link(
    session: Session, storage: Storage, publication: Publication, files: Sequence[File]
) -> None:
    """Put files of the pool in place, durably."""
    if not files:
        return
    storage.link_all(
        PoolLink(publication.path(path), session.pool.path(sha256), size, sha256)
        for path, sha256, size in files
    )
    storage.flush()


def _batches(items: Iterable[File]) -> Iterator[tuple[int, list[File]]]:
    batch: list[File] = []
    start = 0
    for item in items:
        batch.append(item)
        if len(batch) == BATCH:
            yield start, batch
            start, batch = start + BATCH, []
    if batch:
        yield start, batch


def put_indexes(
    session: Session, storage: Storage, plan: Plan, keys: Sequence[SigningKey], *, anew: bool
) -> Staged:
    """Render and sign a generation, and put all of it in place under by-hash names.

    With ``anew``, no name is trusted to lead to what the generation before left there.
    """
    publication = plan.publication
    root = f"dists/{publication.distribution}/"
    with session.db.read() as txn, cache.opened(session.root) as pieces:
        rendered = list(render(txn, pieces, plan, anew=anew))
    at = clock.seconds()
    until = at + publication.valid_for if publication.valid_for else 0
    fields = release.fields(
        publication, plan.generation, clock.moment(at), clock.moment(until) if until else None
    )
    for answer in session.hook.debrepo_release_fields(publication=str(publication), fields=fields):
        fields.update(answer)
    rendered += _legacy(rendered, fields, publication)
    generation = plan.generation._replace(
        indexes={item.path: item.sums for item in rendered}, expires=until
    )
    text = release.text(fields, generation, publication.sums)
    signed: dict[str, bytes] = {}
    fingerprints: tuple[str, ...] = ()
    if keys:
        signatures = session.signer.sign(text, keys)
        signed = {root + "Release.gpg": signatures.detached, root + "InRelease": signatures.inline}
        fingerprints = signatures.fingerprints
    staged = [item for item in rendered if item.data is not None]
    written = _put_by_hash(session, storage, publication, staged, anew=anew)
    storage.flush()
    commit = signed.get(root + "InRelease", text)
    expected = _record(session, plan, generation, commit)
    before = plan.previous.indexes if plan.previous and not anew else {}
    names = {
        root + item.path: item.data or b"" for item in staged if before.get(item.path) != item.sums
    }
    return Staged(text, signed, names, expected, written, fingerprints)


def _legacy(
    rendered: Sequence[Rendered], fields: Mapping[str, str], publication: Publication
) -> Iterator[Rendered]:
    """Yield the small Release file of every directory of ``Packages`` or ``Sources``."""
    directories = {item.path.rpartition("/")[0] for item in rendered}
    for directory in sorted(directories):
        component, _, last = directory.rpartition("/")
        architecture = last.removeprefix("binary-")
        component = component.removesuffix("/debian-installer")
        if last.startswith("binary-") or last == "source":
            data = release.legacy(fields, component, architecture)
            index = Index(len(data), *digests(data, publication.sums), stored=True)
            yield Rendered(f"{directory}/Release", index, data)


def index_files(publication: Publication, indexes: Mapping[str, Index]) -> list[File]:
    """Return the files that the indexes of a generation are: by name, and by hash."""
    found = []
    for path, index in indexes.items():
        if index.stored:
            name = f"dists/{publication.distribution}/{path}"
            found.append(File(name, "", index.size))
            found += [File(p, index.sha256, index.size) for p in _hashed(publication, name, index)]
    return found


def _hashed(publication: Publication, name: str, index: Index) -> list[str]:
    """Return the by-hash paths of an index: one for each strong sum that Release lists."""
    strong = [n for n in ("sha256", "sha512") if n in publication.sums]
    return [by_hash(name, SUMS[n], getattr(index, n)) for n in strong]


def _put_by_hash(
    session: Session,
    storage: Storage,
    publication: Publication,
    staged: Sequence[Rendered],
    *,
    anew: bool,
) -> int:
    written = 0
    for path, index, data in staged:
        name = f"dists/{publication.distribution}/{path}"
        for hashed in _hashed(publication, name, index):
            with session.db.read() as txn:
                held = ledger.get(txn, publication.place, hashed)
            if anew or held is None or not held.references:
                storage.put(publication.path(hashed), data or b"", cache="immutable")
                written += 1
    return written


def _record(session: Session, plan: Plan, generation: Generation, commit: bytes) -> bytes | None:
    """Count the indexes of the pending generation; return what commits the one before."""
    publication = plan.publication
    key = publication.key
    with session.db.write() as txn:
        pending = publications.generation(txn, key, generation.number)
        publications.put_generation(
            txn, key, pending._replace(indexes=generation.indexes, expires=generation.expires)
        )
        txn[COMMITS][generation_key(key, generation.number).encode()] = commit
        ledger.claim(txn, publication.place, index_files(publication, generation.indexes))
        if plan.previous is None or plan.previous.document["skip_signing"] != (
            publication.skip_signing
        ):
            return None
        return txn[COMMITS].get(generation_key(key, plan.previous.number).encode())


def current(storage: Storage, path: str) -> bytes | None:
    """Return what is served at ``path``, if anything."""
    try:
        return storage.get(path)
    except NotFound:
        return None


def check_expected(storage: Storage, plan: Plan, staged: Staged, *, force: bool) -> None:
    """Raise `Conflict` when somebody else has published here since this publisher last did."""
    path = plan.publication.path(commit_path(plan.publication))
    if force or _changes_hands(plan):
        return
    if current(storage, path) != staged.expected:
        raise Conflict(
            f"{path} is not what this debrepo left there",
            hint="does another one publish to this place? --force takes it over",
        )


def _changes_hands(plan: Plan) -> bool:
    """Tell whether the file that commits is another one than last time."""
    before = plan.previous
    return before is not None and (before.document["skip_signing"] != plan.publication.skip_signing)


def commit(
    storage: Storage, plan: Plan, staged: Staged, *, dirty: bool, force: bool
) -> frozenset[str]:
    """Let the names lead to a staged generation; the file that clients start from is last."""
    publication = plan.publication
    last = commit_path(publication)
    root = f"dists/{publication.distribution}/"
    release_files = {root + "Release": staged.release, **staged.signed}
    for path, data in staged.names.items():
        storage.put(publication.path(path), data)
    for path, data in release_files.items():
        if path != last:
            storage.put(publication.path(path), data)
    if force or dirty or _changes_hands(plan):
        storage.put(publication.path(last), release_files[last])
    else:
        storage.commit(publication.path(last), release_files[last], expected=staged.expected)
    if publication.skip_signing:
        stale = (root + "InRelease", root + "Release.gpg")
        storage.delete([publication.path(path) for path in stale])
    storage.flush()
    return frozenset(publication.path(path) for path in (*staged.names, *release_files))

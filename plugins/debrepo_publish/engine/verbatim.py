"""Verbatim publications: what another archive has signed, at the paths that it gives its files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo import packageset, remote_files
from debrepo.catalog import CHUNKS
from debrepo.errors import Conflict, InvalidInput
from debrepo.packageset import EMPTY
from debrepo.storage import check_path
from debrepo.verbatim import TreeFile
from debrepo_publish.engine import ledger, outputs
from debrepo_publish.engine.ledger import File
from debrepo_publish.indexes.rendering import Rendered
from debrepo_publish.model.hashing import key_of
from debrepo_publish.model.publication import Index
from debrepo_publish.model.tables import GENERATIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pluggy import HookRelay

    from debrepo.database import Transaction
    from debrepo.session import Session
    from debrepo.verbatim import VerbatimArchive
    from debrepo_publish.engine.plan import Plan
    from debrepo_publish.model.publication import Generation, Publication

_INLINE, _PLAIN = "InRelease", "Release"
_SIGNED = b"-----BEGIN PGP SIGNED MESSAGE-----"
_SIGNATURE = b"-----BEGIN PGP SIGNATURE-----"


def archive(txn: Transaction, hook: HookRelay, publication: Publication) -> VerbatimArchive:
    """Return what a publication is made from; raise `InvalidInput` where it cannot be verbatim."""
    sources = sorted(set(publication.sources.values()))
    kind, _, name = sources[0].partition(":")
    found: VerbatimArchive | None = None
    if len(sources) == 1:
        found = hook.debrepo_verbatim_archive(txn=txn, kind=kind, name=name)
    if found is None:
        raise InvalidInput(
            f"{' and '.join(sources)} cannot be published verbatim",
            hint="a verbatim mirror can, by itself, once it was updated:"
            f' run "debrepo mirror edit {name} --verbatim"',
        )
    if found.distribution.endswith("/"):
        raise InvalidInput(
            f"{sources[0]} is a flat repository, which has no place below dists/",
            hint='"debrepo serve" answers apt for it at /mirrors',
        )
    if _INLINE not in found.releases:
        raise InvalidInput(
            f"the archive of {sources[0]} has no {_INLINE}, which completes a publication",
            hint='"debrepo serve" answers apt for it at /mirrors',
        )
    return found


def rendering(found: VerbatimArchive) -> str:
    """Return a hash of all that is published."""
    releases = [f"{name} {digest}".encode() for name, digest in sorted(found.releases.items())]
    indexes = [f"{file.name} {file.sha256}".encode() for file in found.indexes]
    return key_of(b"verbatim 1", found.tree, *releases, b"indexes", *indexes).hex()


def changed_files(txn: Transaction, old: Generation | None, new: Generation | None) -> list[File]:
    """Return the package files of a verbatim generation that another one does not have."""
    if new is None or new.verbatim is None:
        return []
    before = old.verbatim.tree if old and old.verbatim else EMPTY
    added = packageset.diff(txn[CHUNKS], before, new.verbatim.tree).added
    return [File(*_row(TreeFile.from_entry(entry))) for entry in added]


def _row(file: TreeFile) -> tuple[str, str, int]:
    return file.path, file.sha256, file.size


def check_free(
    txn: Transaction, publication: Publication, files: Iterable[File]
) -> dict[str, bool]:
    """Return the paths that are new, as in `Plan.missing`; raise `Conflict` for other bytes."""
    held = ledger.reader(txn, publication.place)
    root = f"dists/{publication.distribution}/"
    taken = {root + name for name in outputs.RELEASES}
    missing: dict[str, bool] = {}
    for path, sha256, _ in files:
        check_path(path)
        if path in taken or (path.startswith("dists/") and not path.startswith(root)):
            raise InvalidInput(
                f"{publication} cannot be verbatim: the archive has a package file at {path}",
                hint='"debrepo serve" answers apt for it at /mirrors',
            )
        row = held(path)
        if row and row.sha256 != sha256:
            raise Conflict(
                f"{publication} cannot be verbatim: {path} was published with other bytes",
                hint="publish to another prefix: a file that clients may have begun to fetch"
                " is not replaced",
            )
        if row is None or not row.references:
            missing[path] = row is None
    return missing


def fetch(session: Session, plan: Plan, *, anew: bool) -> None:
    """Bring what a publish needs into the pool, where it is not there."""
    found = plan.generation.verbatim
    assert found is not None
    with session.db.read() as txn:
        before = None if anew else plan.previous
        files = changed_files(txn, before, plan.generation)
    lacking = frozenset(one for one in found.releases.values() if one not in session.pool)
    if lacking:  # another plugin may keep them elsewhere
        session.hook.debrepo_fetch_files(session=session, digests=lacking)
    needed = [(file.sha256, file.size) for file in found.indexes]
    remote_files.fetch(session, [*needed, *((file.sha256, file.size) for file in files)])


def rendered(found: VerbatimArchive) -> Iterator[Rendered]:
    """Yield the indexes of an archive, whose bytes are in the pool."""
    for file in found.indexes:
        index = Index(file.size, file.md5, file.sha1, file.sha256, file.sha512, stored=True)
        yield Rendered(file.name, index, None, pool=file.sha256)


def releases(session: Session, found: VerbatimArchive) -> dict[str, bytes]:
    """Return the Release files by name, that which commits last; there is always a Release."""
    names = sorted(found.releases, key=lambda name: name == _INLINE)
    texts: dict[str, bytes] = {}
    for name in names:
        with session.pool.open(found.releases[name]) as file:
            texts[name] = file.read()
    return {_PLAIN: _unsigned(texts[_INLINE]), **texts}


def _unsigned(inline: bytes) -> bytes:
    """Return the text of a signed one; nothing is verified."""
    lines = inline[max(inline.find(_SIGNED), 0) :].replace(b"\r\n", b"\n").split(b"\n")
    body = lines.index(b"") + 1 if b"" in lines else 0
    end = lines.index(_SIGNATURE) if _SIGNATURE in lines else len(lines)
    return b"\n".join(line.removeprefix(b"- ") for line in lines[body:end]) + b"\n"


def live_files(txn: Transaction) -> Iterator[str]:
    """Yield the SHA256 of what verbatim generations are made of, as long as they are remembered."""
    for generation in txn[GENERATIONS].values():
        found = generation.verbatim
        if found is not None:
            yield from found.releases.values()
            yield from (file.sha256 for file in found.indexes)
            for entry in packageset.entries(txn[CHUNKS], found.tree):
                yield TreeFile.from_entry(entry).sha256

"""Adoption: what another tool has published at a place becomes a generation of ours.

Its files are counted in the ledger like our own: those that clients may still fetch stay until
the grace of that generation is over, the package files that we publish too are never written
again, and no other content comes under a path that was served.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from debrepo import clock
from debrepo.errors import Conflict, InvalidInput, SigningFailed
from debrepo.packageset import EMPTY
from debrepo.signing import made_signatures
from debrepo_publish.adopting import served
from debrepo_publish.checking.trees import StoredTree
from debrepo_publish.engine import commits, ledger, signers
from debrepo_publish.model import publications
from debrepo_publish.model.publication import (
    CHECKSUMS,
    COMPRESSIONS,
    OMITTABLE,
    Generation,
    Part,
    Publication,
    check_distribution,
    commit_path,
    generation_key,
)
from debrepo_publish.model.tables import ADOPTED, COMMITS, DATES, PUBLICATIONS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from debrepo.session import Session
    from debrepo.storage import Storage
    from debrepo_publish.adopting.served import ServedArchive, ServedFile

#: Why the generation of another tool is there; `publish show` shows it.
WHY = "published by another tool"

_INDEXES = ("Packages", "Sources")
_SHOWN = 20  # missing or damaged files that are named


class FoundDistribution(NamedTuple):
    """A distribution as another tool has published it, and all its files."""

    publication: Publication  #: with what its Release file says; without package lists
    archive: ServedArchive
    names: tuple[str, ...]  #: files below its directory in ``dists``, but for the Release files
    files: Mapping[str, ServedFile]  #: package files that are there, and have the listed size


def find(
    session: Session, storage: Storage, wanted: Publication, *, whole: frozenset[str] = frozenset()
) -> list[FoundDistribution]:
    """Return what other tools have published at a place, distribution by distribution.

    The package files of distributions in ``whole`` are read, and those that are damaged are not
    among the files. What is wrong is said as it is found.
    """
    names = _names(storage, wanted)
    found = []
    for distribution, paths in sorted(names.items()):
        try:
            check_distribution(distribution)
        except InvalidInput as error:
            session.progress.note(f"Warning: dists/{distribution} is left alone: {error}")
            continue
        one = wanted._replace(distribution=distribution, sources={})
        if _is_ours(session, storage, one):
            continue
        tree = StoredTree(storage, one)
        archive = served.read(tree, distribution)
        if archive is None:
            continue
        for problem in archive.problems:
            session.progress.note(f"Warning: {problem}")
        files = _present(session, tree, archive, whole=distribution in whole)
        found.append(
            FoundDistribution(_document(one, archive, paths), archive, tuple(paths), files)
        )
    return found


def _names(storage: Storage, wanted: Publication) -> dict[str, list[str]]:
    """Return the files below the directory of each distribution, except its Release files.

    A distribution may be a directory of another one, such as ``stable`` and ``stable/updates``.
    """
    start = len(wanted.path("dists/"))
    paths = [path[start:] for path in storage.list(wanted.path("dists"))]
    ends = ("InRelease", "Release")
    stems = {path.rpartition("/")[0] for path in paths if path.rpartition("/")[2] in ends}
    small = {stem for stem in stems if _is_index_directory(stem)}
    found: dict[str, list[str]] = {stem: [] for stem in stems - small if stem}
    for path in paths:
        owners = [stem for stem in found if path.startswith(f"{stem}/")]
        if owners:
            owner = max(owners, key=len)
            if path[len(owner) + 1 :] not in ("InRelease", "Release", "Release.gpg"):
                found[owner].append(f"dists/{path}")
    return found


def _is_index_directory(path: str) -> bool:
    """Return whether a directory holds the index of an architecture, and its small Release."""
    last = path.rpartition("/")[2]
    return last.startswith("binary-") or (last == "source" and "/" in path)


def _is_ours(session: Session, storage: Storage, one: Publication) -> bool:
    """Return whether debrepo has published a distribution, or has adopted it as it is."""
    with session.db.read() as txn:
        if not publications.last_number(txn, one.key):
            return False
        known = publications.adopted(txn, one.key)
        if known is None or one.key in txn[PUBLICATIONS]:
            return True
        commit = txn[COMMITS].get(generation_key(one.key, known.number).encode())
    return commits.current(storage, one.path(commit_path(known.publication))) == commit


def _present(
    session: Session, tree: StoredTree, archive: ServedArchive, *, whole: bool
) -> dict[str, ServedFile]:
    """Return the package files that are there, and not damaged as far as was looked."""
    found: dict[str, ServedFile] = {}
    wrong: list[str] = []
    for path, size in tree.sizes(archive.files):
        if size == archive.files[path].size:
            found[path] = archive.files[path]
        else:
            wrong.append(f"{path} is missing" if size is None else f"{path} is damaged")
    to_read = [path for path, file in found.items() if whole or not file.sha256]
    tracked = session.progress.track(
        "Recognizing files", tree.checksums(to_read), total=len(to_read)
    )
    for path, sha256, _ in tracked:
        listed = found[path].sha256
        if listed and sha256 != listed:
            wrong.append(f"{path} is damaged")
            del found[path]
        else:
            found[path] = found[path]._replace(sha256=sha256)
    for line in sorted(wrong)[:_SHOWN]:
        session.progress.note(f"Warning: {line}")
    if len(wrong) > _SHOWN:
        session.progress.note(f"Warning: {len(wrong) - _SHOWN} more files are missing or damaged")
    return found


def _document(one: Publication, archive: ServedArchive, names: Sequence[str]) -> Publication:
    """Return what a Release file says of a publication, which has files of these names.

    The plain index is among the compressions if it is there: Release lists it in any case, so an
    old one must not stay beside the new ones.
    """
    fields = archive.fields
    until, at = served.seconds(fields.get("Valid-Until", "")), archive.dated
    not_automatic = fields.get("NotAutomatic", "").lower() == "yes"
    upgrades = fields.get("ButAutomaticUpgrades", "").lower() == "yes"
    last = {path.rpartition("/")[2] for path in names}
    endings = {name[len(stem) :] for name in last for stem in _INDEXES if name.startswith(stem)}
    there = {name for name, ending in COMPRESSIONS.items() if ending in endings}
    forms: dict[str, Any] = {
        "compressions": tuple(name for name in COMPRESSIONS if name in {"gz", "xz"} | there),
        "sums": tuple(name for name in CHECKSUMS if name in {"sha256", *archive.checksums}),
    }
    return one._replace(
        sources={},
        origin=fields.get("Origin", ""),
        label=fields.get("Label", ""),
        suite=fields.get("Suite", ""),
        codename=fields.get("Codename", ""),
        version=fields.get("Version", ""),
        description=fields.get("Description", "").partition("\n")[0],
        not_automatic=not_automatic,
        but_automatic_upgrades=not_automatic and upgrades,
        signed_by=" ".join(fields.get("Signed-By", "").split()),
        valid_for=max(until - at, 0) if until and at else 0,
        skip_signing=not archive.signature,
        **forms,
        omitted=tuple(name for name in OMITTABLE if name not in fields),
        keys=tuple(made.fingerprint for made in made_signatures(archive.signature)),
    )


def record(session: Session, found: FoundDistribution) -> int:
    """Store what was found as a generation, with a reference to each of its files.

    One that was adopted before and has been published anew since is replaced.
    """
    publication, archive = found.publication, found.archive
    key, now = publication.key, clock.now()
    with session.db.read() as txn:
        number = publications.last_number(txn, key) + 1
        before = publications.adopted(txn, key)
        known = list(publications.adopted_paths(txn, key, before.number)) if before else []
    files = [
        *(ledger.File(path, file.sha256, file.size) for path, file in sorted(found.files.items())),
        *(ledger.File(path, "", 0) for path in found.names),
    ]
    counts = dict.fromkeys(archive.architectures, 0)
    generation = Generation(
        number=number,
        state="live",
        base=0,
        parts={name: Part("", EMPTY, counts) for name in archive.components},
        architectures=tuple(sorted(set(counts) - {"all", "source"})),
        options="",
        created=clock.moment(archive.dated or now).isoformat(),
        who="",
        why=WHY,
        publication=publication._replace(live=number),
        committed=now,
        adopted=True,
    )
    with session.db.write() as txn:
        for position in range(0, len(files), ledger.BATCH):
            batch = files[position : position + ledger.BATCH]
            ledger.claim(txn, publication.place, batch)
            row = f"{generation_key(key, number)}\0{position:010}"
            txn[ADOPTED][row] = {"paths": [file.path for file in batch]}
        if before:
            gone = ledger.release(txn, publication.place, known, now)
            ledger.remove(txn, publication.place, gone)
            publications.remove_generation(txn, key, before.number)
        publications.put_generation(txn, key, generation)
        if archive.commit is not None:
            txn[COMMITS][generation_key(key, number).encode()] = archive.commit
        txn[DATES][key.encode()] = b"%d" % archive.dated
    return number


def check_signing(session: Session, publication: Publication, found: FoundDistribution) -> None:
    """Raise `Conflict` unless what is published next is signed by a key that clients trust."""
    made = made_signatures(found.archive.signature)
    if not made or publication.skip_signing:
        return
    trusted = ", ".join(sorted(one.fingerprint for one in made))
    where = commit_path(found.publication)
    hint = 'import the secret key of the other tool with "debrepo key import FILE", or use --force'
    try:
        keys = signers.resolve(session, publication)
    except SigningFailed as error:
        raise SigningFailed(f"{where} is signed by {trusted}: {error}", hint=hint) from None
    if not any(one.is_by(key) for one in made for key in keys):
        others = ", ".join(key.fingerprint for key in keys)
        raise Conflict(
            f"{where} is signed by {trusted}, and would be signed by {others}, which clients"
            " need not trust",
            hint=hint,
        )

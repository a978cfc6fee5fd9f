"""Carried files: installer images, AppStream metadata, descriptions, as their archive has them.

In a package set they are packages of kinds of their own, called after the component that they
belong to where others have a version. They are published in a component of this name: there
clients look for them, and the metadata would be of other packages elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo import catalog, packageset
from debrepo.archive.compression import unpack
from debrepo.archive.limits import Budget, Limits
from debrepo.catalog import CHUNKS
from debrepo.errors import InvalidInput, InvalidPackage
from debrepo_publish.engine.layout import CARRIED
from debrepo_publish.indexes.rendering import Rendered
from debrepo_publish.model.hashing import Checksums
from debrepo_publish.model.publication import CHECKSUMS, Index

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from debrepo.database import Transaction
    from debrepo.package import Package, PackageFile
    from debrepo.session import Session
    from debrepo_publish.engine.plan import Plan

_PACKED = (".bz2", ".gz", ".xz", ".zst")
_LARGEST = 2 << 30  # bytes that metadata may unpack to
_LIMITS = Limits(cpu=1 << 30)  # somebody has signed its checksum
_PIECE = 1 << 20
_PLACES = {"appstream": "dep11", "translation": "i18n"}
_LEGACY = "current/legacy-images"


def render(session: Session, plan: Plan, component: str, *, anew: bool) -> Iterator[Rendered]:
    """Yield the files that a component carries; their bytes only where clients have others.

    Of what is compressed, Release lists the checksums of what it unpacks to as well: apt asks
    for it by that name.
    """
    previous = plan.previous.indexes if plan.previous and not anew else {}
    with session.db.read() as txn:
        packages = list(_packages(txn, plan, component))
    for package in packages:
        files = {f"{component}/{_directory(package)}/{file.name}": file for file in package.files}
        if package.kind == "translation":
            _check_options(plan, component)
        yield from _files(session, plan, files, previous, unpacked=package.kind != "installer")


def _check_options(plan: Plan, component: str) -> None:
    """Raise `InvalidInput` where the publication makes a file of the same name itself."""
    if plan.publication.options.get("translations"):
        raise InvalidInput(
            f"{component}/i18n/Translation-en comes with a mirror, and --translations writes one",
            hint="publish it without --translations",
        )


def _packages(txn: Transaction, plan: Plan, component: str) -> Iterator[Package]:
    """Yield what is carried for a component, and for an architecture that it is served for."""
    served = {*plan.generation.architectures, "all"}
    for kind in CARRIED:
        start = f"{kind}\0".encode()
        for entry in packageset.find(txn[CHUNKS], plan.generation.parts[component].set_id, start):
            package = catalog.get(txn, entry)
            key = package.key
            if package.kind == kind and key.version == component and key.architecture in served:
                yield package


def _directory(package: Package) -> str:
    """Return where the files of a package are, below the component."""
    if package.kind in _PLACES:
        return _PLACES[package.kind]
    legacy = package.field("Directory") == _LEGACY  # as Ubuntu 20.04 has it
    return f"installer-{package.key.architecture}/{_LEGACY if legacy else 'current/images'}"


def _files(
    session: Session,
    plan: Plan,
    files: Mapping[str, PackageFile],
    previous: Mapping[str, Index],
    *,
    unpacked: bool,
) -> Iterator[Rendered]:
    done: set[str] = set()
    for path, file in sorted(files.items()):
        if not _is_below(path):
            continue
        index = _index(session, plan, file)
        same = previous.get(path) == index
        yield Rendered(path, index, None, pool="" if same else file.sha256)
        plain = next((path.removesuffix(end) for end in _PACKED if path.endswith(end)), "")
        if not unpacked or not plain or plain in files or plain in done:
            continue
        known = previous.get(plain) if same else None
        known = known or _unpacked(session, plan, file)
        if known:
            done.add(plain)
            yield Rendered(plain, known, None)


def _is_below(path: str) -> bool:
    parts = path.split("/")
    return not ({"", ".", "..", "by-hash"} & set(parts)) and path.isprintable() and " " not in path


def _index(session: Session, plan: Plan, file: PackageFile) -> Index:
    """Return the checksums of a file that the publication lists."""
    wanted = {*plan.publication.sums, "sha256"}
    known = [getattr(file, name) if name in wanted else "" for name in CHECKSUMS]
    if all(known[place] for place, name in enumerate(CHECKSUMS) if name in wanted):
        return _listed(file.size, known, stored=True)
    checksums = Checksums(plan.publication.sums)
    for piece in _pieces(session, file):
        checksums.feed(piece)
    return _listed(checksums.size, checksums.hexdigests(), stored=True)


def _listed(size: int, digests: Sequence[str], *, stored: bool) -> Index:
    md5, sha1, sha256, sha512 = digests
    return Index(size, md5, sha1, sha256, sha512, stored)


def _unpacked(session: Session, plan: Plan, file: PackageFile) -> Index | None:
    """Return the checksums of what a file unpacks to; nothing, where it cannot be unpacked."""
    suffix = "." + file.name.rpartition(".")[2]
    checksums = Checksums(plan.publication.sums)
    budget, source = Budget(_LIMITS), _pieces(session, file)
    try:
        for piece in unpack(source, suffix, file.name, limit=_LARGEST, budget=budget, several=True):
            checksums.feed(piece)
    except InvalidPackage as error:
        session.progress.note(f"Warning: {file.name} cannot be unpacked: {error}")
        return None
    return _listed(checksums.size, checksums.hexdigests(), stored=False)


def _pieces(session: Session, file: PackageFile) -> Iterator[bytes]:
    with session.pool.open(file.sha256) as source:
        while piece := source.read(_PIECE):
            yield piece

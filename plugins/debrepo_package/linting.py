"""Linting: what would keep packages out, and what is odd about them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from debrepo import archive, catalog, lists, packageset, remote_files
from debrepo.archive import Budget, Digests, Finding, Findings
from debrepo.archive.findings import kept_out
from debrepo.archive.stream import blocks
from debrepo.catalog import CHUNKS
from debrepo.errors import DebrepoError, InvalidPackage
from debrepo.ingest import configured_limits, find

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from debrepo.archive import Limits
    from debrepo.archive.findings import Level
    from debrepo.package import Package
    from debrepo.session import Session


class LintFinding(NamedTuple):
    """One thing that is wrong with a package, and whether the policy keeps the package out."""

    level: Level
    text: str
    refused: bool


class Linted(NamedTuple):
    """What was found in one package."""

    package: str  #: the file, or ``name_version_architecture`` of a package that is stored
    refused: bool  #: whether the policy keeps it out
    findings: tuple[LintFinding, ...]  #: the worst first


def lint(session: Session, paths: Iterable[Path], names: Sequence[str]) -> Iterator[Linted]:
    """Yield what is found in files, below directories, and in package lists."""
    limits = configured_limits(session.config)
    files = list(find(paths))
    for path in session.progress.track("Reading packages", files, total=len(files)):
        yield _linted(os.fspath(path), _of_file(path, limits), limits)
    with session.db.read() as txn:
        remote = remote_files.known(session.hook, txn) if names else frozenset[str]()
    for name in names:
        for package in _members(session, name):
            yield _linted(package.key.display, _of_stored(session, package, limits, remote), limits)


def _linted(name: str, findings: list[Finding], limits: Limits) -> Linted:
    levels = kept_out(limits.policy)
    order = ("unreadable", "refused", "odd")
    found = tuple(
        LintFinding(level, text, level in levels)
        for level, text in sorted(findings, key=lambda one: order.index(one.level))
    )
    return Linted(name, any(one.refused for one in found), found)


def _of_file(path: Path, limits: Limits) -> list[Finding]:
    try:
        if path.suffix in archive.EXTENSIONS:
            return _of_binary(path, path.suffix, limits)
        if path.suffix == ".dsc":
            archive.read_source(path, limits=limits)
            return []
        path.stat()
        return [Finding("unreadable", "not a package file by its name")]
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        list_too = "; of a package list, give kind and name, such as repo:NAME"
        more = list_too if not path.suffix and not os.path.lexists(path) else ""
        return [Finding("unreadable", f"cannot be read: {reason}{more}")]
    except DebrepoError as error:
        return [Finding("unreadable", str(error))]


def _of_binary(path: Path, extension: str, limits: Limits) -> list[Finding]:
    """Return all that is found; a package that cannot be read to its end is not read on."""
    findings, digests = Findings(None), Digests()
    try:
        with path.open("rb", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            content = archive.examine(
                digests.through(blocks(file)), size, Budget(limits, size, findings)
            )
        archive.describe(content, digests, extension)
    except InvalidPackage as error:
        findings.add("unreadable", str(error))
    return findings.found


def _members(session: Session, name: str) -> Iterator[Package]:
    """Yield the packages of a list, read in short transactions."""
    kind, plain = lists.parse(name, "repo")
    with session.db.read() as txn:
        entries = list(
            packageset.entries(txn[CHUNKS], lists.get(session.hook, txn, kind, plain).set_id)
        )
    for entry in session.progress.track("Reading packages", entries, total=len(entries)):
        with session.db.read() as txn:
            package = catalog.get(txn, entry)
        yield package


def _of_stored(
    session: Session, package: Package, limits: Limits, remote: frozenset[str]
) -> list[Finding]:
    if package.kind not in ("deb", "udeb"):
        return []
    found = dict.fromkeys(archive.stored_findings(package))
    sha256 = package.files[0].sha256
    if sha256 in remote and sha256 not in session.pool:
        return list(found)  # the file itself is read once it is here
    path = session.pool.path(sha256)
    try:
        found |= dict.fromkeys(_of_binary(path, f".{package.kind}", limits))
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        found[Finding("unreadable", f"its file cannot be read: {reason}")] = None
    return list(found)

"""Packages in GitLab's sense: a source version and everything built from it."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

from debrepo import catalog, lists, packageset
from debrepo.catalog import CHUNKS
from debrepo.errors import NotFound
from debrepo.packageset import EMPTY
from debrepo.version import sort_key
from debrepo_gitlab import distributions
from debrepo_gitlab.refusals import NoPackage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from debrepo.database import Transaction
    from debrepo.package import Package, PackageFile, PackageKey, SetId
    from debrepo.session import Session
    from debrepo_gitlab.containers import Container
    from debrepo_gitlab.distributions import Distribution

#: JavaScript's integers go as far, and so do the clients' JSON readers.
_BITS = 53


class Member(NamedTuple):
    """A binary or source package, and the repository that holds it."""

    repo: str
    package: Package


class SourceVersion(NamedTuple):
    """A source version and what was built from it.

    The number is derived from the package: it stays the same when it is uploaded again.
    """

    id: int
    project: int
    name: str
    version: str
    members: tuple[Member, ...]

    def files(self) -> list[tuple[int, Member, PackageFile]]:
        """Return the files without duplicates, each with its number."""
        found = {
            (file.name, file.sha256): (number("file", self.id, file.name, file.sha256), one, file)
            for one in self.members
            for file in one.package.files
        }
        return sorted(found.values(), key=lambda row: row[2].name)


def number(*parts: object) -> int:
    """Return a number that identifies these parts."""
    digest = blake2b("\0".join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> (64 - _BITS) or 1


def of_project(session: Session, txn: Transaction, project: Container) -> list[SourceVersion]:
    """Return the packages of all distributions of a project, sorted by name and version."""
    grouped: dict[tuple[str, str], dict[tuple[str, PackageKey], Member]] = {}
    for repo, package in _members(session, txn, project):
        row = grouped.setdefault(package.source, {})
        row[repo, package.key] = Member(repo, package)
    ordered = sorted(grouped.items(), key=lambda item: (item[0][0], sort_key(item[0][1])))
    return [
        SourceVersion(
            number(project.id, name, version), project.id, name, version, tuple(row.values())
        )
        for (name, version), row in ordered
    ]


def _members(
    session: Session, txn: Transaction, project: Container
) -> Iterator[tuple[str, Package]]:
    for found in distributions.list_(txn, project):
        for repo in found.repos:
            for entry in packageset.entries(txn[CHUNKS], held(session, txn, repo)):
                yield repo, catalog.get(txn, entry)


def held(session: Session, txn: Transaction, repo: str) -> SetId:
    """Return what a repository holds: nothing while its distribution is being dropped."""
    try:
        return lists.get(session.hook, txn, "repo", repo).set_id
    except NotFound:
        return EMPTY


def members_of(source: SourceVersion, file: int | None) -> list[Member]:
    """Return the members of a package, or those that a file belongs to."""
    if file is None:
        return list(source.members)
    wanted = next((f for number_, _, f in source.files() if number_ == file), None)
    if wanted is None:
        raise NoPackage(f"the package {source.name} {source.version} has no file {file}")
    return [one for one in source.members if wanted in one.package.files]


def stored(session: Session, files: Iterable[PackageFile]) -> float:
    """Return when the first of these files was added, according to the pool; 0 if unknown."""
    times = []
    for file in files:
        try:
            times.append(session.pool.path(file.sha256).stat().st_mtime)
        except FileNotFoundError:
            continue
    return min(times, default=0)


def date(seconds: float) -> str:
    """Return a time as clients read it."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def file(
    session: Session,
    txn: Transaction,
    found: Distribution,
    name: str,
    source: tuple[str, str] | None = None,
) -> PackageFile | None:
    """Return a file of a distribution by its name, or only if it is of this source version."""
    start = name.partition("_")[0].encode() + b"\0"
    for repo in found.repos:
        for entry in packageset.find(txn[CHUNKS], held(session, txn, repo), start):
            package = catalog.get(txn, entry)
            if source is None or package.source == source:
                for one in package.files:
                    if one.name == name:
                        return one
    return None

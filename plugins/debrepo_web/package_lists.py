"""Package lists as pages show them: repositories, mirrors and snapshots, and what they contain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from debrepo.errors import InvalidInput, NotFound
from debrepo_web.filters import url
from debrepo_web.paging import cut

if TYPE_CHECKING:
    from collections.abc import Sequence

    from debrepo.package import Package
    from debrepo.session import Session


class ListKind(NamedTuple):
    """A kind of package lists, and how pages and commands call it."""

    kind: str
    folder: str  #: below ``/web``
    title: str
    columns: tuple[str, ...]  #: after the name and the number of packages
    begin: str  #: the command that makes the first one
    sort: str = "name"


REPOS = ListKind(
    "repo",
    "repos",
    "Repositories",
    ("Component", "Distribution", "Comment"),
    "debrepo repo create NAME",
)
MIRRORS = ListKind(
    "mirror",
    "mirrors",
    "Mirrors",
    ("Archive", "Architectures", "Updated"),
    "debrepo mirror create NAME URL DISTRIBUTION",
)
SNAPSHOTS = ListKind(
    "snapshot",
    "snapshots",
    "Snapshots",
    ("Created", "Made from", "Description"),
    "debrepo snapshot create NAME from repo REPOSITORY",
    "time",
)
KINDS = {one.kind: one for one in (REPOS, MIRRORS, SNAPSHOTS)}


class Badge(NamedTuple):
    """A word about a list that one should see at once."""

    text: str
    tone: str = ""  #: ``good``, ``warn``, ``bad``, or nothing


class ListRow(NamedTuple):
    """A package list in the table of its kind."""

    name: str
    url: str
    size: int
    cells: tuple[str, ...]
    badges: tuple[Badge, ...] = ()


class ListTable(NamedTuple):
    """The lists of one kind that are on one page."""

    rows: Sequence[ListRow]
    page: int
    matching: int
    total: int


class Fact(NamedTuple):
    """Something known of a list, and where to read on."""

    label: str
    value: str
    url: str = ""
    code: bool = False


class Complaint(NamedTuple):
    """What is wrong with a query, in words, and with a mark below the place."""

    said: str
    hint: str


class PackageRow(NamedTuple):
    """A package in a table."""

    key: str
    name: str
    version: str
    architecture: str
    url: str
    size: int
    description: str


class ListContents(NamedTuple):
    """A package list, and one page of what it contains."""

    row: ListRow
    facts: tuple[Fact, ...]
    packages: tuple[PackageRow, ...]
    page: int
    matching: int
    total: int
    complaint: Complaint | None = None


def table(session: Session, kind: ListKind, *, name: str = "", page: int = 1) -> ListTable:
    """Return the lists of a kind whose names contain ``name``; of snapshots, the newest first."""
    found = session.call(f"{kind.kind}.list", sort=kind.sort)
    if kind is SNAPSHOTS:
        found = found[::-1]
    wanted = name.strip().casefold()
    matching = [one for one in found if wanted in _record(kind, one).name.casefold()]
    shown, page = cut(matching, page)
    return ListTable([_row(kind, one) for one in shown], page, len(matching), len(found))


def contents(
    session: Session, kind: ListKind, name: str, *, query: str = "", page: int = 1
) -> ListContents:
    """Return a list with one page of the packages in it that a query matches."""
    shown = session.call(f"{kind.kind}.show", name=name)
    row, facts = _row(kind, shown), tuple(_facts(kind, _record(kind, shown)))
    empty = ListContents(row, facts, (), 1, 0, shown.size)
    if not shown.size:
        return empty
    try:
        found = session.call("package.page", of=f"{kind.kind}:{name}", query=query, page=page)
    except InvalidInput as error:
        return empty._replace(complaint=Complaint(str(error), error.hint))
    rows = tuple(map(package_row, found.packages))
    return empty._replace(
        packages=rows, page=found.page, matching=found.matching, total=found.total
    )


def package_row(package: Package) -> PackageRow:
    """Return a package as tables show it."""
    key = package.key
    said = package.field("Description").partition("\n")[0]
    return PackageRow(
        str(key),
        key.name,
        key.version,
        key.architecture,
        url("packages", key.name, key.version, key.architecture, key.hash),
        sum(file.size for file in package.files),
        said or ("source package" if package.kind == "source" else ""),
    )


def list_url(name: str) -> str:
    """Return the address of the page of a list, ``kind:name``; empty if it has no page."""
    kind, _, rest = name.partition(":")
    return url(KINDS[kind].folder, rest) if kind in KINDS else ""


def publication_urls(session: Session) -> dict[str, str]:
    """Return the addresses of publications by their names, ``publication:place/distribution``."""
    known = session.call("publish.list") if "publish.list" in session.operations else []
    return {
        f"publication:{one.place}/{one.distribution}": url(
            "publications", one.place, one.distribution
        )
        for one in known
    }


def known_lists(session: Session) -> list[str]:
    """Return the names of all package lists, as ``kind:name``."""
    found = []
    for kind in KINDS.values():
        if f"{kind.kind}.list" in session.operations:
            shown = session.call(f"{kind.kind}.list")
            found += [f"{kind.kind}:{_record(kind, one).name}" for one in shown]
    return found


def check_known(kind: str) -> ListKind:
    """Return a kind of lists; raise `NotFound` where pages know none of that name."""
    if kind not in KINDS:
        raise NotFound(f"no package lists of the kind {kind[:80]!r}", hint="see /web")
    return KINDS[kind]


def _record(kind: ListKind, shown: Any) -> Any:
    return getattr(shown, kind.kind)


def _row(kind: ListKind, shown: Any) -> ListRow:
    one = _record(kind, shown)
    made = {"repo": _repo_cells, "mirror": _mirror_cells, "snapshot": _snapshot_cells}[kind.kind]
    return ListRow(one.name, url(kind.folder, one.name), shown.size, *made(shown))


def _repo_cells(shown: Any) -> tuple[tuple[str, ...], tuple[Badge, ...]]:
    repo = shown.repo
    return (repo.component, repo.distribution, repo.comment), ()


def _mirror_cells(shown: Any) -> tuple[tuple[str, ...], tuple[Badge, ...]]:
    mirror = shown.mirror
    badges = []
    if shown.busy:
        badges.append(Badge("updating", "good"))
    if not mirror.updated:
        badges.append(Badge("never updated", "warn"))
    if mirror.partial:
        badges.append(Badge("files are missing", "bad"))
    architectures = ", ".join(mirror.architectures)
    return (mirror.place, architectures, _when(mirror.updated)), tuple(badges)


def _snapshot_cells(shown: Any) -> tuple[tuple[str, ...], tuple[Badge, ...]]:
    snapshot = shown.snapshot
    badges = (Badge("protected"),) if snapshot.protected else ()
    sources = ", ".join(source.replace(":", " ", 1) for source in snapshot.sources)
    return (_when(snapshot.created), sources, snapshot.description), badges


def _facts(kind: ListKind, one: Any) -> list[Fact]:
    if kind is REPOS:
        found = [
            Fact("Component", one.component),
            Fact("Distribution", one.distribution),
            Fact("Comment", one.comment),
        ]
    elif kind is MIRRORS:
        found = [
            Fact("Archive", one.place, code=True),
            Fact("Architectures", ", ".join(one.architectures)),
            Fact("Only packages", one.filter, code=True),
            Fact("Updated", _when(one.updated)),
            Fact("Origin", one.release_field("Origin")),
            Fact("Signed by", ", ".join(one.signers), code=True),
        ]
    else:
        made_from = [Fact("Made from", source, list_url(source)) for source in one.sources]
        found = [
            Fact("Created", _when(one.created)),
            *made_from,
            Fact("Description", one.description),
        ]
    return [fact for fact in found if fact.value]


def _when(moment: str) -> str:
    """Return a time in ISO 8601 to the minute."""
    return moment[:16].replace("T", " ") + " UTC" if moment else ""

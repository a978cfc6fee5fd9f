"""Packages as pages show them: their versions, where these are held, and what they relate to."""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from debrepo import relations
from debrepo.errors import InvalidInput, NotFound
from debrepo.query.lexer import quote
from debrepo_web.filters import url
from debrepo_web.package_lists import (
    Complaint,
    PackageRow,
    list_url,
    package_row,
    publication_urls,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from debrepo.package import Package, PackageFile, PackageKey
    from debrepo.session import Session

#: Fields that name packages, in the order in which pages show them.
RELATIONS = (
    "Pre-Depends",
    "Depends",
    "Recommends",
    "Suggests",
    "Enhances",
    "Provides",
    "Breaks",
    "Conflicts",
    "Replaces",
    "Build-Depends",
    "Build-Depends-Indep",
    "Build-Depends-Arch",
    "Build-Conflicts",
)
#: Those that ask for something to be there.
_ASKING = frozenset(
    [
        *("Pre-Depends", "Depends", "Recommends", "Suggests"),
        *("Build-Depends", "Build-Depends-Indep", "Build-Depends-Arch"),
    ]
)
_ASIDE = frozenset(["Description", "Files", "Checksums-Sha1", "Checksums-Sha256", *RELATIONS])
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9+._-]*")


class PackagePlace(NamedTuple):
    """Where a package is held, or served."""

    name: str
    url: str
    published: bool


class Build(NamedTuple):
    """A version of a package on one architecture."""

    architecture: str
    url: str
    size: int


class VersionRow(NamedTuple):
    """A version of a package, with those of its builds that are held in the same places."""

    version: str
    builds: tuple[Build, ...]
    held: tuple[PackagePlace, ...]
    published: tuple[PackagePlace, ...]


class NamedPackage(NamedTuple):
    """All versions of a package, the newest first; of a virtual one, what provides it."""

    name: str
    summary: str
    versions: tuple[VersionRow, ...]
    providers: tuple[PackageRow, ...] = ()


class Related(NamedTuple):
    """A package in a dependency field."""

    name: str
    url: str
    rest: str  #: what the field asks of it besides
    state: str  #: of what is asked for: ``here``, ``other`` versions are, or ``absent``


class Relation(NamedTuple):
    """A dependency field: requirements, each of alternatives; as it is where it is malformed."""

    field: str
    requirements: tuple[tuple[Related, ...], ...]
    text: str


class ShownFile(NamedTuple):
    """A file of a package, with its checksums."""

    name: str
    size: int
    checksums: tuple[tuple[str, str], ...]


class PackageDetails(NamedTuple):
    """One package: what it says of itself, and where it is."""

    key: PackageKey
    url: str
    summary: str
    description: tuple[str, ...]  #: paragraphs
    fields: tuple[tuple[str, str, str], ...]  #: name, value, and an address or nothing
    relations: tuple[Relation, ...]
    files: tuple[ShownFile, ...]
    places: tuple[PackagePlace, ...]


class FoundPackages(NamedTuple):
    """One page of a search through everything."""

    rows: tuple[PackageRow, ...]
    page: int
    matching: int
    total: int
    complaint: Complaint | None = None


def search(session: Session, query: str, page: int) -> FoundPackages:
    """Return one page of the packages that a query matches, wherever they are."""
    try:
        found = session.call("package.page", query=query, page=page)
    except InvalidInput as error:
        return FoundPackages((), 1, 0, 0, Complaint(str(error), error.hint))
    rows = tuple(map(package_row, found.packages))
    return FoundPackages(rows, found.page, found.matching, found.total)


def wider(query: str) -> str:
    """Return the query for names that contain a word, if a query is no more than one."""
    word = query.strip()
    return f"Name (% *{word}*)" if _WORD.fullmatch(word) else ""


def named(session: Session, name: str) -> NamedPackage:
    """Return all versions of a package; raise `NotFound` if none is, and none provides it."""
    text = f"Name (= {quote(name)})"
    shown = session.call("package.show", text=text, with_references=True)
    if shown:
        published = publication_urls(session)
        summary = _description(shown[0].package)[0]
        return NamedPackage(name, summary, tuple(_versions(shown, published)))
    found = search(session, name, 1) if _WORD.fullmatch(name) else None
    if not found or not found.rows:
        raise NotFound(f"no package is called {name[:80]}", hint='run "debrepo package search"')
    return NamedPackage(name, "", (), found.rows)


def details(session: Session, key: PackageKey) -> PackageDetails:
    """Return all that is known of one package; raise `NotFound` if there is none."""
    try:
        shown = session.call("package.show", text=str(key), with_references=True)
    except InvalidInput:  # an address that is no key
        shown = []
    if not shown:
        raise NotFound(f"no package {str(key)[:120]}", hint='run "debrepo package search"')
    package = shown[0].package
    summary, *paragraphs = _description(package)
    return PackageDetails(
        package.key,
        package_url(package.key),
        summary,
        tuple(paragraphs),
        tuple(_fields(package)),
        tuple(_relations(session, package)),
        tuple(map(_file, package.files)),
        tuple(_places(shown[0].references, publication_urls(session))),
    )


def package_url(key: PackageKey) -> str:
    """Return the address of the page of one package."""
    return url("packages", key.name, key.version, key.architecture, key.hash)


def _versions(shown: Iterable[Any], published: Mapping[str, str]) -> Iterable[VersionRow]:
    def alike(one: Any) -> tuple[str, tuple[str, ...]]:
        return one.package.key.version, one.references

    for (version, references), group in groupby(shown, alike):
        builds = tuple(_build(one.package) for one in group)
        places = _places(references, published)
        held = tuple(place for place in places if not place.published)
        yield VersionRow(version, builds, held, tuple(p for p in places if p.published))


def _build(package: Package) -> Build:
    key = package.key
    return Build(key.architecture, package_url(key), sum(file.size for file in package.files))


def _places(references: Iterable[str], published: Mapping[str, str]) -> list[PackagePlace]:
    places = []
    for reference in references:
        kind, _, name = reference.partition(":")
        if kind == "publication":
            places.append(PackagePlace(name.removeprefix("./"), published.get(reference, ""), True))
        else:
            places.append(PackagePlace(f"{kind} {name}", list_url(reference), False))
    return places


def _description(package: Package) -> list[str]:
    """Return the synopsis and the paragraphs of a description (Policy 5.6.13)."""
    synopsis, _, rest = package.field("Description").partition("\n")
    paragraphs = [""]
    for line in rest.split("\n") if rest else ():
        if line.strip() == ".":
            paragraphs.append("")
        else:
            # Lines run on, but for those that are indented further.
            text, line = paragraphs[-1], line.removeprefix(" ")
            apart = line.startswith(" ") or text.rpartition("\n")[2].startswith(" ")
            paragraphs[-1] += ("\n" if apart else " ") + line if text else line
    return [synopsis, *(text for text in paragraphs if text.strip())]


def _fields(package: Package) -> Iterable[tuple[str, str, str]]:
    for name, value in package.fields().items():
        if name in _ASIDE:
            continue
        address = ""
        if name == "Source" and package.kind != "source":
            address = url("packages", package.source[0])
        elif name == "Homepage" and re.match(r"https?://\S+\Z", value):
            address = value
        yield name, value, address


def _relations(session: Session, package: Package) -> Iterable[Relation]:
    texts = {field: text for field in RELATIONS if (text := package.field(field))}
    parsed = {field: _parsed(text) for field, text in texts.items()}
    names = {
        one.name for field in parsed.values() for alternatives in field for one in alternatives
    }
    known = _known(session, names)
    for field, text in texts.items():
        versions = known if field in _ASKING else None
        shown = tuple(tuple(_related(one, versions) for one in some) for some in parsed[field])
        yield Relation(field, shown, "" if shown else text)


def _parsed(text: str) -> relations.Requirements:
    try:
        return relations.parse(" ".join(text.split()))
    except InvalidInput:
        return relations.Requirements()


def _known(session: Session, names: Iterable[str]) -> dict[str, set[str]]:
    """Return the versions that there are of packages with these names."""
    terms = [f"Name (= {quote(name)})" for name in sorted(names)]
    known: dict[str, set[str]] = {}
    if terms:
        for found in session.call("package.search", queries=[" | ".join(terms)]):
            known.setdefault(found.key.name, set()).add(found.key.version)
    return known


def _related(one: relations.Alternative, known: Mapping[str, set[str]] | None) -> Related:
    state = "" if known is None else _state(one, known.get(one.name, set()))
    return Related(one.name, url("packages", one.name), str(one).removeprefix(one.name), state)


def _state(one: relations.Alternative, versions: set[str]) -> str:
    if any(map(one.satisfied_by, versions)):
        return "here"
    return "other" if versions else "absent"


def _file(file: PackageFile) -> ShownFile:
    checksums = {
        "SHA256": file.sha256,
        "SHA512": file.sha512,
        "SHA1": file.sha1,
        "MD5": file.md5,
    }
    return ShownFile(file.name, file.size, tuple((n, v) for n, v in checksums.items() if v))

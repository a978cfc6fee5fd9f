"""Published archives: brought component by component, from what they have signed.

The mirrors that fetch them stay: another run asks them what is new, and fetches only that.
"""

from __future__ import annotations

import re
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from debrepo import packageset
from debrepo.catalog import CHUNKS
from debrepo.errors import DebrepoError, InvalidInput, NotFound
from debrepo.lists import get
from debrepo_import import lists
from debrepo_import.foreign import ForeignList
from debrepo_import.report import ImportReport, Remark

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from debrepo.package import PackageList
    from debrepo.session import Session

_RELEASES = ("InRelease", "Release")
_URL = re.compile(r"[a-z][a-z0-9+]*://", re.I)


class TreeTerms(NamedTuple):
    """What to bring of an archive, and how far to trust it."""

    suites: tuple[str, ...] = ()  #: empty: all that a directory has
    components: tuple[str, ...] = ()  #: empty: all
    name: str = "{suite}-{component}"  #: of repositories and mirrors
    snapshots: bool = False  #: whether to take a snapshot of each state as well
    keyrings: tuple[str, ...] = ()
    ignore_signatures: bool = False


class _Part(NamedTuple):
    """One component of one suite, and the mirror that fetches it."""

    suite: str
    component: str
    name: str


class _Updated(NamedTuple):
    mirror: Any
    remarks: tuple[Remark, ...]
    added: int
    files: int
    bytes: int


def bring(session: Session, location: str, terms: TreeTerms) -> ImportReport:
    """Bring what an archive has published now into repositories, one for each component.

    What cannot be brought is a remark, and does not keep the rest from coming.
    """
    url = _url(location)
    suites = terms.suites or tuple(_suites(location))
    if not suites:
        raise InvalidInput(
            f"cannot tell which suites {location} has", hint="name them with --suite"
        )
    total = ImportReport(0, 0, 0, (), (), 0, ())
    for suite in suites:
        try:
            parts = _parts(session, url, suite, terms)
        except DebrepoError as error:
            total = _with(total, Remark("refused", f"suite {suite}", _said(error)))
            continue
        for part in parts:
            total = _bring_part(session, url, part, terms, total)
    return total


def _bring_part(
    session: Session, url: str, part: _Part, terms: TreeTerms, total: ImportReport
) -> ImportReport:
    try:
        updated = _update(session, url, part, terms)
    except DebrepoError as error:
        subject = f"suite {part.suite}, component {part.component}"
        return _with(total, Remark("damaged", subject, _said(error)))
    total = total._replace(
        packages=total.packages + updated.added,
        files=total.files + updated.files,
        bytes=total.bytes + updated.bytes,
    )
    total = _with(total, *updated.remarks)
    for found in _lists(session, part, updated.mirror, terms):
        done = lists.put(session, f"tree:{url}", found, {e: e for e in found.entries})
        name = f"{found.kind}:{found.name}"
        total = _with(total, *done.remarks)
        if done.outcome == "created":
            total = total._replace(created=(*total.created, name))
        elif done.outcome == "changed":
            total = total._replace(changed=(*total.changed, name))
        elif done.outcome == "unchanged":
            total = total._replace(unchanged=total.unchanged + 1)
    return total


def _with(total: ImportReport, *remarks: Remark) -> ImportReport:
    return total._replace(remarks=(*total.remarks, *remarks))


def _said(error: DebrepoError) -> str:
    return f"{error}; {error.hint}" if error.hint else str(error)


def _url(location: str) -> str:
    """Return the URL of an archive root, of a directory too."""
    if _URL.match(location):
        return location.rstrip("/") + "/"
    path = Path(location).expanduser().absolute()
    if not path.is_dir():
        raise NotFound(f"{location} is no directory", hint="name the one above dists/, or a URL")
    return f"file://{quote(str(path))}/"


def _suites(location: str) -> Iterator[str]:
    """Yield the suites below ``dists`` of a directory, or that it is a flat repository.

    A link to a suite is another name of it, and no suite.
    """
    root = Path(location).expanduser()
    if _URL.match(location):
        return
    dists = root / "dists"
    if not dists.is_dir():
        if any((root / name).exists() for name in _RELEASES):
            yield "./"
        return
    found = {
        str(file.parent.relative_to(dists))
        for name in _RELEASES
        for file in dists.rglob(name)
        if not file.parent.name.startswith("binary-")
        and not any((file.parent / index).exists() for index in ("Packages.gz", "Sources.gz"))
        and not any(parent.is_symlink() for parent in (file.parent, *file.parent.parents))
    }
    yield from sorted(name for name in found if not _is_below_component(dists, name))


def _is_below_component(dists: Path, name: str) -> bool:
    """Return whether a directory is one of sources, which has a small Release file of its own."""
    parent, _, last = name.rpartition("/")
    return last == "source" and bool(parent) and (dists / parent).is_dir()


def _options(terms: TreeTerms) -> dict[str, Any]:
    options: dict[str, Any] = {"ignore_signatures": terms.ignore_signatures}
    return options | ({"keyrings": terms.keyrings} if terms.keyrings else {})


def _parts(session: Session, url: str, suite: str, terms: TreeTerms) -> list[_Part]:
    """Return the components of a suite, as its Release file says, each with a mirror of its own."""
    flat = suite.endswith("/")
    wanted: Sequence[str] = ("main",) if flat else terms.components
    if not wanted:
        wanted = _components(session, url, suite, terms)
    label = suite.strip("./") or url.rstrip("/").rpartition("/")[2] or "flat"
    return [
        _Part(suite, component, _name(terms.name, label if flat else suite, component))
        for component in wanted
    ]


def _name(template: str, suite: str, component: str) -> str:
    made = template.replace("{suite}", suite).replace("{component}", component)
    return re.sub(r"[/:\s]+", "-", made).strip("-")


def _components(session: Session, url: str, suite: str, terms: TreeTerms) -> Sequence[str]:
    """Return the components that the verified Release file of a suite names.

    A mirror that an earlier run has made knows those of its last update.
    """
    mirrors = [shown.mirror for shown in session.call("mirror.list")]
    for mirror in mirrors:
        if (mirror.url, mirror.distribution) == (url, suite):
            start = suite.partition("/")[2] + "/"
            names = mirror.release_field("Components").split()
            return [one.removeprefix(start) for one in names] or mirror.components
    name = _name("import of {suite}", suite, "")
    created = session.call(
        "mirror.create", name=name, url=url, distribution=suite, options=_options(terms)
    )
    session.call("mirror.drop", name=name)
    found: Sequence[str] = created.components
    return found


def _update(session: Session, url: str, part: _Part, terms: TreeTerms) -> _Updated:
    """Bring the mirror of a component up to date, after creating it if there is none."""
    known = {shown.mirror.name: shown.mirror for shown in session.call("mirror.list")}
    flat = part.suite.endswith("/")
    mirror = known.get(part.name)
    if mirror is None:
        more = {} if flat else {"udebs": True}
        mirror = session.call(
            "mirror.create",
            name=part.name,
            url=url,
            distribution=part.suite,
            components=() if flat else (part.component,),
            options={**_options(terms), **more, "sources": True, "architectures": ()},
        )
    elif (mirror.url, mirror.distribution) != (url, part.suite):
        raise InvalidInput(
            f"there is a mirror {part.name} of another archive: {mirror.place}",
            hint="give these another name with --name",
        )
    done = session.call("mirror.update", name=part.name, allow_missing=True)
    shown = session.call("mirror.show", name=part.name, problems=True)
    missing = [Remark("missing", f"{part.suite} {part.component}", said) for said in done.missing]
    faults = [
        Remark("refused", f"{part.suite} {part.component}", f"{one.where}: {one.what}: {one.text}")
        for one in shown.faults
        if not _is_no_fault(one)
    ]
    return _Updated(shown.mirror, (*missing, *faults), done.added, done.files, done.fetched)


def _stamp(mirror: Any) -> str:
    """Return the date of what a mirror has, as part of a name."""
    try:
        date = parsedate_to_datetime(mirror.release_field("Date"))
    except (TypeError, ValueError):
        date = datetime.fromisoformat(mirror.updated)
    return f"{date:%Y%m%dT%H%M%SZ}"


def _is_no_fault(fault: Any) -> bool:
    """Return whether a component is without sources, which many are."""
    return bool(fault.what.endswith("/source/Sources"))


def _lists(session: Session, part: _Part, mirror: Any, terms: TreeTerms) -> Iterator[ForeignList]:
    """Yield the lists that a component becomes here."""
    with session.db.read() as txn:
        found: PackageList = get(session.hook, txn, "mirror", part.name)
        entries = frozenset(packageset.entries(txn[CHUNKS], found.set_id))
    distribution = "" if part.suite.endswith("/") else part.suite
    properties: Mapping[str, Any] = {
        "component": part.component.rpartition("/")[2] or "main",
        "distribution": distribution,
        "comment": f"From {mirror.url} {part.suite} {part.component}",
    }
    state = found.set_id.hex()
    yield ForeignList("repo", part.name, entries, properties, state)
    if terms.snapshots:
        name = f"{part.name}-{_stamp(mirror)}"
        said = {
            **properties,
            "description": f"Snapshot from {found}: {found.origin}",
            "sources": (str(found),),
            "release": found.release,
        }
        yield ForeignList("snapshot", name, entries, said, state)

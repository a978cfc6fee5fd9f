"""The site: the public pages, written into a published tree for storages without a server."""

from __future__ import annotations

import hashlib
from contextlib import closing
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from debrepo.errors import Conflict, InvalidInput, NotFound, PluginError
from debrepo_web import faces, filters, trees
from debrepo_web.tables import SITES, Site

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

    from debrepo.session import Session
    from debrepo.storage import Storage

_ASSETS = "debrepo-site"  #: directory below the prefix for the style sheet and the script
_FILES = ("web.css", "web.js", "icon.svg")


class WrittenSite(NamedTuple):
    """What was written of the pages of a place; paths are below the prefix."""

    place: str
    url: str
    written: tuple[str, ...]
    deleted: tuple[str, ...]
    unchanged: int  #: files that were as they are to be


def site(session: Session, place: str = "", *, url: str = "", remove: bool = False) -> WrittenSite:
    """Write pages for users of a place into its published tree: what a server shows at ``/``.

    ``url`` is that of the archive root, where the storage does not know it. Only what has changed
    is written, and what is not published any more deleted; with ``remove``, all of it.
    """
    session.check_thawed()
    place = session.spelled("place", place)
    overviews = [one for one in session.call("publish.overview") if one.publication.place == place]
    with session.db.read() as txn:
        before = txn[SITES].get(place)
    if overviews:
        known = overviews[0].publication
        before = Site(known.storage, known.prefix, before.files if before else {})
    if before is None:
        raise NotFound(f"nothing is published in {place}", hint='run "debrepo publish list"')
    with (
        session.leases.hold(f"site {place}", note=lambda lease: _wait(session, lease)),
        closing(session.storage(before.storage)) as storage,
    ):
        known_url = storage.url("" if before.prefix == "." else before.prefix)
        where = (url or known_url).rstrip("/")
        live = [] if remove else [one for one in overviews if one.generation]
        if live and not where:
            raise InvalidInput(
                f"the URL of {place} is not known",
                hint="name it with --url, or set public_url of its storage",
            )
        wanted = _files(session, live, where) if live else {}
        written, deleted = _put(session, storage, place, before, wanted)
    return WrittenSite(place, where, written, deleted, len(wanted) - len(written))


def _wait(session: Session, lease: object) -> None:
    session.progress.note(f"Waiting for {lease}.")


def _files(session: Session, live: list[Any], url: str) -> dict[str, bytes]:
    """Return the content of each file of the pages of a place, by path below the prefix."""
    found: dict[str, bytes] = {
        f"{_ASSETS}/{name}": (_rendering().HERE / "static" / name).read_bytes() for name in _FILES
    }
    shown = []
    for one in live:
        name = one.publication.distribution
        addresses = _addresses(url, name)
        face = faces.whole(session, one, url, addresses)
        shown.append(face)
        _add(found, f"{name}.html", _page(session, "face.html", name, face=face))
        _add(found, f"{name}.atom", _text("feed.xml", face=face))
        if face.usage:
            _add(found, f"{name}.sources", face.usage.stanza)
        if face.usage and face.usage.keyring:
            _add(found, f"{name}.asc", face.usage.keyring)
    _add(found, "index.html", _page(session, "landing.html", "index", faces=shown))
    return found


def _add(found: dict[str, bytes], path: str, text: str) -> None:
    if path in found:
        raise InvalidInput(f"two pages would be called {path}", hint="publish one elsewhere")
    found[path] = text.encode()


def _addresses(url: str, distribution: str) -> trees.Addresses:
    start = f"{url}/{quote(distribution, safe='/~:')}"
    return trees.Addresses(f"{start}.sources", f"{start}.asc", f"{start}.html", f"{start}.atom")


def _page(session: Session, template: str, name: str, **values: object) -> str:
    """Return a page; ``name`` is its path, from which its links to others are relative."""
    up = "../" * name.count("/")
    around = _rendering().site(session.config) | {
        "home": f"{up}index.html",
        "static": True,
        "navigation": (),
        "asset": lambda file: f"{up}{_ASSETS}/{file}",
        "when": lambda at: f"published on {filters.moment(at)[:10]}",
    }
    return _text(template, **around, **values)


def _text(template: str, **values: object) -> str:
    text: str = _rendering().environment().get_template(template).render(values)
    return text


def _rendering() -> ModuleType:
    """Return what makes pages; it needs packages that the other commands do without."""
    try:
        from debrepo_web import rendering
    except ModuleNotFoundError as error:
        raise PluginError(
            f"pages need {error.name}", hint="pip install 'debrepo-manager[serve]'"
        ) from None
    return rendering


def _put(
    session: Session, storage: Storage, place: str, before: Site, wanted: Mapping[str, bytes]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Write what differs, delete what is not wanted, and return the paths of both.

    A row in the database says first which files are to be ours: what a crash leaves is known.
    """
    known = before.files
    digests = {path: hashlib.sha256(data).hexdigest() for path, data in wanted.items()}
    changed = [path for path in wanted if known.get(path) != digests[path]]
    gone = [path for path in known if path not in wanted]
    full = {path: _below(before.prefix, path) for path in [*changed, *gone]}
    for path in changed:
        if path not in known and storage.stat(full[path]):
            raise Conflict(
                f"{full[path]} was not written by debrepo", hint="move it away, and try again"
            )
    marked = {**known, **dict.fromkeys([*changed, *gone], "")}
    _record(session, place, before._replace(files=marked))
    for path in changed:
        storage.put(full[path], wanted[path])
    storage.delete([full[path] for path in gone])
    storage.flush()
    _record(session, place, before._replace(files=digests))
    return tuple(changed), tuple(gone)


def _below(prefix: str, path: str) -> str:
    return path if prefix == "." else f"{prefix}/{path}"


def _record(session: Session, place: str, site: Site) -> None:
    with session.db.write() as txn:
        if site.files:
            txn[SITES][place] = site
        else:
            txn[SITES].pop(place, None)

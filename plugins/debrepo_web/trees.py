"""Published trees: which of them a caller may read, where they are, and how apt finds them."""

from __future__ import annotations

import re
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple, Protocol
from urllib.parse import quote

from debrepo.errors import DebrepoError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fastapi import Request

    from debrepo.http import Caller, Door
    from debrepo.session import Session

_KEY = re.compile(r"^Signed-By:\n((?: .*\n)+)", re.MULTILINE)


class ShownPublication(Protocol):
    """A publication, as far as pages know it."""

    @property
    def storage(self) -> str: ...
    @property
    def prefix(self) -> str: ...
    @property
    def place(self) -> str: ...
    @property
    def distribution(self) -> str: ...
    @property
    def key(self) -> str: ...
    def path(self, path: str) -> str: ...


class ShownTree(NamedTuple):
    """A published tree that a caller may read, and where that is."""

    publication: ShownPublication
    url: str
    path: str  #: what leads to it on this server, as in ``/sources/PATH.sources``; not quoted

    @property
    def name(self) -> str:
        """What people call it: ``stable``, ``team/stable``."""
        return name_of(self.publication)


class Addresses(NamedTuple):
    """Where clients and their users find what is about a publication; empty: nowhere."""

    sources: str = ""
    keyring: str = ""
    landing: str = ""
    feed: str = ""


class Usage(NamedTuple):
    """How a client gets to know a publication."""

    stanza: str  #: the ``.sources`` file, with the key in it
    keyring: str  #: the keys alone, armored; empty if it is not signed
    line: str  #: the one-line form of sources.list(5)
    file: str  #: what its files on a client may be called, without an ending


def name_of(one: ShownPublication) -> str:
    """Return what people call a publication: ``stable``, ``team/stable``."""
    return f"{one.place}/{one.distribution}".removeprefix("./")


def unasked(door: Door) -> Session:
    """Return a session that may call what the caller may not: the answers are chosen here."""
    return door.session.acting(actor=door.caller.name)


def readable(request: Request, door: Door) -> Iterator[ShownTree]:
    """Yield the published trees whose files the caller may read."""
    session = unasked(door)
    known: Sequence[ShownPublication] = (
        session.call("publish.list") if "publish.list" in session.operations else []
    )
    for one in known:
        url = url_of(request, session, one)
        if url and is_readable(session, one, door.caller):
            yield ShownTree(one, url, path_of(one))


def path_of(one: ShownPublication) -> str:
    """Return what leads to a publication in addresses of this server."""
    return f"{one.storage or '-'}/{one.path(one.distribution)}"


def addresses(base: str, path: str) -> Addresses:
    """Return where a server finds what is about the publication with this `path_of`."""
    quoted = quote(path, safe="/~:")
    return Addresses(
        f"{base}/sources/{quoted}.sources",
        f"{base}/keyrings/{quoted}.asc",
        f"{base}/publications/{quoted}",
        f"{base}/feeds/{quoted}.atom",
    )


def usage(session: Session, one: ShownPublication, url: str) -> Usage:
    """Return how clients get to know a publication whose archive root has a URL."""
    place = {"distribution": one.distribution, "place": one.place}
    stanza = session.call("publish.sources", **place, url=url)
    key = _KEY.search(stanza)
    lines = key[1].splitlines() if key else ()
    keyring = "".join(f"{line[1:].removeprefix('.')}\n" for line in lines)
    fields = dict(re.findall(r"^(\S+): (.*)$", stanza, re.MULTILINE))
    file = re.sub(r"[^a-z0-9]+", "-", name_of(one).lower()).strip("-") or "debrepo"
    trust = f"signed-by=/etc/apt/keyrings/{file}.asc" if keyring else "trusted=yes"
    line = f"deb [{trust}] {fields['URIs']} {fields['Suites']} {fields['Components']}"
    return Usage(stanza, keyring, line, file)


def is_readable(session: Session, one: ShownPublication, caller: Caller) -> bool:
    """Return whether a caller may download what clients of a publication do."""
    path = one.path(f"dists/{one.distribution}/InRelease")
    if not caller.may(f"download:{one.storage or '-'}/{path}"):
        return False
    try:
        with session.db.read() as txn:
            session.hook.debrepo_download(txn=txn, storage=one.storage, path=path, caller=caller)
    except DebrepoError:
        return False
    return True


def url_of(request: Request, session: Session, one: ShownPublication) -> str:
    """Return where clients find the root of an archive: the storage knows it, or it is here."""
    prefix = "" if one.prefix == "." else one.prefix
    try:
        with closing(session.storage(one.storage)) as storage:
            if url := storage.url(prefix):
                return url
            if storage.local_path("dists") is None:
                return ""
    except DebrepoError:
        return ""
    path = quote(f"/repos/{one.storage or '-'}/{prefix}".rstrip("/"), safe="/~:")
    return own_url(request) + path


def own_url(request: Request) -> str:
    """Return where browsers find the root of this server."""
    said = request.headers.get("x-forwarded-proto", "")  # by a proxy; it only changes this answer
    scheme = said if said in {"http", "https"} else request.url.scheme
    return f"{scheme}://{request.headers.get('host', 'localhost')}"

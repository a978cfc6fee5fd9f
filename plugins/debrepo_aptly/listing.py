"""Listings: the packages of a list, as clients ask for them and read them."""

import json
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Annotated, Any, NamedTuple

from fastapi import Depends, Query, Response
from fastapi.responses import StreamingResponse
from starlette.concurrency import iterate_in_threadpool

from debrepo import catalog
from debrepo.dependencies import Dependencies
from debrepo.http.answers import JSON
from debrepo.http.doors import Door
from debrepo.package import Entry
from debrepo.selection import Found
from debrepo.session import Session
from debrepo_aptly.bodies import Flag
from debrepo_aptly.shapes import stanza_object

_BATCH = 256  # packages read in one transaction, so that a slow client holds none open
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


class ListTerms(NamedTuple):
    """The query parameters that every list of packages takes."""

    query: str = ""
    with_dependencies: bool = False
    details: bool = False
    latest: bool = False

    def arguments(self) -> dict[str, Any]:
        """Return them as arguments of the operations that search."""
        return {
            "queries": [self.query] if self.query else [],
            "dependencies": Dependencies() if self.with_dependencies else None,
            "latest": self.latest,
        }


def _asked(
    q: Annotated[str, Query(description="A package query")] = "",
    with_deps: Annotated[Flag, Query(alias="withDeps")] = False,
    format_: Annotated[str, Query(alias="format", description="details: whole stanzas")] = "",
    maximum_version: Annotated[Flag, Query(alias="maximumVersion")] = False,
) -> ListTerms:
    """Read the parameters as spelled in aptly's API."""
    # Without a query all packages are asked for, and with them all that they depend on.
    return ListTerms(q, with_deps and bool(q), format_ == "details", maximum_version)


#: The parameters of a list of packages, for a route.
ListQuery = Annotated[ListTerms, Depends(_asked)]


async def list_packages(
    door: Door, version: str, asked: ListTerms, search: Callable[[], Sequence[Found]]
) -> Response:
    """Answer with the packages that ``search`` finds: their keys, or their stanzas.

    ``version`` names the state of what is searched, such as the hash of a package set; keys
    are kept under it, unless it is empty. Stanzas are sent as they are read.
    """
    if asked.details:
        found = await door.in_turn(lambda: [one.key.entry for one in search()])
        return StreamingResponse(_stanzas(door.session, found), media_type=JSON.media_type)

    def make() -> bytes:
        return json.dumps([str(one.key) for one in search()]).encode()

    if not version:
        return Response(await door.in_turn(make), media_type=JSON.media_type)
    return await door.kept(f"packages {version} {asked!r}", make)


def _stanzas(session: Session, found: list[Entry]) -> AsyncIterator[bytes]:
    return iterate_in_threadpool(_joined(_batches(session, iter(found))))


def _batches(session: Session, found: Iterator[Entry]) -> Iterator[list[bytes]]:
    while batch := list(islice(found, _BATCH)):
        with session.db.read() as txn:
            packages = [catalog.get(txn, entry) for entry in batch]
        yield [_encoded(stanza_object(package)) for package in packages]


def _joined(batches: Iterable[list[bytes]]) -> Iterator[bytes]:
    opening = b"["
    for batch in batches:
        yield opening + b",".join(batch)
        opening = b","
    yield b"[]" if opening == b"[" else b"]"


def _encoded(value: object) -> bytes:
    return _ENCODER.encode(value).encode()

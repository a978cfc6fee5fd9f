"""Expecting: what a publish is about to read, fetched together where the database is far away.

Nothing depends on it but the number of round trips.
"""

from __future__ import annotations

from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Any

from debrepo import catalog, lists, packageset
from debrepo.catalog import CHUNKS, CONTENTS, PACKAGES
from debrepo.errors import NotFound
from debrepo.package import SetId
from debrepo.values import NamedTuple
from debrepo_publish.engine import ledger
from debrepo_publish.engine.layout import files, written_files
from debrepo_publish.model.publication import generation_key
from debrepo_publish.model.tables import (
    ADOPTED,
    CLIENT_FILES,
    COMMITS,
    DATES,
    DISPLACED,
    FILES,
    GENERATIONS,
    HISTORY,
    PUBLICATIONS,
    RETIRED,
    SWITCHES,
    TOPS,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pluggy import HookRelay

    from debrepo.database import Table, Transaction
    from debrepo.package import Entry, Package
    from debrepo_publish.model.publication import Generation, Part

_CHUNKS = 4  # that have changed: of more, the packages are fetched as they are needed
_HASH = len(packageset.EMPTY)
_ROWS = 256  # packages whose files are looked up together


class Expected(NamedTuple):
    """Keys, and what keys start with, of what will be read of a publication."""

    sets: Sequence[SetId] = ()
    live: str = ""  #: the key of the generation that is live; empty: it is not known

    @property
    def keys(self) -> dict[Table[Any, Any], Sequence[Any]]:
        """What to fetch by its keys."""
        return {CHUNKS: self.sets, COMMITS: [self.live.encode()] if self.live else []}

    @property
    def starts(self) -> list[tuple[Table[Any, Any], bytes]]:
        """What to fetch by what the keys start with."""
        under = f"{self.live}\0".encode()
        return [(RETIRED, under), (ADOPTED, under)] if self.live else []


NOTHING = Expected()


def publication(
    txn: Transaction, hook: HookRelay, place: str, key: str, expected: Expected | None = None
) -> Expected:
    """Fetch what is stored of a publication, and the top of each set that it is made from.

    Without ``expected``, return what to expect, and do not fetch it yet.
    """
    if not txn.far:
        return NOTHING
    if expected is None:
        txn.preload({PUBLICATIONS: [key], TOPS: [key.encode()]})
        return _expected(txn, hook, key, _tops(txn, key))
    start, ours = f"{key}\0".encode(), ledger.place_key(place)
    txn.preload(
        {PUBLICATIONS: [key], DATES: [key.encode()], CLIENT_FILES: [key], **expected.keys},
        [
            (GENERATIONS, start),
            (GENERATIONS, f"{place} ".encode()),
            (SWITCHES, start),
            (HISTORY, start),
            (FILES, ours),
            (DISPLACED, ours),
            *expected.starts,
        ],
    )
    known = txn[PUBLICATIONS].get(key)
    live = txn[GENERATIONS].get(generation_key(key, known.live)) if known else None
    sets = [part.set_id for part in live.parts.values()] if live else []
    found = _expected(txn, hook, key, sets)
    txn.preload(found.keys, found.starts)
    return found


def _expected(txn: Transaction, hook: HookRelay, key: str, live: list[SetId]) -> Expected:
    """Return what to fetch for a publication of which some sets are live."""
    known = txn[PUBLICATIONS].get(key)
    if known is None:
        return NOTHING
    for source in known.sources.values():
        with suppress(NotFound):  # the plan says so
            live.append(lists.get(hook, txn, *lists.parse(source, "")).set_id)
    return Expected(live, generation_key(key, known.live))


def note(txn: Transaction, key: str, live: Generation | None) -> None:
    """Note the sets of a generation that is live now; none: it has been dropped."""
    if not txn.far:
        return
    if live is None:
        txn[TOPS].discard(key.encode())
    else:
        txn[TOPS][key.encode()] = b"".join(part.set_id for part in live.parts.values())


def _tops(txn: Transaction, key: str) -> list[SetId]:
    found = txn[TOPS].get(key.encode(), b"")
    return [SetId(found[at : at + _HASH]) for at in range(0, len(found), _HASH)]


def changes(txn: Transaction, before: Part | None, part: Part) -> None:
    """Fetch the packages of chunks that have changed: their indexes are rendered anew."""
    if not txn.far:
        return
    store = txn[CHUNKS]
    old = before.set_id if before else packageset.EMPTY
    changed = packageset.unshared(store, old, part.set_id)[1]
    if len(changed) > _CHUNKS:
        return
    there = [entry for chunk in changed for entry in packageset.entries_of(store, chunk.hash)]
    added = packageset.diff(store, old, part.set_id).added
    txn.preload({PACKAGES: there, CONTENTS: added})


def rows(txn: Transaction, generation: Generation | None, place: str, new: Sequence[str]) -> None:
    """Fetch the rows of files that get, or lose, a reference."""
    if txn.far:
        old = [file.path for file in written_files(generation)] if generation else []
        ledger.expect(txn, place, [*new, *old])


def packages(
    txn: Transaction, place: str, shelf: str, entries: Sequence[Entry]
) -> Iterator[tuple[Entry, Package]]:
    """Yield packages; of a few at a time, the rows of their files are fetched together."""
    found = zip(entries, catalog.get_many(txn, entries), strict=True)
    if not txn.far:
        yield from found
        return
    while batch := list(islice(found, _ROWS)):
        wanted = (file for _, package in batch for file in files(shelf, package, displaced=False))
        ledger.expect(txn, place, (file.path for file in wanted))
        yield from batch

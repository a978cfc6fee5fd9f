"""Dated archives: what clients saw of a publication, kept under a path that says when."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING

from debrepo import clock
from debrepo.errors import InvalidInput
from debrepo_publish.model.publication import generation_key
from debrepo_publish.model.tables import DATED, GENERATIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from debrepo.database import Transaction
    from debrepo_publish.model.publication import Generation, Publication

#: The name of a dated archive, as apt's option ``--snapshot`` takes it.
NAME = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_ALL = "all"
_MOST = 7  # digits of a count
_LONGEST = 100 * 31_557_600  # seconds: a hundred years


def name(at: int) -> str:
    """Return the name of the archive of a moment, in seconds since the epoch."""
    return clock.moment(at).strftime("%Y%m%dT%H%M%SZ")


def checked(text: str) -> str:
    """Return which dated archives to keep: a count, a time or ``all``; nothing: none."""
    if text in ("", _ALL):
        return text
    count = text.isascii() and text.isdecimal()
    if count and len(text) <= _MOST:
        return text if text.strip("0") else ""
    seconds = 0
    with suppress(InvalidInput):
        seconds = clock.parse_duration(text)
    if count or not 0 < seconds <= _LONGEST:
        raise InvalidInput(
            f"not dated archives to keep: {text[:40]!r}",
            hint='write a count, a time or "all": 100, 30d, all; or "none"',
        )
    return text


def keeps(txn: Transaction, publication: Publication, now: int) -> Callable[[Generation], bool]:
    """Return a function that tells whether the dated archive of a generation is to be kept."""
    wanted = publication.snapshots
    if not wanted:
        return lambda _: False
    if wanted == _ALL:
        return lambda generation: bool(generation.dated)
    if not wanted.isdecimal():
        since = now - clock.parse_duration(wanted)
        return lambda generation: bool(generation.dated) and generation.ended > since
    found = _newest_first(txn, publication.key)
    newest = {one for _, one in zip(range(int(wanted)), found, strict=False)}
    return lambda generation: generation.dated in newest


def record(txn: Transaction, key: str, generation: Generation) -> None:
    """Note that clients can read a dated archive."""
    if generation.dated:
        txn[DATED][_key(key, generation.dated)] = b"%d" % generation.number


def number(txn: Transaction, key: str, dated: str) -> int:
    """Return the generation that a dated archive is of; 0: there is no such archive."""
    return int(txn[DATED].get(_key(key, dated), b"0"))


def remove(txn: Transaction, key: str, number: int) -> None:
    """Remove the name of the dated archive of a generation, if that is its name still."""
    found = txn[GENERATIONS].get(generation_key(key, number))
    if found and found.dated and int(txn[DATED].get(_key(key, found.dated), b"0")) == number:
        del txn[DATED][_key(key, found.dated)]


def at(txn: Transaction, key: str, moment: str) -> str:
    """Return the name of the newest archive of a publication that is not newer; empty: none is."""
    start, stop = _key(key, ""), _key(key, moment) + b"\0"
    found = next(txn[DATED].range_keys(start, stop, reverse=True), None)
    return found[len(start) :].decode() if found else ""


def _newest_first(txn: Transaction, key: str) -> Iterator[str]:
    start = _key(key, "")
    for found in txn[DATED].range_keys(start, start + b"\xff", reverse=True):
        yield found[len(start) :].decode()


def _key(key: str, dated: str) -> bytes:
    return f"{key}\0{dated}".encode()

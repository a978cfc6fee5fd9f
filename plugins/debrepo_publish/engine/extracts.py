"""Extracts: what kinds of index take out of the inside of packages, each package once.

They are kept in the cache, under what they were made from, for as long as something live lists the
package; without the cache, packages are read again.
"""

from __future__ import annotations

import os
from contextlib import closing
from typing import TYPE_CHECKING

from debrepo import remote_files
from debrepo.errors import InvalidPackage, PluginError
from debrepo.index_kind import Published
from debrepo_publish.indexes import cache as caching
from debrepo_publish.model.hashing import key_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from debrepo.index_kind import AnyIndexKind, IndexKind
    from debrepo.package import Entry
    from debrepo.session import Session
    from debrepo_publish.indexes.cache import Name

_MOST = 8  # threads
_EXTRACT = "extract"  # the path that an extract has, as a fragment has paths


def name(kind_name: str, kind: AnyIndexKind, entry: Entry) -> Name:
    """Return the name of an extract in the cache."""
    return key_of(b"extract 1", kind_name.encode(), b"%d" % kind.version, entry), ""


def added(
    session: Session, kind_name: str, kind: IndexKind, packages: Sequence[Published]
) -> list[Published]:
    """Return packages with what a kind takes out of them; open no transaction meanwhile."""
    names = [name(kind_name, kind, one.package.key.entry) for one in packages]
    with caching.opened(session.root) as cache:
        known = {key: texts[_EXTRACT] for key, texts in cache.get(names).items()}
        unread = [one for key, one in zip(names, packages, strict=True) if key not in known]
        if unread:
            new = _read(session, kind_name, kind, unread)
            cache.put({key: {_EXTRACT: extract} for key, extract in new.items()})
            known |= new
    return [one._replace(extract=known[key]) for key, one in zip(names, packages, strict=True)]


def _read(
    session: Session, kind_name: str, kind: IndexKind, packages: Sequence[Published]
) -> dict[Name, bytes]:
    """Return the extracts of packages, by the names that the cache has for them.

    Files that are not here are fetched for those packages alone whose files the kind opens.
    """
    extracts: dict[Name, bytes] = {}
    absent = _round(session, kind_name, kind, packages, extracts)
    if absent:
        found = [file for one in absent for file in one.package.files]
        remote_files.fetch(session, [(file.sha256, file.size) for file in found])
        for one in _round(session, kind_name, kind, absent, extracts):
            session.pool.size(one.package.files[0].sha256)  # raises what it is
    return extracts


def _round(
    session: Session,
    kind_name: str,
    kind: IndexKind,
    packages: Sequence[Published],
    extracts: dict[Name, bytes],
) -> list[Published]:
    """Add the extracts of packages; return the packages whose files are not in the pool."""
    from debrepo.ingest import threads  # with it comes all that reads packages

    count = session.config["ingest.workers"] or len(os.sched_getaffinity(0))
    absent: list[Published] = []

    def make(step: Callable[[], None]) -> Callable[[Published], object]:
        def read(one: Published) -> object:
            step()
            try:
                return kind.extract(Published(one.package, contents=one.contents, files=one.files))
            except (InvalidPackage, FileNotFoundError) as error:
                return error

        return read

    results = threads.as_done(make, packages, min(count, _MOST, len(packages)))
    with closing(results):
        for one, result in results:
            if isinstance(result, FileNotFoundError):
                absent.append(one)
                continue
            if isinstance(result, InvalidPackage):
                file = one.package.files[0].name
                session.progress.note(f"Warning: {file} has nothing for {kind_name}: {result}")
                result = b""
            if not isinstance(result, bytes):
                raise PluginError(
                    f"the kind of index {kind_name} gives an extract that is no bytes"
                )
            extracts[name(kind_name, kind, one.package.key.entry)] = result
    return absent

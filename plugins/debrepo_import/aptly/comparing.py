"""Comparing an aptly with what is here."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from debrepo_import import checking
from debrepo_import.aptly import publications, reading
from debrepo_import.checking import ArchiveDifference, ComparedArchives
from debrepo_import.foreign import ForeignList
from debrepo_import.report import Remark

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from debrepo.session import Session
    from debrepo_import.aptly.source import AptlySource


def compare(session: Session, source: AptlySource, *, files: bool = False) -> ComparedArchives:
    """Compare the lists, packages and publications of an aptly with those here."""
    found = [ArchiveDifference(remark.subject, remark.text) for remark in source.remarks]
    policy = session.config["archive.policy"]
    read = partial(reading.packages, source.records, source.configuration.pool, policy)
    checked = checking.compare(session, _lists(source, found), read, files=files)
    found += checked.differences
    found += _publications(session, source)
    return checked._replace(differences=tuple(found))


def _lists(source: AptlySource, found: list[ArchiveDifference]) -> Iterator[ForeignList]:
    for one in source.lists:
        entries, odd = one.entries(source.records)
        found += [ArchiveDifference(remark.subject, remark.text) for remark in odd]
        yield ForeignList(one.kind, one.name, entries, one.properties, "")


def _publications(session: Session, source: AptlySource) -> Iterator[ArchiveDifference]:
    if "publish.list" not in session.operations:
        return
    here = {str(one): one.next_sources for one in session.call("publish.list")}
    for found in publications.publications(source.records, source.names):
        if isinstance(found, Remark):
            yield ArchiveDifference(found.subject, found.text)
            continue
        name = f"publication {found}"
        ours = here.get(str(found))
        if ours is None:
            yield ArchiveDifference(name, "it is not here")
        elif ours != dict(found.sources):
            yield ArchiveDifference(
                name, f"it publishes {_said(found.sources)} there, {_said(ours)} here"
            )


def _said(sources: Mapping[str, str]) -> str:
    return ", ".join(f"{component}: {name}" for component, name in sources.items())

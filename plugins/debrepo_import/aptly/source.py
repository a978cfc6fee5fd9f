"""An aptly that is open for reading: its lists, by the names that they are to have here."""

from __future__ import annotations

import shutil
from _blake2 import blake2b
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from debrepo.errors import InvalidInput
from debrepo_import.aptly import configuration, database, lists
from debrepo_import.report import Remark

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from debrepo.session import Session
    from debrepo_import.aptly.configuration import AptlyConfiguration
    from debrepo_import.aptly.database import Records
    from debrepo_import.aptly.lists import AptlyList


class AptlySource(NamedTuple):
    """An aptly, as it is at one moment."""

    name: str  #: ``aptly:/srv/aptly``, under which imports are remembered
    records: Records
    configuration: AptlyConfiguration
    lists: tuple[AptlyList, ...]
    remarks: tuple[Remark, ...]  #: about lists that cannot be read
    root: Path  #: its directory

    @property
    def names(self) -> dict[str, str]:
        """Return the lists as ``kind:name``, by their UUIDs."""
        return {one.uuid: f"{one.kind}:{one.name}" for one in self.lists}


@contextmanager
def opened(
    session: Session,
    root: Path,
    config: Path | None = None,
    *,
    renamed: Mapping[str, str] | None = None,
    recover: bool = False,
) -> Iterator[AptlySource]:
    """Open the aptly whose directory is ``root``; nothing of it is changed, or locked.

    ``renamed`` has new names for lists, by ``kind:name``.
    """
    root = root.absolute()
    found = configuration.load(root, config)
    name = f"aptly:{found.url or root}"
    work = session.root / "cache" / "import" / blake2b(name.encode(), digest_size=8).hexdigest()
    with session.leases.hold(
        f"import:{name}",
        note=lambda lease: session.progress.note(f"Waiting for {lease}."),
    ):
        shutil.rmtree(work, ignore_errors=True)  # of a run that was killed
        try:
            with _records(found, work, recover=recover) as records:
                everything = list(lists.all_lists(records))
                known = [one for one in everything if not isinstance(one, Remark)]
                remarks = [one for one in everything if isinstance(one, Remark)]
                named = tuple(_renamed(known, dict(renamed or {})))
                yield AptlySource(name, records, found, named, tuple(remarks), root)
        finally:
            shutil.rmtree(work, ignore_errors=True)


@contextmanager
def _records(found: AptlyConfiguration, work: Path, *, recover: bool) -> Iterator[Records]:
    if found.url:
        from debrepo_import.aptly.etcd import EtcdRecords

        yield EtcdRecords(found.url)
        return
    with database.opened(found.database, work, recover=recover) as records:
        yield records


def _renamed(known: list[AptlyList], renamed: dict[str, str]) -> Iterator[AptlyList]:
    there = {f"{one.kind}:{one.name}" for one in known}
    unknown = sorted(set(renamed) - there)
    if unknown:
        raise InvalidInput(
            f"aptly has no {unknown[0].replace(':', ' ', 1)} to rename",
            hint="write KIND:OLD=NEW, such as repo:a/b=a-b",
        )
    new = {old: f"{old.partition(':')[0]}:{name}" for old, name in renamed.items()}
    for one in known:
        name = renamed.get(f"{one.kind}:{one.name}", one.name)
        properties: Mapping[str, Any] = one.properties
        if one.kind == "snapshot":
            sources = tuple(new.get(source, source) for source in properties["sources"])
            properties = {**properties, "sources": sources}
        yield one._replace(name=name, properties=properties)

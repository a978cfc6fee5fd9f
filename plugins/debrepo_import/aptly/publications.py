"""Publications of aptly: what is published where, and how."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from debrepo_import.aptly import records as read
from debrepo_import.aptly.lists import KINDS, digest_of
from debrepo_import.report import Remark

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from debrepo_import.aptly.database import Records

#: aptly's kinds of storages, and debrepo's; Azure's is a plugin of its own.
SCHEMES = {"filesystem": "fs", "s3": "s3", "azure": "azure"}


class AptlyPublication(NamedTuple):
    """A publication: its place as debrepo spells it, and its lists by component."""

    place: str
    distribution: str
    sources: Mapping[str, str]  #: component to ``kind:name``
    options: Mapping[str, Any]
    as_published: Mapping[str, str]  #: digests of the lists of repositories when it was published

    def __str__(self) -> str:
        return f"{self.place}/{self.distribution}"


def publications(records: Records, names: Mapping[str, str]) -> Iterator[AptlyPublication | Remark]:
    """Yield every publication; ``names`` has the lists, ``kind:name``, by UUID."""
    for key, data in records.below(b"U"):
        shown = key[1:].decode(errors="backslashreplace").replace(">>", "/")[:120]
        try:
            record = read.decode(data, f"the publication {shown}")
            found = _publication(records, record, names)
        except read.UnknownRecord as error:
            yield Remark("damaged", f"publication {shown}", str(error))
            continue
        except LookupError as error:
            yield Remark("unsupported", f"publication {shown}", str(error.args[0]))
            continue
        yield found


def _publication(
    records: Records, record: dict[str, Any], names: Mapping[str, str]
) -> AptlyPublication:
    place = _place(read.text(record, "Storage"), read.text(record, "Prefix") or ".")
    given = record.get("Sources")
    by_component = given if isinstance(given, dict) else {}
    if not by_component and record.get("SnapshotUUID"):  # before aptly 0.6
        by_component = {read.text(record, "Component") or "main": record["SnapshotUUID"]}
    sources = {}
    for component, uuid in by_component.items():
        if uuid not in names:
            raise LookupError(f"what it publishes as {component} does not exist any more")
        sources[component] = names[uuid]
    uuid = read.text(record, "UUID")
    published = {
        component: digest_of(records.get(f"E{uuid}{component}".encode()))
        for component in sources
        if KINDS.get(read.text(record, "SourceKind")) == "repo"
    }
    options = {
        "architectures": read.texts(record, "Architectures"),
        "origin": read.text(record, "Origin"),
        "label": read.text(record, "Label"),
        "suite": read.text(record, "Suite"),
        "codename": read.text(record, "Codename"),
        "version": read.text(record, "Version"),
        "signed_by": read.text(record, "SignedBy"),
        "not_automatic": read.text(record, "NotAutomatic") == "yes",
        "but_automatic_upgrades": read.text(record, "ButAutomaticUpgrades") == "yes",
        "contents": record.get("SkipContents") is not True,
        "acquire_by_hash": record.get("AcquireByHash") is True,
        "multi_dist": record.get("MultiDist") is True,
    }
    return AptlyPublication(place, read.text(record, "Distribution"), sources, options, published)


def _place(storage: str, prefix: str) -> str:
    if not storage:
        return prefix
    kind, _, name = storage.partition(":")
    if kind not in SCHEMES:
        raise LookupError(f"no plugin publishes to {kind}")
    return f"{SCHEMES[kind]}:{name}:{prefix}"

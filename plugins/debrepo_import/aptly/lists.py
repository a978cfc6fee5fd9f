"""Lists of aptly: repositories, mirrors and snapshots, with what they were made from."""

from __future__ import annotations

import json
from _blake2 import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple

from debrepo_import.aptly import records as read
from debrepo_import.aptly.reading import entry_of
from debrepo_import.report import Remark

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from debrepo.package import Entry
    from debrepo_import.aptly.database import Records

_RELEASE = ("Origin", "NotAutomatic", "ButAutomaticUpgrades")
_CHECKSUMS = frozenset(["MD5Sum", "SHA1", "SHA256", "SHA512"])
#: aptly's kinds of what a snapshot was made from, and of what is published.
KINDS = {"local": "repo", "repo": "mirror", "snapshot": "snapshot"}


class AptlyList(NamedTuple):
    """A list of aptly's; its packages are not read yet."""

    kind: str
    name: str
    uuid: str
    properties: Mapping[str, Any]  #: as `debrepo_import.foreign.ForeignList` has them
    digest: str  #: of the record that has its packages
    remarks: tuple[Remark, ...] = ()

    @property
    def state(self) -> str:
        """A digest of the list, which changes when anything of it does."""
        said = json.dumps([self.kind, self.name, self.properties], sort_keys=True, default=str)
        return digest_of((said + self.digest).encode(errors="surrogatepass"))

    def entries(self, records: Records) -> tuple[list[Entry], list[Remark]]:
        """Return its packages, and what cannot be one here."""
        subject = f"{self.kind} {self.name}"
        try:
            refs = read.references(_references(records, self.uuid), f"the list of {subject}")
        except read.UnknownRecord as error:
            return [], [Remark("damaged", subject, str(error))]
        found = [(entry_of(ref), ref) for ref in refs]
        odd = [Remark("refused", subject, _why(ref)) for entry, ref in found if entry is None]
        return [entry for entry, _ in found if entry is not None], odd


def digest_of(data: bytes | None) -> str:
    """Return what tells whether a record is the same as before."""
    return blake2b(data or b"", digest_size=16).hexdigest()


def _references(records: Records, uuid: str) -> bytes | None:
    return records.get(b"E" + uuid.encode(errors="surrogateescape"))


def _why(ref: str) -> str:
    if " installer " in ref:
        return f"{ref.strip()!r}: images of the installer come with the next mirror update"
    return f"{ref[:120]!r} is no package key of aptly 0.6 or later"


def all_lists(records: Records) -> Iterator[AptlyList | Remark]:
    """Yield every list; one that was made of others comes after them."""
    known: dict[str, AptlyList] = {}
    for prefix, kind, make in (("L", "repo", _repo), ("R", "mirror", _mirror)):
        for key, data in records.below(prefix.encode()):
            try:
                record = read.decode(data, f"the record {_shown(key)}")
            except read.UnknownRecord as error:
                yield Remark("damaged", f"{kind} {_shown(key)}", str(error))
                continue
            found = make(record, _digest(records, record))
            known[found.uuid] = found
            yield found._replace(kind=kind)
    yield from _snapshots(records, known)


def _digest(records: Records, record: dict[str, Any]) -> str:
    return digest_of(_references(records, read.text(record, "UUID")))


def _shown(key: bytes) -> str:
    return key.decode(errors="backslashreplace")[:80]


def _repo(record: dict[str, Any], digest: str) -> AptlyList:
    name = read.text(record, "Name")
    remarks = []
    uploaders = ""
    given = record.get("Uploaders")
    if isinstance(given, dict) and any(given.values()):
        plain = {word: given.get(word) for word in ("groups", "rules") if given.get(word)}
        uploaders = json.dumps(plain, separators=(",", ":"), ensure_ascii=False)
        try:
            _check_uploaders(uploaders)
        except ValueError as error:
            uploaders = ""
            remarks.append(Remark("unsupported", f"repo {name}", f"its uploaders: {error}"))
    properties = {
        "component": read.text(record, "DefaultComponent") or "main",
        "distribution": read.text(record, "DefaultDistribution"),
        "comment": read.text(record, "Comment"),
        "uploaders": uploaders,
    }
    uuid = read.text(record, "UUID")
    return AptlyList("repo", name, uuid, properties, digest, tuple(remarks))


def _check_uploaders(text: str) -> None:
    for rule in json.loads(text).get("rules") or ():
        if not isinstance(rule, dict) or not rule.get("condition"):
            raise ValueError("a rule has no condition")


def _mirror(record: dict[str, Any], digest: str) -> AptlyList:
    meta = record.get("Meta")
    meta = meta if isinstance(meta, dict) else {}
    name, url = read.text(record, "Name"), read.text(record, "ArchiveRoot")
    remarks = []
    head, mark, host = url.partition("://")
    if "@" in host.partition("/")[0]:
        url = head + mark + host.partition("@")[2]
        text = "its user name and password are left out: configure mirror.credentials"
        remarks.append(Remark("note", f"mirror {name}", text))
    properties = {
        "uuid": read.text(record, "UUID"),
        "url": url,
        "distribution": read.text(record, "Distribution"),
        "components": read.texts(record, "Components"),
        "architectures": read.texts(record, "Architectures"),
        "sources": record.get("DownloadSources") is True,
        "udebs": record.get("DownloadUdebs") is True,
        "installer": record.get("DownloadInstaller") is True,
        "appstream": record.get("DownloadAppStream") is True,
        "filter": read.text(record, "Filter"),
        "filter_with_deps": record.get("FilterWithDeps") is True,
        "skip_component_check": record.get("SkipComponentCheck") is True,
        "skip_architecture_check": record.get("SkipArchitectureCheck") is True,
        "updated": read.moment(record, "LastDownloadDate"),
        "release": tuple(
            (field, value.strip())
            for field, value in sorted(meta.items())
            if field not in _CHECKSUMS and isinstance(value, str)
        ),
    }
    uuid = read.text(record, "UUID")
    return AptlyList("mirror", name, uuid, properties, digest, tuple(remarks))


def _snapshots(records: Records, known: dict[str, AptlyList]) -> Iterator[AptlyList | Remark]:
    waiting: dict[str, dict[str, Any]] = {}
    for key, data in records.below(b"S"):
        try:
            record = read.decode(data, f"the record {_shown(key)}")
        except read.UnknownRecord as error:
            yield Remark("damaged", f"snapshot {_shown(key)}", str(error))
            continue
        waiting[read.text(record, "UUID")] = record
    while waiting:
        ready = [
            uuid
            for uuid, record in waiting.items()
            if not any(one in waiting for one in read.texts(record, "SourceIDs"))
        ] or list(waiting)  # in a circle, which aptly does not make
        for uuid in ready:
            record = waiting.pop(uuid)
            found = _snapshot(record, _digest(records, record), known)
            known[uuid] = found
            yield found


def _snapshot(record: dict[str, Any], digest: str, known: Mapping[str, AptlyList]) -> AptlyList:
    sources = [known[one] for one in read.texts(record, "SourceIDs") if one in known]
    release = {name: read.text(record, name) for name in _RELEASE}
    properties = {
        "created": read.moment(record, "CreatedAt"),
        "description": read.text(record, "Description"),
        "sources": tuple(dict.fromkeys(f"{one.kind}:{one.name}" for one in sources)),
        "component": _agreed(sources, "component"),
        "distribution": _agreed(sources, "distribution"),
        "release": tuple(sorted((name, value) for name, value in release.items() if value)),
    }
    name, uuid = read.text(record, "Name"), read.text(record, "UUID")
    return AptlyList("snapshot", name, uuid, properties, digest)


def _agreed(sources: list[AptlyList], name: str) -> str:
    """Return what all sources would be published as, or the empty string."""
    found = set()
    for source in sources:
        said = source.properties.get(name, "")
        if source.kind == "mirror":
            components = source.properties["components"]
            said = (components[0] if len(components) == 1 else "") if name == "component" else said
            said = "" if said.endswith("/") else said
        found.add(said)
    return found.pop() if len(found) == 1 else ""

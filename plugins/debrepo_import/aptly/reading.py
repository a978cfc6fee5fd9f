"""Reading packages: from the records of aptly to what debrepo stores."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any

from debrepo import archive, field_order
from debrepo.archive.control import check, check_binary
from debrepo.archive.findings import Findings
from debrepo.errors import InvalidPackage
from debrepo.package import Package, PackageFile, PackageKey, check_identity
from debrepo_import.aptly import records as read
from debrepo_import.foreign import ForeignPackage
from debrepo_import.report import Remark

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from debrepo.archive import Policy
    from debrepo.package import Entry, Kind
    from debrepo_import.aptly.database import Records

#: Fields that indexes have of the files, and no package.
_ABOUT = frozenset(
    [
        "Filename", "Size", "Md5sum", "MD5Sum", "MD5sum", "SHA1", "SHA256", "SHA512", "Directory",
        "Files", "Checksums-Md5", "Checksums-Sha1", "Checksums-Sha256", "Checksums-Sha512",
    ]
)  # fmt: skip
_HEX = re.compile(r"(?:[0-9a-f]{32})?/(?:[0-9a-f]{40})?/(?:[0-9a-f]{64})?/(?:[0-9a-f]{128})?")
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+:~_,=@%-]*")


def entry_of(reference: str) -> Entry | None:
    """Return a package key of aptly's as debrepo has it; ``None`` for what is no such key.

    Such are keys from before aptly 0.6, and those of images of Debian's installer, which have no
    version.
    """
    parts = reference.split(" ")
    if len(parts) != 4 or not all(parts) or parts[0][:1] != "P":
        return None
    if not reference.isprintable():
        return None
    return PackageKey(parts[1], parts[0][1:], parts[2], parts[3]).entry


def packages(
    records: Records, pool: Path, policy: Policy, entries: Sequence[Entry]
) -> Iterator[ForeignPackage | Remark]:
    """Yield packages by their entries, or what is wrong with their records."""
    for entry in entries:
        key = PackageKey.from_entry(entry)
        try:
            yield _package(records, pool, policy, key)
        except read.UnknownRecord as error:
            yield Remark("damaged", f"package {key.display}", str(error))
        except InvalidPackage as error:
            yield Remark("refused", f"package {key.display}", str(error))


def _package(records: Records, pool: Path, policy: Policy, key: PackageKey) -> ForeignPackage:
    name = str(key).encode()
    record = read.decode_package(records.get(name), f"the record {key}")
    get: Callable[[bytes], bytes | None] = lambda prefix: records.get(prefix + name)  # noqa: E731
    extra = read.decode(get(b"xE"), f"the record xE{key}")
    depends = read.decode(get(b"xD"), f"the record xD{key}")
    listed = read.decode_any(get(b"xF"), f"the record xF{key}")
    check_identity(key.name, key.version, key.architecture)
    fields = _fields(record, extra, depends, key)
    is_source = key.architecture == "source"
    kind: Kind = "source" if is_source else "udeb" if record.get("IsUdeb") else "deb"
    text = field_order.render(fields, source=is_source).encode(errors="surrogateescape")
    if is_source:
        stanza, _ = check(text, "the control file")
    else:
        stanza, _ = check_binary(text, "the control file", Findings(policy))
    found = [_file(key, kind, one) for one in listed or ()]
    if not found or (kind != "source" and len(found) != 1):
        raise InvalidPackage(f"it has {len(found)} files")
    found.sort(key=lambda one: not one[0].name.endswith(".dsc"))
    files = tuple(file for file, _ in found)
    if len({file.name for file in files}) != len(files):
        raise InvalidPackage("it has two files of one name")
    paths = tuple(_path(pool, file, path) for file, path in found)
    return ForeignPackage(Package(key, kind, stanza, files), paths)


def _fields(
    record: Mapping[str, Any],
    extra: Mapping[str, Any],
    depends: Mapping[str, Any],
    key: PackageKey,
) -> dict[str, str]:
    fields = {
        name: value
        for name, value in extra.items()
        if name not in _ABOUT and isinstance(value, str)
    }
    text, texts = partial(read.text, dict(record)), partial(read.texts, dict(depends))
    if key.architecture == "source":
        fields["Source"] = key.name
        fields["Architecture"] = text("SourceArchitecture")
    else:
        fields["Package"] = key.name
        fields["Architecture"] = key.architecture
        fields["Source"] = text("Source")
        fields["Provides"] = ", ".join(read.texts(dict(record), "Provides"))
    fields["Version"] = key.version
    for name, title in _RELATIONS.items():
        fields[title] = ", ".join(texts(name))
    return {name: value for name, value in fields.items() if value}


_RELATIONS = {
    "Depends": "Depends",
    "PreDepends": "Pre-Depends",
    "Suggests": "Suggests",
    "Recommends": "Recommends",
    "BuildDepends": "Build-Depends",
    "BuildDependsInDep": "Build-Depends-Indep",
}


def _file(key: PackageKey, kind: Kind, record: Any) -> tuple[PackageFile, str]:
    """Return a file, and where it lies below aptly's pool; empty if that is not recorded."""
    checksums = record.get("Checksums") if isinstance(record, dict) else None
    if (
        not isinstance(checksums, dict)
        or not isinstance(checksums.get("Size"), int)
        or checksums["Size"] < 0
    ):
        raise read.UnknownRecord(f"a file of {key} has no size")
    name = read.text(record, "Filename")
    digests = [read.text(checksums, one).lower() for one in ("MD5", "SHA1", "SHA256", "SHA512")]
    if not _HEX.fullmatch("/".join(digests)):
        raise read.UnknownRecord(f"a file of {key} has a checksum that is none")
    if not any(digests):
        raise read.UnknownRecord(f"a file of {key} has no checksum")
    if not _FILE_NAME.fullmatch(name) or len(name) > 255:
        raise InvalidPackage(f"its file is called {name[:80]!r}")
    if "%" in name or ":" in name:  # which clients ask for under another name
        if kind == "source":
            raise InvalidPackage(f"its file is called {name[:80]!r}")
        name = archive.file_name(
            key.name, key.version, key.architecture, ".udeb" if kind == "udeb" else ".deb"
        )
    return PackageFile(name, checksums["Size"], *digests), read.text(record, "PoolPath")


def _path(pool: Path, file: PackageFile, path: str) -> str:
    """Return where a file is; before aptly 1.1, its MD5 said so."""
    if not path:
        path = f"{file.md5[:2]}/{file.md5[2:4]}/{file.name}"
    if path.startswith("/") or "\0" in path or ".." in path.split("/"):
        raise read.UnknownRecord(f"a file lies outside of the pool: {path[:80]!r}")
    return f"{pool}/{path}"

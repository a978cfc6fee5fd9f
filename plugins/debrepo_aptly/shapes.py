"""Shapes: objects as aptly has them in JSON, in its API and on its command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from debrepo.package import CARRIED

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from debrepo.package import Package, PackageFile

_NEVER = "0001-01-01T00:00:00Z"
_CHECKSUMS = {
    "Files": "md5",
    "Checksums-Sha1": "sha1",
    "Checksums-Sha256": "sha256",
    "Checksums-Sha512": "sha512",
}


class Repository(Protocol):
    """The properties of a repository that this API shows."""

    @property
    def name(self) -> str: ...
    @property
    def comment(self) -> str: ...
    @property
    def distribution(self) -> str: ...
    @property
    def component(self) -> str: ...


def repository_object(repo: Repository) -> dict[str, object]:
    """Return a repository as in aptly's API."""
    return {
        "Name": repo.name,
        "Comment": repo.comment,
        "DefaultDistribution": repo.distribution,
        "DefaultComponent": repo.component,
    }


_KINDS = {"repo": "local", "mirror": "repo"}


class SnapshotProperties(Protocol):
    """The properties of a snapshot that this API shows."""

    @property
    def name(self) -> str: ...
    @property
    def created(self) -> str: ...
    @property
    def description(self) -> str: ...
    @property
    def sources(self) -> Sequence[str]: ...
    @property
    def release(self) -> Sequence[tuple[str, str]]: ...


def snapshot_object(snapshot: SnapshotProperties) -> dict[str, object]:
    """Return a snapshot as in aptly's API."""
    carried = dict(snapshot.release)
    kinds = {source.partition(":")[0] for source in snapshot.sources}
    return {
        "Name": snapshot.name,
        "CreatedAt": snapshot.created.replace("+00:00", "Z"),
        "SourceKind": _KINDS.get(kinds.pop(), "snapshot") if len(kinds) == 1 else "snapshot",
        "Description": snapshot.description,
        **{name: carried.get(name, "") for name in CARRIED},
    }


class MirrorProperties(Protocol):
    """The properties of a mirror that this API shows."""

    @property
    def uuid(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def url(self) -> str: ...
    @property
    def distribution(self) -> str: ...
    @property
    def components(self) -> Sequence[str]: ...
    @property
    def architectures(self) -> Sequence[str]: ...
    @property
    def release(self) -> Sequence[tuple[str, str]]: ...
    @property
    def updated(self) -> str: ...
    @property
    def filter(self) -> str: ...
    @property
    def filter_with_deps(self) -> bool: ...
    @property
    def skip_component_check(self) -> bool: ...
    @property
    def skip_architecture_check(self) -> bool: ...
    @property
    def sources(self) -> bool: ...
    @property
    def udebs(self) -> bool: ...
    @property
    def installer(self) -> bool: ...
    @property
    def appstream(self) -> bool: ...


def mirror_object(mirror: MirrorProperties, pid: int = 0) -> dict[str, object]:
    """Return a mirror as in aptly's API; ``pid`` is of the process that updates it."""
    return {
        "UUID": mirror.uuid,
        "Name": mirror.name,
        "ArchiveRoot": mirror.url,
        "Distribution": mirror.distribution,
        "Components": list(mirror.components),
        "Architectures": list(mirror.architectures),
        "Meta": dict(mirror.release),
        "LastDownloadDate": mirror.updated.replace("+00:00", "Z") or _NEVER,
        "Filter": mirror.filter,
        "Status": int(bool(pid)),
        "WorkerPID": pid,
        "FilterWithDeps": mirror.filter_with_deps,
        "SkipComponentCheck": mirror.skip_component_check,
        "SkipArchitectureCheck": mirror.skip_architecture_check,
        "DownloadSources": mirror.sources,
        "DownloadUdebs": mirror.udebs,
        "DownloadInstaller": mirror.installer,
        "DownloadAppStream": mirror.appstream,
    }


def stanza_object(package: Package) -> dict[str, str]:
    """Return a package as in aptly's API: its fields, its key and its files."""
    key = package.key
    fields = package.fields()
    if package.kind == "source":
        fields.pop("Source", None)
        fields |= {name: _listed(package.files, kind) for name, kind in _CHECKSUMS.items()}
    else:
        file = package.files[0]
        fields |= {
            "Filename": file.name,
            "Size": str(file.size),
            "MD5sum": file.md5,
            "SHA1": file.sha1,
            "SHA256": file.sha256,
            "SHA512": file.sha512,
        }
    if "Description" in fields:
        fields["Description"] = f" {fields['Description']}\n"
    return {
        **fields,
        "Package": key.name,
        "Version": key.version,
        "Key": str(key),
        "ShortKey": f"P{key.architecture} {key.name} {key.version}",
        "FilesHash": key.hash,
    }


def _listed(files: Iterable[PackageFile], name: str) -> str:
    lines = ((getattr(file, name), file) for file in sorted(files, key=lambda file: file.name))
    return "".join(f" {digest} {file.size} {file.name}\n" for digest, file in lines if digest)

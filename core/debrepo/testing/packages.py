"""Packages for tests, made without dpkg, and the same bytes every time."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import tarfile
from typing import TYPE_CHECKING

import zstandard

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

#: What a path of a package holds: the bytes of a file, or the target of a symbolic link.
Content = bytes | str

SUFFIXES = {
    "none": "",
    "gzip": ".gz",
    "xz": ".xz",
    "zstd": ".zst",
    "bzip2": ".bz2",
    "lzma": ".lzma",
}


def build_deb(
    directory: Path,
    name: str = "hello",
    version: str = "1.0",
    architecture: str = "amd64",
    *,
    fields: Mapping[str, str] | None = None,
    paths: Mapping[str, Content] | None = None,
    compression: str = "xz",
    extension: str = "deb",
) -> Path:
    """Write a binary package into ``directory`` and return its path.

    ``fields`` come on top of the usual ones, or instead of them; an empty value leaves a
    field out. ``compression`` is a key of `SUFFIXES`, and holds for both members, as far as
    dpkg reads it: control.tar is never compressed with bzip2 or lzma.
    """
    if paths is None:
        paths = {f"usr/share/doc/{name}/copyright": b"public domain\n"}
    control = stanza(
        {
            "Package": name,
            "Version": version,
            "Architecture": architecture,
            "Maintainer": "Somebody <somebody@example.org>",
            "Description": f"package {name}, for a test\n It does nothing.",
        }
        | dict(fields or {})
    )
    around = "xz" if compression in ("bzip2", "lzma") else compression
    target = directory / f"{name}_{without_epoch(version)}_{architecture}.{extension}"
    target.write_bytes(
        ar(
            [
                ("debian-binary", b"2.0\n"),
                (f"control.tar{SUFFIXES[around]}", compress(tar({"control": control}), around)),
                (f"data.tar{SUFFIXES[compression]}", compress(tar(paths), compression)),
            ]
        )
    )
    return target


def break_data(path: Path) -> Path:
    """Damage a binary package where only those notice who unpack its data; return its path."""
    data = path.read_bytes()
    start = data.index(b"data.tar") + 60
    middle = (start + len(data)) // 2
    path.write_bytes(data[:middle] + bytes(byte ^ 0xFF for byte in data[middle:-2]) + data[-2:])
    return path


def build_source(
    directory: Path,
    name: str = "hello",
    version: str = "1.0-1",
    *,
    fields: Mapping[str, str] | None = None,
    paths: Mapping[str, Content] | None = None,
) -> Path:
    """Write a source package into ``directory`` and return the path of its .dsc.

    A version with a revision gives an upstream and a Debian part, any other is native.
    """
    plain = without_epoch(version)
    upstream, mark, _ = plain.rpartition("-")
    debian = {"debian/changelog": f"{name} ({version}) unstable; urgency=low\n".encode()}
    work = {"README": b"nothing\n"} if paths is None else dict(paths)
    if mark:
        parts = {f"{name}_{upstream}.orig.tar.xz": work, f"{name}_{plain}.debian.tar.xz": debian}
    else:
        parts = {f"{name}_{plain}.tar.xz": work | debian}
    packed = {file: compress(tar(content), "xz") for file, content in parts.items()}
    for file, data in packed.items():
        (directory / file).write_bytes(data)
    described = {
        "Format": "3.0 (quilt)" if mark else "3.0 (native)",
        "Source": name,
        "Binary": name,
        "Architecture": "any",
        "Version": version,
        "Maintainer": "Somebody <somebody@example.org>",
        "Checksums-Sha1": listing("sha1", packed),
        "Checksums-Sha256": listing("sha256", packed),
        "Files": listing("md5", packed),
    }
    target = directory / f"{name}_{plain}.dsc"
    target.write_bytes(stanza(described | dict(fields or {})))
    return target


def stanza(fields: Mapping[str, str]) -> bytes:
    """Return the text of one control file; fields with an empty value are left out."""
    return "".join(f"{name}: {value}\n" for name, value in fields.items() if value).encode()


def listing(algorithm: str, files: Mapping[str, bytes]) -> str:
    """Return what a field like Checksums-Sha256 of a .dsc or .changes says of ``files``."""
    return "".join(
        f"\n {hashlib.new(algorithm, data).hexdigest()} {len(data)} {name}"
        for name, data in files.items()
    )


def without_epoch(version: str) -> str:
    """Return the version as it stands in file names."""
    return version.rpartition(":")[2] if version.partition(":")[0].isdigit() else version


def ar(members: Iterable[tuple[str, bytes]]) -> bytes:
    """Return an ar archive."""
    archive = b"!<arch>\n"
    for name, data in members:
        archive += f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(data):<10}`\n".encode() + data
        archive += b"\n" * (len(data) % 2)
    return archive


def tar(paths: Mapping[str, Content], *, layout: int = tarfile.GNU_FORMAT) -> bytes:
    """Return a tar archive of the paths and the directories above them, each as ``./path``."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=layout) as archive:
        for directory in sorted({parent for path in paths for parent in _parents(path)}):
            archive.addfile(_member(directory, tarfile.DIRTYPE, 0o755))
        for path, content in paths.items():
            if isinstance(content, str):
                link = _member(f"./{path}", tarfile.SYMTYPE, 0o777)
                link.linkname = content
                archive.addfile(link)
                continue
            file = _member(f"./{path}", tarfile.REGTYPE, 0o644)
            file.size = len(content)
            archive.addfile(file, io.BytesIO(content))
    return buffer.getvalue()


def _parents(path: str) -> Iterable[str]:
    parts = path.split("/")[:-1]
    return ["."] + ["./" + "/".join(parts[: depth + 1]) for depth in range(len(parts))]


def _member(path: str, kind: bytes, mode: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(path)
    member.type, member.mode = kind, mode
    member.uname = member.gname = "root"
    return member


def compress(data: bytes, compression: str) -> bytes:
    """Return ``data`` compressed as `SUFFIXES` calls it, without a time stamp."""
    match compression:
        case "gzip":
            return gzip.compress(data, mtime=0)
        case "xz":
            return lzma.compress(data, preset=0)
        case "zstd":
            return zstandard.compress(data)
        case "bzip2":
            return bz2.compress(data)
        case "lzma":
            return lzma.compress(data, format=lzma.FORMAT_ALONE, preset=0)
    return data

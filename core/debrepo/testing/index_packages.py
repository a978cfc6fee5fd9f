"""Packages to try kinds of index with, and what a hostile one may hold."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from debrepo.index_kind import OF_PACKAGES, AnyIndexKind, IndexKind, Published
from debrepo.ingest import Rejected, ingest
from debrepo.package import Package, PackageKey, decode
from debrepo.pool import Pool
from debrepo.testing.packages import build_deb, build_source

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

#: What a field of a stored package may hold: continuation lines, control characters, separators.
HOSTILE = (
    "x\n usr/bin/sudo  admin/evil",
    "a\n .\n Package: evil\n name: evil",
    "é\t,b",
    "\\x \x0b\x85y\x1e\rz: w",
    "utils,web",
    "a b/c",
    "",
)
#: What a path in a package may be.
HOSTILE_PATHS = (
    "usr/bin/a b",
    "usr/bin/x,y",
    "usr/bin/é\\n",
    "usr/bin/name: evil",
    "usr/bin/\tz\x0b\x85\r",
    "usr/bin/ lead",
    "usr/bin/#",
)


@cache
def every_package(place: Path) -> list[Published]:
    """Return packages of every kind, in the order of package sets; they are built once."""
    directory = place / "every-package"
    directory.mkdir()
    pool = Pool(directory / "pool")
    paths: dict[str, list[str]] = {}
    files = []
    for number in range(26):
        name = f"p{number:02}"
        for version in ("1.0", "1:2.0")[: 1 + (number % 5 == 0)]:
            architecture = ("amd64", "all", "arm64")[number % 3]
            listed = [f"usr/bin/{name}", f"usr/sbin/{name}d", "usr/share/common", f"etc/{name}"]
            paths[name] = sorted(listed)
            udeb = "udeb" if number % 7 == 6 else "deb"
            fields = {"Section": ("net", "utils")[number % 2], "Homepage": "https://example.org/"}
            files.append(
                build_deb(
                    directory,
                    name,
                    version,
                    architecture,
                    fields=fields,
                    paths=dict.fromkeys(listed, b""),
                    extension=udeb,
                )
            )
    for name in ("s1", "s2", "s3"):
        where = directory / name
        where.mkdir(exist_ok=True)
        paths[name] = ["README", f"src/{name}.c"]
        files.append(build_source(where, name, "1.0-1", fields={"Section": "net"}))
    found = []
    for known in ingest(pool, files):
        assert not isinstance(known, Rejected), known
        package = decode(PackageKey.from_entry(known.entry), known.record)
        found.append(_published(pool, package, paths))
    return sorted(found, key=lambda one: one.package.key.entry)


def _published(pool: Pool, package: Package, paths: Mapping[str, Sequence[str]]) -> Published:
    name = package.key.name
    return Published(
        package,
        tuple(f"pool/main/{name[0]}/{name}/{file.name}" for file in package.files),
        "\n".join(paths[name]).encode(),
        {"Phased-Update-Percentage": "20"} if name == "p03" else {},
        tuple(pool.path(file.sha256) for file in package.files),
    )


def reduced(published: Published, kind: AnyIndexKind) -> Published:
    """Return a package with what a kind reads of it, and nothing else."""
    unread = {
        name: type(getattr(published, name))() for name in OF_PACKAGES if name not in kind.reads
    }
    if "extract" in kind.reads and isinstance(kind, IndexKind):
        inside = Published(published.package, contents=published.contents, files=published.files)
        published = published._replace(extract=kind.extract(inside))
    return published._replace(**unread)


def hostile(packages: Sequence[Published], kind: AnyIndexKind) -> Iterator[list[Published]]:
    """Yield packages of which one field, or one path, is hostile."""
    names = {name for one in packages for name in _names(one.package.stanza)}
    for name in sorted(names - {b"package", b"source", b"version", b"architecture", b"binary"}):
        for value in HOSTILE:
            yield [_with(one, name, value.encode()) for one in packages]
    if "contents" in kind.reads:
        for path in HOSTILE_PATHS:
            yield [_with_path(one, path.encode()) for one in packages]
    if "fields" in kind.reads:
        for value in HOSTILE:
            yield [one._replace(fields=dict.fromkeys(one.fields, value or "x")) for one in packages]


def _names(stanza: bytes) -> set[bytes]:
    return {name.lower() for name in re.findall(rb"^([!-9;-~]+):", stanza, re.M)}


def _with(published: Published, name: bytes, value: bytes) -> Published:
    """Return a package with another value of a field that it has."""
    old = published.package
    pattern = rb"^(%s):[^\n]*(\n[ \t][^\n]*)*" % re.escape(name)
    stanza = re.sub(
        pattern, lambda found: found[1] + b": " + value, old.stanza, count=1, flags=re.M | re.I
    )
    return published._replace(package=Package(old.key, old.kind, stanza.rstrip(b"\n"), old.files))


def _with_path(published: Published, path: bytes) -> Published:
    """Return a package with another path in place of one that it has."""
    listed = published.contents.split(b"\n")
    return published._replace(contents=b"\n".join(sorted([*listed[1:], path])))

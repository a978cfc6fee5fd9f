"""The indexes that every archive has: ``Packages`` and ``Sources``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from debrepo.index_kind import IndexKind
from debrepo_publish.indexes.encoding import field, row
from debrepo_publish.indexes.spelling import standard
from debrepo_publish.indexes.translation import shortened

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from debrepo.index_kind import Context, Published
    from debrepo.package import PackageFile

#: How a Packages stanza names a digest of the file, by its name in `PackageFile`.
_DIGESTS = {"md5": "MD5sum", "sha1": "SHA1", "sha256": "SHA256", "sha512": "SHA512"}
#: The same in a Sources stanza.
_LISTS = {
    "md5": "Files",
    "sha1": "Checksums-Sha1",
    "sha256": "Checksums-Sha256",
    "sha512": "Checksums-Sha512",
}

#: Digests of which a client needs one; SHA256 stands in where a package has none of them listed.
_STRONG = {"sha256", "sha512"}

#: Fields that the archive adds; those of the package itself are not trusted.
_OURS = re.compile(
    rb"^(?:Filename|Size|MD5sum|SHA1|SHA256|SHA512)[ \t]*:[^\n]*\n?(?:[ \t][^\n]*\n?)*",
    re.M | re.I,
)
#: The same, in a fifth of the time that a search from line to line takes.
_PERHAPS_OURS = re.compile(rb"\n(?:Filename|Size|MD5sum|SHA1|SHA256|SHA512)[ \t]*:", re.I)
_OURS_IN_SOURCES = re.compile(
    rb"^(?:Directory|Files|Checksums-[A-Za-z0-9]+)[ \t]*:[^\n]*\n?(?:[ \t][^\n]*\n?)*", re.M | re.I
)
_SOURCE = re.compile(rb"^Source[ \t]*:", re.M | re.I)


class PackagesIndex(IndexKind):
    """``binary-ARCH/Packages``, and ``debian-installer/binary-ARCH/Packages`` for udebs.

    Packages of architecture ``all`` stand in ``binary-all`` and once more in the index of
    every architecture, for clients that know no better; the Release file says so in
    ``No-Support-for-Architecture-all``.
    """

    version = 2
    reads = ("architectures", "digests", "paths", "fields")
    takes = ("deb", "udeb")
    options = ("translations",)

    def expected(self, context: Context) -> Iterable[str]:
        return [f"binary-{a}/Packages" for a in (*context.architectures, "all")]

    def fragment(self, packages: Sequence[Published], context: Context) -> Mapping[str, bytes]:
        texts: dict[str, list[bytes]] = {}
        places: dict[tuple[str, str], list[list[bytes]]] = {}  # by kind and architecture
        for published in packages:
            package = published.package
            what = package.kind, package.key.architecture
            if what not in places:
                places[what] = [texts.setdefault(p, []) for p in _listed_in(*what, context)]
            if places[what]:
                short = package.kind == "deb" and bool(context.options["translations"])
                text = _binary_stanza(published, context.digests, short=short)
                for place in places[what]:
                    place.append(text)
        return {path: b"".join(parts) for path, parts in texts.items()}


def _listed_in(kind: str, architecture: str, context: Context) -> list[str]:
    """Return the indexes that list packages of a kind and an architecture."""
    prefix = "debian-installer/binary-" if kind == "udeb" else "binary-"
    known = [*context.architectures, "all"]
    wanted = known if architecture == "all" else [architecture]
    return [f"{prefix}{name}/Packages" for name in wanted if name in known]


def _known(file: PackageFile, digests: Iterable[str]) -> list[str]:
    """Return the digests to list of a file: those of ``digests`` that are known, and a strong one.

    Nothing may be known but SHA256, of a package that comes from elsewhere.
    """
    known = [name for name in _DIGESTS if name in digests and getattr(file, name)]
    return known if _STRONG.intersection(known) else [*known, "sha256"]


def _binary_stanza(published: Published, digests: Iterable[str], *, short: bool) -> bytes:
    package, path = published.package, published.paths[0]
    stanza, file = package.stanza, package.files[0]
    if _PERHAPS_OURS.search(b"\n" + stanza):
        stanza = _OURS.sub(b"", stanza).rstrip(b"\n")
    if short:
        stanza = shortened(stanza)
    ours = _added(published) + f"\n{field('Filename', path)}\nSize: {file.size}\n"
    for name in _known(file, digests):
        ours += f"{_DIGESTS[name]}: {getattr(file, name)}\n"
    return stanza + ours.encode() + b"\n"


def _added(published: Published) -> str:
    """Return the fields that plugins add to a stanza, each after a newline."""
    return "".join(f"\n{field(name, value)}" for name, value in sorted(published.fields.items()))


class SourcesIndex(IndexKind):
    """``source/Sources``; empty where a component has no source packages, as in Debian.

    To a client that asks for sources, a component without the index is one that is not there.
    """

    version = 4
    reads = ("digests", "paths", "fields", "source")
    takes = ("source",)

    def applies(self, context: Context) -> bool:
        return context.source

    def expected(self, context: Context) -> Iterable[str]:
        return ["source/Sources"]

    def fragment(self, packages: Sequence[Published], context: Context) -> Mapping[str, bytes]:
        texts = [_source_stanza(published, context.digests) for published in packages]
        return {"source/Sources": b"".join(texts)} if texts else {}


def _source_stanza(published: Published, digests: Sequence[str]) -> bytes:
    """Return the stanza of a .dsc as ``Sources`` has it, listing the .dsc among the files.

    MD5 checksums are listed whatever else is: ``Files`` is where clients take names and sizes.
    """
    package, paths = published.package, published.paths
    stanza = _OURS_IN_SOURCES.sub(b"", package.stanza).rstrip(b"\n")
    stanza = standard(_SOURCE.sub(b"Package:", stanza, count=1), source=True)
    stanza += _added(published).encode()
    known = [set(_known(file, ("md5", *digests))) for file in package.files]
    lines = ["", field("Directory", paths[0].rpartition("/")[0])]
    for name, title in _LISTS.items():
        if all(name in names for names in known):
            rows = [(getattr(file, name), file.size, file.name) for file in package.files]
            lines += [f"{title}:", *(row(*columns) for columns in rows)]
    return stanza + "\n".join((*lines, "", "")).encode()

"""Extracts: what software centres show of a package, read out of it and kept as an archive."""

from __future__ import annotations

import io
import re
import tarfile
from typing import TYPE_CHECKING

from debrepo import archive
from debrepo.archive.stream import blocks
from debrepo.errors import InvalidPackage
from debrepo_appstream.generator import Composed, compose

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from debrepo.package import Package

#: What the generator reads besides metainfo: names, categories and icons.
_BESIDE = re.compile(
    rb"usr/share/(?:applications/[^/]{1,200}\.desktop"
    rb"|icons/hicolor/(?:48x48|64x64|96x96|128x128|192x192|256x256|512x512|scalable)(?:@2)?/apps/"
    rb"[^/]{1,200}\.(?:png|svgz?)|pixmaps/[^/]{1,200}\.(?:png|svgz?|xpm))"
)
_MOST = 256  # files of a package that are read
_LIMITS = archive.Limits(control_file=2 << 20)  # bytes that each may have
_COMPONENTS = "components.yml"


def taken(package: Package, file: Path, metainfo: Sequence[bytes], paths: Iterable[bytes]) -> bytes:
    """Return what the generator makes of a package that has some metainfo, as an archive."""
    wanted = [*metainfo, *(path for path in paths if _BESIDE.fullmatch(path))]
    size = package.files[0].size
    with file.open("rb") as opened:
        budget = archive.Budget(_LIMITS, size)
        files = archive.read_files(blocks(opened), size, budget, wanted[:_MOST])
    try:
        named = {path.decode(): content for path, content in files.items()}
    except UnicodeDecodeError:
        raise InvalidPackage("the name of a file of it is not in UTF-8") from None
    return packed(compose(named, package.key.name))


def packed(found: Composed) -> bytes:
    """Return what the generator has made as one archive."""
    members = {_COMPONENTS: found.components, **found.icons}
    return b"".join(piece for name, data in members.items() for piece in member(name, data))


def unpacked(extract: bytes) -> tuple[bytes, Mapping[str, bytes]]:
    """Return the components and the icons of an extract."""
    with tarfile.open(fileobj=io.BytesIO(extract)) as members:
        found = dict(_contents(members))
    return found.pop(_COMPONENTS), found


def _contents(members: tarfile.TarFile) -> Iterator[tuple[str, bytes]]:
    for one in members:
        file = members.extractfile(one)
        assert file is not None
        yield one.name, file.read()


def member(name: str, content: bytes) -> Iterable[bytes]:
    """Return a member of an archive: header, content, and zeros up to the end of a block."""
    header = tarfile.TarInfo(name)
    header.size = len(content)
    yield header.tobuf(tarfile.PAX_FORMAT)
    yield content
    yield bytes(-len(content) % 512)

"""``dep11/Components-ARCH.yml``, and the icons of what is listed there.

See https://wiki.debian.org/DEP-11, and the file 50appstream of Debian's package appstream for what
apt fetches.
"""

from __future__ import annotations

import io
import json
import re
import tarfile
from typing import TYPE_CHECKING

from debrepo import archive
from debrepo.archive.stream import blocks
from debrepo.errors import InvalidPackage
from debrepo.index_kind import WholeIndexKind
from debrepo_appstream.generator import Composed, compose

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from debrepo.index_kind import Context, Published

#: The files that say that a package has software for software centres.
_METAINFO = re.compile(rb"usr/share/(?:metainfo|appdata)/[^/]{1,200}\.xml")
#: What the generator reads besides: names, categories and icons.
_BESIDE = re.compile(
    rb"usr/share/(?:applications/[^/]{1,200}\.desktop"
    rb"|icons/hicolor/(?:48x48|64x64|96x96|128x128|192x192|256x256|512x512|scalable)(?:@2)?/apps/"
    rb"[^/]{1,200}\.(?:png|svgz?)|pixmaps/[^/]{1,200}\.(?:png|svgz?|xpm))"
)
_MOST = 256  # files of a package that are read
_LIMITS = archive.Limits(control_file=2 << 20)  # bytes that each may have
_COMPONENTS = "components.yml"


class AppStreamIndex(WholeIndexKind):
    """``Components-ARCH.yml`` for each architecture, and ``icons-SIZE.tar`` for all of them.

    They are made whole, since libappstream reads the first member of a gzip file alone.
    """

    reads = (
        "component", "architectures", "codename", "origin", "contents", "files", "extract",
    )  # fmt: skip
    takes = ("deb",)
    options = ("appstream",)

    def applies(self, context: Context) -> bool:
        return bool(context.options["appstream"])

    def compressions(self, chosen: tuple[str, ...]) -> tuple[str, ...]:
        """Return one, as clients keep files as they come: gzip if the publication has it."""
        return ("gz",) if "gz" in chosen else chosen[:1]

    def extract(self, published: Published) -> bytes:
        """Return what the generator makes of a package, as an archive; nothing, of most."""
        paths = published.contents.split(b"\n")
        if not any(map(_METAINFO.fullmatch, paths)):
            return b""
        wanted = [path for path in paths if _METAINFO.fullmatch(path)]
        wanted += [path for path in paths if _BESIDE.fullmatch(path)]
        package = published.package
        size = package.files[0].size
        with published.files[0].open("rb") as file:
            budget = archive.Budget(_LIMITS, size)
            files = archive.read_files(blocks(file), size, budget, wanted[:_MOST])
        try:
            named = {path.decode(): content for path, content in files.items()}
        except UnicodeDecodeError:
            raise InvalidPackage("the name of a file of it is not in UTF-8") from None
        return _packed(compose(named, package.key.name))

    def fragment(self, packages: Sequence[Published], context: Context) -> Mapping[str, bytes]:
        texts: dict[str, list[bytes]] = {}
        icons: dict[tuple[str, str, bytes], None] = {}  # each once, for all architectures
        for one in packages:
            if not one.extract:
                continue
            components, found = _unpacked(one.extract)
            everywhere = one.package.key.architecture == "all"
            for name in context.architectures if everywhere else [one.package.key.architecture]:
                texts.setdefault(f"dep11/Components-{name}.yml", []).append(components)
            for path, content in found.items():
                size, _, name = path.partition("/")
                icons[size, name, content] = None
        for size, name, content in icons:
            member = b"".join(_member(name, content))
            texts.setdefault(f"dep11/icons-{size}.tar", []).append(member)
        return {path: b"".join(parts) for path, parts in texts.items()}

    def finish(
        self, fragments: Mapping[str, Sequence[bytes]], context: Context
    ) -> Mapping[str, bytes]:
        return {
            path: b"".join(
                (_head(context), *texts) if path.endswith(".yml") else (*texts, bytes(_END))
            )
            for path, texts in fragments.items()
        }


_END = 1024  # bytes: two blocks of zeros end an archive


def _head(context: Context) -> bytes:
    """Return the first document, with a name for the directory of the icons on clients."""
    words = (context.origin, context.codename, context.component)
    clean = [re.sub(r"[^a-z0-9.+]+", "-", word.lower()).strip(".-") for word in words]
    said = json.dumps("-".join(filter(None, clean)))  # which is YAML, too
    return f"---\nFile: DEP-11\nVersion: '0.16'\nOrigin: {said}\n".encode()


def _packed(found: Composed) -> bytes:
    members = {_COMPONENTS: found.components, **found.icons}
    return b"".join(piece for name, data in members.items() for piece in _member(name, data))


def _unpacked(extract: bytes) -> tuple[bytes, dict[str, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(extract)) as members:
        found = dict(_contents(members))
    return found.pop(_COMPONENTS), found


def _contents(members: tarfile.TarFile) -> Iterator[tuple[str, bytes]]:
    for member in members:
        file = members.extractfile(member)
        assert file is not None
        yield member.name, file.read()


def _member(name: str, content: bytes) -> Iterable[bytes]:
    """Return a member of an archive: header, content, and zeros up to the end of a block."""
    header = tarfile.TarInfo(name)
    header.size = len(content)
    yield header.tobuf(tarfile.PAX_FORMAT)
    yield content
    yield bytes(-len(content) % 512)

"""``dep11/Components-ARCH.yml``, and the icons of what is listed there.

See https://wiki.debian.org/DEP-11, and the file 50appstream of Debian's package appstream for what
apt fetches.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from debrepo.index_kind import WholeIndexKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from debrepo.index_kind import Context, Published

#: The files that say that a package has software for software centres.
_METAINFO = re.compile(rb"usr/share/(?:metainfo|appdata)/[^/]{1,200}\.xml")


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
        metainfo = [path for path in paths if _METAINFO.fullmatch(path)]
        if not metainfo:
            return b""
        from debrepo_appstream.extracts import taken  # and all that reads packages

        return taken(published.package, published.files[0], metainfo, paths)

    def fragment(self, packages: Sequence[Published], context: Context) -> Mapping[str, bytes]:
        from debrepo_appstream.extracts import member, unpacked

        texts: dict[str, list[bytes]] = {}
        icons: dict[tuple[str, str, bytes], None] = {}  # each once, for all architectures
        for one in packages:
            if not one.extract:
                continue
            components, found = unpacked(one.extract)
            everywhere = one.package.key.architecture == "all"
            for name in context.architectures if everywhere else [one.package.key.architecture]:
                texts.setdefault(f"dep11/Components-{name}.yml", []).append(components)
            for path, content in found.items():
                size, _, name = path.partition("/")
                icons[size, name, content] = None
        for size, name, content in icons:
            text = b"".join(member(name, content))
            texts.setdefault(f"dep11/icons-{size}.tar", []).append(text)
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

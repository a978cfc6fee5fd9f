"""Contents: which package each file is in.

See https://wiki.debian.org/DebianRepository/Format, section on Contents.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo.index_kind import SortedIndexKind
from debrepo_publish.indexes.encoding import location

if TYPE_CHECKING:
    from debrepo.index_kind import Context, Published


class ContentsIndex(SortedIndexKind):
    """``Contents-ARCH``, and ``Contents-udeb-ARCH`` for udebs, of architectures with packages."""

    version = 3
    reads = ("contents",)
    given = ("Section",)
    options = ("contents",)

    def applies(self, context: Context) -> bool:
        return bool(context.options["contents"])

    def compressions(self, chosen: tuple[str, ...]) -> tuple[str, ...]:
        """Return one, as Contents are large: gzip if the publication has it."""
        return ("gz",) if "gz" in chosen else chosen[:1]

    def index(self, kind: str, architecture: str, context: Context) -> str:
        return f"Contents-{'udeb-' if kind == 'udeb' else ''}{architecture}"

    def lines(self, published: Published, context: Context) -> tuple[bytes, bytes]:
        """Return the paths, and ``section/name``; of a source package, the name."""
        package = published.package
        own = "" if package.kind == "source" else package.field("Section")
        section = published.fields.get("Section", own) if package.kind != "source" else ""
        return published.contents, location(section, package.key.name)

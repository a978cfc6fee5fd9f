"""Maintainers: who maintains what, for each architecture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo.index_kind import IndexKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from debrepo.index_kind import Context, Published


class MaintainersIndex(IndexKind):
    """``maintainers/ARCH``, with a line for each package."""

    reads = ("architectures", "suite")
    takes = ("deb",)
    options = ("maintainers",)

    def applies(self, context: Context) -> bool:
        return bool(context.options["maintainers"])

    def header(self, path: str, context: Context) -> bytes:
        return f"# maintainers of {context.suite}\n".encode()

    def fragment(self, packages: Sequence[Published], context: Context) -> Mapping[str, bytes]:
        texts: dict[str, bytes] = {}
        for one in packages:
            who = "_".join(one.package.field("Maintainer").split()) or "-"  # one column
            path = f"maintainers/{one.package.key.architecture}"
            line = f"{one.package.key.name} {who}\n".encode()
            texts[path] = texts.get(path, b"") + line
        return texts

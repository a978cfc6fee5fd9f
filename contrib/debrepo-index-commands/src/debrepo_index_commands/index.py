"""``Commands-ARCH``: a stanza about the index, then one for each package with commands.

``CommandNotFound/db/creator.py`` of Debian's package command-not-found (23.04) is what reads it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo.index_kind import IndexKind

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from debrepo.index_kind import Context, Published


class CommandsIndex(IndexKind):
    """``cnf/Commands-ARCH`` of a component; packages for all architectures are in each."""

    reads = ("component", "architectures", "suite", "contents")
    takes = ("deb",)
    options = ("commands",)
    settings = ("commands.directories",)

    def applies(self, context: Context) -> bool:
        return bool(context.options["commands"])

    def expected(self, context: Context) -> Iterable[str]:
        return [_path(name) for name in context.architectures]

    def header(self, path: str, context: Context) -> bytes:
        architecture = path.rpartition("Commands-")[2]
        said = {"suite": context.suite, "component": context.component, "arch": architecture}
        return "".join(f"{name}: {value}\n" for name, value in said.items()).encode() + b"\n"

    def fragment(self, packages: Sequence[Published], context: Context) -> Mapping[str, bytes]:
        directories = {name.encode() for name in context.settings["commands.directories"]}
        texts: dict[str, list[bytes]] = {}
        for one in packages:
            found = commands(one.contents, directories)
            if not found:
                continue
            key = one.package.key
            text = f"name: {key.name}\nversion: {key.version}\ncommands: {','.join(found)}\n\n"
            everywhere = key.architecture == "all"
            for name in context.architectures if everywhere else [key.architecture]:
                texts.setdefault(_path(name), []).append(text.encode())
        return {path: b"".join(parts) for path, parts in texts.items()}


def _path(architecture: str) -> str:
    return f"cnf/Commands-{architecture}"


def commands(contents: bytes, directories: Collection[bytes]) -> list[str]:
    """Return the commands among paths, sorted, but for those that the format cannot list."""
    found = set()
    for path in contents.split(b"\n"):
        directory, _, name = path.rpartition(b"/")
        if directory in directories:
            command = name.decode(errors="replace")
            if command.isprintable() and not {" ", ",", "\ufffd"} & set(command):
                found.add(command)
    return sorted(found)

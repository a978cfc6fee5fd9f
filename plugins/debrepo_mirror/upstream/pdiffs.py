"""PDiffs: what has changed in an index since, as ed scripts that are applied as it goes by."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from debrepo.errors import InvalidInput, RemoteError
from debrepo.stanza import parse
from debrepo_mirror.upstream.release import strongest, with_checksum

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

from debrepo.package import PackageFile

_COMMAND = re.compile(rb"(\d+)(?:,(\d+))?([acd])")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9+._-]*")
_UNDOT = b"s/.//"  # turns a line of two dots into the one that would have ended the text


class Patch(NamedTuple):
    """One ed script: what it is for, what it is compressed, and what it unpacks to."""

    name: str
    before: PackageFile  #: the index that it changes
    packed: PackageFile
    plain: PackageFile


class Patches(NamedTuple):
    """The scripts that lead to the index of today."""

    current: PackageFile
    patches: tuple[Patch, ...]
    merged: bool = False  #: each one leads to the index of today at once


class Hunk(NamedTuple):
    """Lines that are replaced: from ``start`` to before ``stop``, counted from 0."""

    start: int
    stop: int
    text: bytes


def read(text: bytes, where: str) -> Patches:
    """Return what an index of patches says; of its checksums the strongest that is there."""
    try:
        fields = {name.lower(): value for name, value in parse(text.strip(b"\n")).items()}
    except InvalidInput as error:
        raise RemoteError(f"{where} is no index of patches: {error}") from None
    for algorithm in ("sha512", "sha256"):
        if f"{algorithm}-current" not in fields:
            continue
        digest, _, size = fields[f"{algorithm}-current"].strip().partition(" ")
        lists = [
            _listed(fields.get(f"{algorithm}-{name}", ""), algorithm, where)
            for name in ("history", "patches", "download")
        ]
        history, plain, packed = lists
        patches = tuple(
            Patch(name, before, packed[name + ".gz"], plain[name])
            for name, before in history.items()
            if name in plain and name + ".gz" in packed
        )
        if len(patches) < len(history):
            return Patches(PackageFile("", -1), ())
        merged = fields.get("x-patch-precedence", "").strip() == "merged"
        return Patches(_file("", digest, size.strip(), algorithm, where), patches, merged)
    return Patches(PackageFile("", -1), ())


def _listed(value: str, algorithm: str, where: str) -> dict[str, PackageFile]:
    found: dict[str, PackageFile] = {}
    for line in filter(str.strip, value.split("\n")):
        parts = line.split()
        if len(parts) != 3 or not _NAME.fullmatch(parts[2]):
            raise RemoteError(f"{where}: not a line of a list of patches: {line.strip()[:120]!r}")
        found[parts[2]] = _file(parts[2], parts[0], parts[1], algorithm, where)
    return found


def _file(name: str, digest: str, size: str, algorithm: str, where: str) -> PackageFile:
    if not size.isdigit() or not re.fullmatch(r"[0-9a-fA-F]+", digest):
        raise RemoteError(f"{where}: not a checksum and a size: {digest[:130]} {size[:20]}")
    return with_checksum(PackageFile(name, int(size)), algorithm, digest.lower())


def wanted(patches: Patches, have: PackageFile, target: PackageFile) -> list[Patch] | None:
    """Return the patches from the index that we ``have`` to ``target``, if there are any."""
    if not _same(patches.current, target):
        return None
    for number, patch in enumerate(patches.patches):
        if _same(patch.before, have):
            return [patch] if patches.merged else list(patches.patches[number:])
    return None


def _same(one: PackageFile, other: PackageFile) -> bool:
    algorithm, digest = strongest(one)
    return bool(digest) and getattr(other, algorithm) == digest


def hunks(script: bytes, where: str) -> list[Hunk]:
    """Return the changes of an ed script, from the first line to the last one.

    Such scripts go from the end of the file to its start, so that line numbers hold.
    """
    found: list[Hunk] = []
    lines = script.split(b"\n")
    if lines and not lines[-1]:
        lines.pop()
    position, lowest = 0, None
    while position < len(lines):
        command = _COMMAND.fullmatch(lines[position])
        if command is None:
            raise RemoteError(f"{where}: not a command of a patch: {lines[position][:80]!r}")
        position += 1
        first, last, word = int(command[1]), int(command[2] or command[1]), command[3]
        start, stop = (first, first) if word == b"a" else (first - 1, last)
        if (lowest is not None and stop > lowest) or start > stop or start < 0:
            raise RemoteError(f"{where}: the commands of the patch are not in order")
        lowest = start
        text = b""
        if word != b"d":
            text, position = _text(lines, position, where)
        found.append(Hunk(start, stop, text))
    return found[::-1]


def _text(lines: list[bytes], position: int, where: str) -> tuple[bytes, int]:
    """Return the text that follows a command, and where the next command is."""
    parts: list[bytes] = []
    while True:
        try:
            end = lines.index(b".", position)
        except ValueError:
            raise RemoteError(f"{where}: the patch is cut short") from None
        parts += lines[position:end]
        position = end + 1
        if lines[position : position + 1] != [_UNDOT] or parts[-1:] != [b".."]:
            return b"".join(line + b"\n" for line in parts), position
        parts[-1] = b"."
        position += 1
        if lines[position : position + 1] != [b"a"]:
            return b"".join(line + b"\n" for line in parts), position
        position += 1


def apply(pieces: Iterable[bytes], changes: Iterable[Hunk], where: str) -> Iterator[bytes]:
    """Yield a text with changes made to it, holding no more than a piece of it in memory."""
    waiting = iter(changes)
    hunk = next(waiting, None)
    line, rest = 0, b""  # of the next line to come; and what has come of it
    for piece in pieces:
        block = rest + piece
        end = block.rfind(b"\n") + 1
        block, rest = block[:end], block[end:]
        count = block.count(b"\n")
        if hunk is None or hunk.start > line + count:
            if block:
                yield block
            line += count
            continue
        lines = block.splitlines(keepends=True) if b"\r" not in block else _lines(block)
        out: list[bytes] = []
        at = line
        while hunk is not None and hunk.start <= line + count:
            if hunk.start > at:
                out += lines[at - line : hunk.start - line]
                at = hunk.start
            if hunk.stop > line + count:  # the rest of it is in the next piece
                hunk = Hunk(line + count, hunk.stop, hunk.text)
                at = line + count
                break
            out.append(hunk.text)
            at = max(at, hunk.stop)
            hunk = next(waiting, None)
        out += lines[at - line :]
        line += count
        yield b"".join(out)
    if rest:
        raise RemoteError(f"{where} does not end in a newline")
    while hunk is not None and hunk.start == hunk.stop == line:
        yield hunk.text
        hunk = next(waiting, None)
    if hunk is not None:
        raise RemoteError(f"{where}: the patch is for a longer index")


def _lines(block: bytes) -> list[bytes]:
    return [line + b"\n" for line in block.split(b"\n")[:-1]]

"""An archive under test: debrepo as a process of its own, on a root of its own."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import zstandard

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

OPENERS = {".gz": gzip.decompress, ".xz": lzma.decompress, ".bz2": bz2.decompress}


class Archive:
    """A root, and the ``debrepo`` command on it."""

    def __init__(self, root: Path, **environment: str) -> None:
        self.root = root
        self.public = root / "public"
        self.environment = {
            name: value for name, value in os.environ.items() if not name.startswith("DEBREPO_")
        } | {"HOME": str(root), **environment}

    def __call__(self, *words: object, exit_code: int = 0) -> str:
        """Run ``debrepo``; return what it printed on standard output."""
        process = self.start(*words)
        output, errors = process.communicate()
        assert process.returncode == exit_code, output + errors
        return output

    def json(self, *words: object) -> Any:
        return json.loads(self(*words, "--json"))

    @property
    def command(self) -> list[str]:
        """The words that start ``debrepo`` on this root."""
        return [sys.executable, "-m", "debrepo", "--root", str(self.root)]

    def start(self, *words: object, command: Sequence[str] = ()) -> subprocess.Popen[str]:
        """Start ``debrepo``, or what stands in for it, in a process group of its own."""
        begin = [*command, "--root", str(self.root)] if command else self.command
        return subprocess.Popen(
            [*begin, *map(str, words)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.environment,
            start_new_session=True,
        )

    def source(self, uri: str = "", suite: str = "stable", types: str = "deb deb-src") -> str:
        """Return the deb822 stanza for a client, with the key in it."""
        key = "".join(f" {line or '.'}\n" for line in self("key", "export").splitlines())
        return (
            f"Types: {types}\nURIs: {uri or f'file:{self.public}'}\nSuites: {suite}\n"
            f"Components: main\nSigned-By:\n{key}"
        )


def read_index(path: Path) -> bytes:
    """Return what a compressed index holds."""
    data = path.read_bytes()
    if path.suffix == ".zst":
        with zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True) as reader:
            return reader.read()
    return OPENERS.get(path.suffix, bytes)(data)


def release_fields(text: str) -> dict[str, str]:
    """Return the fields of a Release file; continuation lines keep their newlines."""
    fields: dict[str, str] = {}
    name = ""
    for line in text.splitlines():
        if line.startswith(" "):
            fields[name] += f"\n{line.strip()}"
        elif ":" in line:
            name, _, value = line.partition(":")
            fields[name] = value.strip()
    return fields


def listed(fields: dict[str, str], algorithm: str = "SHA256") -> dict[str, tuple[str, int]]:
    """Return what Release says of each index: digest and size, by path."""
    rows = (line.split() for line in fields[algorithm].splitlines() if line)
    return {path: (digest, int(size)) for digest, size, path in rows}


def tree(directory: Path) -> dict[str, bytes]:
    """Return the content of every file below a directory, by path."""
    files = (path for path in sorted(directory.rglob("*")) if path.is_file())
    return {str(path.relative_to(directory)): path.read_bytes() for path in files}

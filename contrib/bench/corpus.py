"""A corpus of small packages, made from the lists that apt keeps, or of nothing at all."""

from __future__ import annotations

import itertools
import random
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from debrepo.testing.packages import build_deb

if TYPE_CHECKING:
    from collections.abc import Iterator

LISTS = Path("/var/lib/apt/lists")
NEWER = 101  # packages that there is a newer version of
_DROPPED = {"Filename", "Size", "MD5sum", "SHA1", "SHA256", "SHA512", "Description-md5"}
_FIELD = re.compile(r"^([^\s:]+):[ \t]*(.*(?:\n[ \t].*)*)", re.MULTILINE)


def make(target: Path, count: int, fresh: int = NEWER) -> None:
    """Write ``count`` packages into the new directory ``target/SIZE`` and newer ones beside it."""
    size, newer = target / str(count), target / f"{count}-newer"
    size.mkdir(parents=True)
    newer.mkdir()
    for number, fields in enumerate(itertools.islice(stanzas(), count)):
        _build(size, fields, number)
        step = max(count // fresh, 1)
        if number % step == 0 and number // step < fresh:
            _build(newer, fields | {"Version": fields["Version"] + "+u1"}, number)


def _build(directory: Path, fields: dict[str, str], number: int) -> None:
    name, rest = fields["Package"], dict(fields)
    version, architecture = rest["Version"], rest["Architecture"]
    rnd = random.Random(number)
    words = [f"usr/share/{name}/{rnd.randrange(10**6):x}" for _ in range(8)]
    paths = {path: path.encode() * 4 for path in (f"usr/share/doc/{name}/copyright", *words)}
    build_deb(directory, name, version, architecture, fields=rest, paths=paths, compression="gzip")


def stanzas() -> Iterator[dict[str, str]]:
    """Yield the fields of real packages, then of made-up ones for as long as they are wanted."""
    seen = set()
    for path in sorted(LISTS.glob("*_binary-*_Packages*")):
        for block in _read(path).split("\n\n"):
            fields = {n: v for n, v in _FIELD.findall(block) if n not in _DROPPED}
            identity = fields.get("Package"), fields.get("Architecture")
            if {"Package", "Version", "Architecture"} <= set(fields) and identity not in seen:
                seen.add(identity)
                yield fields
    for number in itertools.count():
        yield {
            "Package": f"made-up-{number}",
            "Version": "1.0-1",
            "Architecture": "amd64",
            "Section": "misc",
            "Priority": "optional",
        }


def _read(path: Path) -> str:
    helper = "/usr/lib/apt/apt-helper"
    if path.suffix and Path(helper).exists():
        done = subprocess.run([helper, "cat-file", str(path)], capture_output=True, check=True)
        return done.stdout.decode(errors="replace")
    return path.read_text(errors="replace")


if __name__ == "__main__":
    make(Path(sys.argv[1]), *map(int, sys.argv[2:]))

"""The generator: what ``appstreamcli compose`` makes of the files of one package.

It reads images, XML and desktop entries that nobody has checked. So it runs as a process of its
own, in a directory that goes with it, within limits, and without the network.
"""

from __future__ import annotations

import gzip
import os
import re
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from debrepo.errors import InvalidPackage, PluginError
from debrepo.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Limits of the kernel on a process that reads the files of a package.
_LIMITS = ("--cpu=60", f"--as={4 << 30}", f"--fsize={64 << 20}", "--core=0")
_WALL = 600  #: seconds, for one that waits instead of working
_LARGEST = 1 << 20  # bytes of an icon as it is published; those of Debian have 10,000
_CATALOG = "out/usr/share/swcatalog"
_SIZE = re.compile(r"[0-9]{2,3}x[0-9]{2,3}(@[0-9])?")
_COMPONENT = "\n---\n"  # what stands between the documents of the metadata


class Composed(NamedTuple):
    """What software centres show of a package."""

    components: bytes  #: YAML documents, each with the line before it; empty where there are none
    icons: Mapping[str, bytes]  #: by size and name: ``64x64/hello_org.example.Hello.png``


def compose(files: Mapping[str, bytes], package: str) -> Composed:
    """Return what the generator makes of the files that a package installs, by their paths.

    Raise `InvalidPackage` where it makes nothing of them, and `PluginError` where it is missing.
    """
    with TemporaryDirectory(prefix="debrepo-appstream-") as name:
        place = Path(name)
        for path, content in files.items():
            written = place / "files" / path
            written.parent.mkdir(parents=True, exist_ok=True)
            written.write_bytes(content)
        options = ("--no-net", "--no-color", "--print-report=short", "--origin=x")
        said = _run(place, ["compose", *options, "--result-root=out", "files"])
        found = place / _CATALOG / "xml/x.xml.gz"
        if not found.is_file():
            raise _nothing(said)
        catalog = gzip.decompress(found.read_bytes())
        if b"<component" not in catalog:
            raise _nothing(said)
        (place / "catalog.xml").write_bytes(_named(catalog, package))
        said = _run(place, ["convert", "catalog.xml", "catalog.yml"])
        if not (place / "catalog.yml").is_file():
            raise _nothing(said)
        header, between, documents = (place / "catalog.yml").read_text().partition(_COMPONENT)
        if not header.startswith("---\nFile: DEP-11\n") or not between:
            raise _nothing(said)
        return Composed(f"---\n{documents}".encode(), dict(_icons(place, package)))


def _run(place: Path, words: Sequence[str]) -> str:
    """Run ``appstreamcli`` in a directory, and return what it says."""
    environ = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(place),
        "TMPDIR": str(place),
        "LC_ALL": "C.UTF-8",
    }
    try:
        done = subprocess.run(
            ["prlimit", *_LIMITS, "appstreamcli", *words],
            cwd=place,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_WALL,
            check=False,
        )
    except FileNotFoundError:
        raise PluginError("prlimit is not installed", hint='run "apt install util-linux"') from None
    except subprocess.TimeoutExpired:
        raise InvalidPackage("appstreamcli does not come to an end") from None
    said = done.stdout.decode(errors="replace")
    if done.returncode and ("failed to execute" in said or "Compose binary" in said):
        raise PluginError(
            'AppStream metadata is made by "appstreamcli compose", which is not installed',
            hint='run "apt install appstream appstream-compose"',
        )
    return said


def _nothing(said: str) -> InvalidPackage:
    """Return the error for a package of which the generator makes nothing, with its reasons."""
    reasons = sorted(set(re.findall(r"^ *E: ([a-z0-9-]+)$", said, re.M)))
    return InvalidPackage(f"appstreamcli finds no component: {', '.join(reasons) or 'no reason'}")


def _named(catalog: bytes, package: str) -> bytes:
    """Return a catalog whose components name their package, and whose icons are called after it.

    Icons of all packages are in one directory on clients.
    """
    root = ET.fromstring(catalog)  # noqa: S314  # the generator has written it
    for component in root.iter("component"):
        name = ET.Element("pkgname")
        name.text = package
        component.insert(1, name)
        for icon in component.findall("icon"):
            if icon.get("type") == "cached":
                icon.text = f"{package}_{icon.text}"
    named: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return named


def _icons(place: Path, package: str) -> list[tuple[str, bytes]]:
    found = []
    for path in sorted((place / _CATALOG / "icons/x").glob("*/*.png")):
        size = path.parent.name
        if _SIZE.fullmatch(size) and path.is_file() and path.stat().st_size <= _LARGEST:
            found.append((f"{size}/{package}_{path.name}", path.read_bytes()))
    return found

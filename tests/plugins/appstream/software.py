"""Software with all that a software centre shows of it, as packages have it."""

import shutil
import struct
import subprocess
import zlib

from debrepo.testing.packages import build_deb


def generator_is_there():
    """Tell whether the real generator is installed."""
    if not shutil.which("appstreamcli"):
        return False
    done = subprocess.run(
        ["appstreamcli", "compose", "--version"],
        check=False,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return done.returncode == 0


def icon(size=128, shade=200):
    """Return a PNG of one colour."""

    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    rows = b"".join(b"\0" + bytes((shade, 30, 30)) * size for _ in range(size))
    head = struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def metainfo(name, *, summary="Paint pictures on a canvas"):
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<component type="desktop-application">
  <id>org.example.{name}</id>
  <metadata_license>CC0-1.0</metadata_license>
  <project_license>GPL-3.0+</project_license>
  <name>{name}</name>
  <summary>{summary}</summary>
  <description><p>{name} has brushes and many colours.</p></description>
  <launchable type="desktop-id">org.example.{name}.desktop</launchable>
  <url type="homepage">https://example.org/</url>
</component>
""".encode()


def desktop(name):
    return (
        f"[Desktop Entry]\nType=Application\nName={name}\nComment={name} on a canvas\n"
        f"Exec={name.lower()}\nIcon=org.example.{name}\nCategories=Graphics;2DGraphics;\n"
    ).encode()


def files(name, **words):
    """Return the files that software installs for software centres."""
    identity = f"org.example.{name}"
    return {
        f"usr/share/metainfo/{identity}.metainfo.xml": metainfo(name, **words),
        f"usr/share/applications/{identity}.desktop": desktop(name),
        f"usr/share/icons/hicolor/128x128/apps/{identity}.png": icon(),
    }


def build(directory, name, version="1.0", architecture="amd64", *, paths=None, **words):
    """Build a package with software; its name is that of the software in lower case."""
    found = files(name, **words) if paths is None else paths
    return build_deb(directory, name.lower(), version, architecture, paths=found)

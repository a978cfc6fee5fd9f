"""Archives in small, written as those of Debian are, with whatever is wrong in them."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import os
import re
import shutil
import subprocess
import tempfile
import time
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

import zstandard

from debrepo.testing.packages import build_deb, build_source

if TYPE_CHECKING:
    from pathlib import Path

PACKERS = {
    "": bytes,
    ".gz": lambda data: gzip.compress(data, mtime=0),
    ".xz": lambda data: lzma.compress(data, preset=0),
    ".bz2": bz2.compress,
    ".zst": zstandard.compress,
}
LISTS = {"MD5Sum": "md5", "SHA1": "sha1", "SHA256": "sha256", "SHA512": "sha512"}


class Key:
    """A key that signs archives, in a GnuPG home of its own."""

    def __init__(self) -> None:
        self.home = tempfile.mkdtemp(prefix="dk-")  # sockets have short paths
        self("--quick-generate-key", "Archive <archive@example.org>", "ed25519", "sign", "0")
        listed = self("--with-colons", "--list-keys").decode()
        self.fingerprint = re.search(r"^fpr:+([0-9A-F]+):", listed, re.M)[1]
        self.public = self("--armor", "--export").decode()

    def __call__(self, *words: str, data: bytes = b"") -> bytes:
        command = ["gpg", "--homedir", self.home, "--batch", "--yes", "--passphrase", "", *words]
        return subprocess.run(command, input=data, capture_output=True, check=True).stdout

    def close(self) -> None:
        subprocess.run(["gpgconf", "--homedir", self.home, "--kill", "all"], check=False)
        shutil.rmtree(self.home, ignore_errors=True)


class SmallArchive:
    """An archive of one distribution below ``root``; `write` makes its indexes anew."""

    def __init__(self, root: Path, key: Key | None = None, distribution: str = "stable") -> None:
        self.root = root
        self.key = key
        self.distribution = distribution
        self.suffixes: tuple[str, ...] = ("", ".gz", ".xz")
        self.lists: tuple[str, ...] = ("MD5Sum", "SHA256")
        self.by_hash = False
        self.by_hash_lists: tuple[str, ...] = ("SHA256",)
        self.plain_names = True
        self.digests: tuple[str, ...] = ("md5", "sha256")
        self.fields: dict[str, str] = {}
        self.signed = "inline detached"
        self.date = time.time() - 3600
        self.stanzas: dict[str, list[bytes]] = {"main/binary-amd64/Packages": []}
        self.extra: dict[str, bytes] = {}  # other files that Release lists, by path
        self.root.mkdir(parents=True, exist_ok=True)

    @property
    def dists(self) -> Path:
        if self.distribution.endswith("/"):
            return self.root / self.distribution
        return self.root / "dists" / self.distribution

    def deb(
        self,
        name: str,
        version: str = "1.0",
        architecture: str = "amd64",
        *,
        index: str = "",
        extension: str = "deb",
        about: dict[str, str] | None = None,
        content: bytes = b"",
        **fields: str,
    ) -> Path:
        """Add a binary package; ``about`` replaces what the index says of its file."""
        component = index.partition("/")[0] or "main"
        pool = self.root / "pool" / component / name[0] / name
        pool.mkdir(parents=True, exist_ok=True)
        named = {key.replace("_", "-"): value for key, value in fields.items()}
        path = build_deb(
            pool, name, version, architecture, fields=named, compression="gzip",
            extension=extension, paths={f"usr/share/{name}": content or version.encode() * 20},
        )  # fmt: skip
        said = self.about(path) | (about or {})
        control = self.control(path)
        text = control + "".join(f"{k}: {v}\n" for k, v in said.items() if v).encode()
        self.add(index or "main/binary-amd64/Packages", text)
        return path

    def about(self, path: Path) -> dict[str, str]:
        data = path.read_bytes()
        names = {"md5": "MD5sum", "sha1": "SHA1", "sha256": "SHA256", "sha512": "SHA512"}
        return {
            "Filename": str(path.relative_to(self.root)),
            "Size": str(len(data)),
            **{names[d]: hashlib.new(d, data).hexdigest() for d in self.digests},
        }

    @staticmethod
    def control(path: Path) -> bytes:
        done = subprocess.run(["dpkg-deb", "-f", path], capture_output=True, check=True)
        return done.stdout.rstrip(b"\n") + b"\n"

    def source(self, name: str, version: str = "1.0-1", component: str = "main") -> Path:
        """Add a source package."""
        pool = self.root / "pool" / component / name[0] / name
        pool.mkdir(parents=True, exist_ok=True)
        dsc = build_source(pool, name, version)
        text = dsc.read_text().replace("Source:", "Package:", 1)
        data = dsc.read_bytes()
        for field, digest in (
            ("Files", "md5"), ("Checksums-Sha1", "sha1"), ("Checksums-Sha256", "sha256"),
        ):  # fmt: skip
            line = f"\n {hashlib.new(digest, data).hexdigest()} {len(data)} {dsc.name}"
            text = re.sub(rf"^{field}:", f"{field}:{line}", text, count=1, flags=re.M)
        text += f"Directory: {pool.relative_to(self.root)}\nPriority: optional\nSection: misc\n"
        self.add(f"{component}/source/Sources", text.encode())
        return dsc

    def add(self, index: str, stanza: bytes) -> None:
        """Add a stanza to an index, whatever it says."""
        if self.distribution.endswith("/"):
            index = index.rpartition("/")[2]
            self.stanzas.pop("main/binary-amd64/Packages", None)
        self.stanzas.setdefault(index, []).append(stanza.rstrip(b"\n") + b"\n")

    def clear(self) -> None:
        for stanzas in self.stanzas.values():
            stanzas.clear()

    def index(self, path: str) -> bytes:
        return b"\n".join(self.stanzas[path])

    def write(self) -> SmallArchive:
        """Write all indexes, and sign."""
        self.date += 1
        listed: dict[str, bytes] = dict(self.extra)
        for path in self.stanzas:
            for suffix in self.suffixes:
                listed[path + suffix] = PACKERS[suffix](self.index(path))
        for path, data in listed.items():
            if self.plain_names:
                self.put(self.dists / path, data)
            for title in self.by_hash_lists if self.by_hash else ():
                name = f"by-hash/{title}/{hashlib.new(LISTS[title], data).hexdigest()}"
                self.put((self.dists / path).parent / name, data)
        self.sign(self.release(listed))
        return self

    def release(self, listed: dict[str, bytes]) -> bytes:
        paths = [path.split("/") for path in self.stanzas if "/" in path]
        machines = {part[7:] for path in paths for part in path if part.startswith("binary-")}
        fields: dict[str, Any] = {
            "Origin": "Example",
            "Suite": self.distribution,
            "Codename": self.distribution,
            "Date": formatdate(self.date, usegmt=True).replace("GMT", "UTC"),
            "Architectures": " ".join(sorted(machines)),
            "Components": " ".join(dict.fromkeys(path[0] for path in paths)),
            "Acquire-By-Hash": "yes" if self.by_hash else "",
        } | self.fields
        text = "".join(f"{name}: {value}\n" for name, value in fields.items() if value)
        for title in self.lists:
            rows = "".join(
                f" {hashlib.new(LISTS[title], data).hexdigest()} {len(data)} {path}\n"
                for path, data in listed.items()
            )
            text += f"{title}:\n{rows}"
        return text.encode()

    def sign(self, release: bytes) -> None:
        for name in ("InRelease", "Release", "Release.gpg"):
            (self.dists / name).unlink(missing_ok=True)
        if self.signed == "none":
            return
        self.put(self.dists / "Release", release)
        if self.key is not None and "inline" in self.signed:
            self.put(self.dists / "InRelease", self.key("--clear-sign", data=release))
        if self.key is not None and "detached" in self.signed:
            signature = self.key("--armor", "--detach-sign", data=release)
            self.put(self.dists / "Release.gpg", signature)
        for name in ("InRelease", "Release", "Release.gpg"):
            if (self.dists / name).exists():  # written when it says, not a moment ago
                os.utime(self.dists / name, (self.date, self.date))

    @staticmethod
    def put(path: Path, data: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def copied(archive: SmallArchive, root: Path) -> SmallArchive:
    """Return the same archive at another place, to change it there."""
    shutil.copytree(archive.root, root)
    other = SmallArchive(root, archive.key, archive.distribution)
    vars(other).update({k: v for k, v in vars(archive).items() if k not in ("root", "stanzas")})
    other.stanzas = {path: list(stanzas) for path, stanzas in archive.stanzas.items()}
    return other

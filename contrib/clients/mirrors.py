"""Clients that make a copy of an archive."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from box import Failed
from chroots import PYPI

if TYPE_CHECKING:
    from archives import Served
    from box import Box

_COPY = "/root/copy"
_WITH_SOURCES = ("sources", "sha512")  # the latter since checksums of sources are in other fields
_SOURCE = {"hello_2.10-3.dsc", "hello_2.10-3.debian.tar.xz", "hello_2.10.orig.tar.xz"}
_UDEB = {"hello-udeb_2.10-3_amd64.udeb"}


def debmirror(box: Box, served: Served) -> None:
    """Copy with debmirror."""
    box.write("/etc/key.gpg", served.keyring)
    options = ["--source" if served.column in _WITH_SOURCES else "--nosource"]
    suites = [f"--dist={served.suite}", f"--section={','.join(served.components)}"]
    if served.column == "udebs":
        suites[1] += ",main/debian-installer"
    host, _, path = served.url.removeprefix("http://").partition("/")
    box.run(
        "debmirror", "--method=http", f"--host={host}", f"--root=/{path}", "--arch=amd64",
        "--keyring=/etc/key.gpg", "--i18n", "--diff=none", "--rsync-extra=none", "--progress",
        *options, *suites, _COPY,
    )  # fmt: skip
    _copied(box, served)


def apt_mirror(box: Box, served: Served) -> None:
    """Copy with the apt-mirror of Debian, which is that of GitHub, 0.5.4."""
    _mirror_list(box, served, "/etc/apt/mirror.list")
    box.run("apt-mirror", "/etc/apt/mirror.list")
    _copied(box, served)


def pypi_apt_mirror(box: Box, served: Served) -> None:
    """Copy with the apt-mirror of PyPI."""
    if not (box.root / PYPI / "apt_mirror").exists():
        raise Failed("it could not be installed")
    _mirror_list(box, served, "/etc/mirror.list")
    box.run("python3", "-m", "apt_mirror", "/etc/mirror.list", PYTHONPATH=f"/{PYPI}")
    _copied(box, served)


def aptly(box: Box, served: Served) -> None:
    """Copy with ``aptly mirror``."""
    box.write("/etc/key.gpg", served.keyring)
    box.write("/root/aptly.conf", json.dumps({"rootDir": _COPY, "gpgProvider": "gpg"}))
    command = ("aptly", "-config=/root/aptly.conf")
    box.run(
        *command, "mirror", "create", "-keyring=/etc/key.gpg", "-architectures=amd64",
        f"-with-sources={str(served.column in _WITH_SOURCES).lower()}",
        f"-with-udebs={str(served.column == 'udebs').lower()}",
        "it", served.url, served.suite, *served.components,
    )  # fmt: skip
    box.run(*command, "mirror", "update", "-keyring=/etc/key.gpg", "-max-tries=1", "it")
    shown = box.run(*command, "mirror", "show", "-with-packages", "it").split()
    keys = {f"greeter_{served.version}_all", "hello_1:2.10-3+b1_amd64"}
    if served.column in _WITH_SOURCES:
        keys.add("hello_1:2.10-3_source")
    if served.column == "udebs":
        keys.add("hello-udeb_2.10-3_amd64")
    if "spare" in served.wanted:
        keys.add("spare_1.0_all")
    _need(keys <= set(shown), f"it lacks {' '.join(sorted(keys - set(shown)))}")


def reprepro(box: Box, served: Served) -> None:
    """Copy with ``reprepro update``."""
    box.write("/etc/key.gpg", served.keyring)
    architectures = "amd64 source" if served.column in _WITH_SOURCES else "amd64"
    udebs = "UDebComponents: main\n" if served.column == "udebs" else ""
    components = " ".join(served.components)
    box.write(
        f"{_COPY}/conf/distributions",
        f"Codename: {served.suite}\nArchitectures: {architectures}\nComponents: {components}\n"
        f"{udebs}Update: it\n",
    )
    box.write("/root/.gnupg/x", "")
    box.run("chmod", "700", "/root/.gnupg")
    box.run("gpg", "--import", "/etc/key.gpg")
    lines = box.run("gpg", "--list-keys", "--with-colons").splitlines()
    fingerprint = next(line.split(":")[9] for line in lines if line.startswith("fpr:"))
    box.write(
        f"{_COPY}/conf/updates",
        f"Name: it\nMethod: {served.url}\nVerifyRelease: {fingerprint[-16:]}\n",
    )
    box.run("reprepro", "-b", _COPY, "update")
    _copied(box, served)


def _mirror_list(box: Box, served: Served, path: str) -> None:
    lines = [served.line(options="arch=amd64")]
    if served.column in _WITH_SOURCES:
        lines.append(served.line("deb-src", options=""))
    if served.column == "udebs":
        lines.append(lines[0].replace(" main", " main/debian-installer"))
    box.write(
        path,
        f"set base_path {_COPY}\nset nthreads 2\nset _tilde 0\nset run_postmirror 0\n"
        f"set verify_signature off\n{''.join(lines)}",
    )
    box.run("mkdir", "-p", *(f"{_COPY}/{name}" for name in ("mirror", "skel", "var")))


def _copied(box: Box, served: Served) -> None:
    """Fail unless every wanted package file is there as a whole, and an index."""
    files = [path for path in (box.root / _COPY[1:]).rglob("*") if path.is_file()]
    usable = [path for path in files if "skel" not in path.parts]  # where apt-mirror reads first
    sizes = {path.name: path.stat().st_size for path in usable}
    wanted = {f"greeter_{served.version}_all.deb", "hello_2.10-3+b1_amd64.deb"}
    wanted |= {name for name in served.sizes if name.startswith("libgreet")}
    if "spare" in served.wanted:
        wanted.add("spare_1.0_all.deb")
    if served.column in _WITH_SOURCES:
        wanted |= _SOURCE
    if served.column == "udebs":
        wanted |= _UDEB
    missing = sorted(name for name in wanted if sizes.get(name) != served.sizes[name])
    _need(not missing, f"it lacks {' '.join(missing)} and ends with 0")
    indexes = [path for path in usable if path.match("*/binary-amd64/Packages*")]
    _need(indexes, "it has no index and ends with 0")


def _need(held: object, otherwise: str) -> None:
    if not held:
        raise Failed(otherwise)

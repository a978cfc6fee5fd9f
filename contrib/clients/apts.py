"""Clients that are apt, use its library, or stand between it and the archive."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from archives import free_port
from box import Failed, NotMeant

if TYPE_CHECKING:
    from archives import Served
    from box import Box

_UPDATE = ("apt-get", "-o", "APT::Update::Error-Mode=any", "update")


def apt(box: Box, served: Served) -> None:
    """Install packages, and fetch a source package."""
    _prepare(box, served)
    box.run(*_UPDATE)
    if served.column == "sources":
        box.run("apt-get", "source", "--download-only", "hello")
        box.run("dpkg-source", "--skip-patches", "--extract", "hello_2.10-3.dsc")
        return
    if served.column == "udebs":
        _need("1:2.10" in box.run("apt-cache", "policy", "hello"), "hello is not known")
        _need("2.10-3" in box.run("apt-cache", "policy", "hello-udeb"), "the udeb is not known")
        return
    _installed(box, served, "apt-get", "install", "--yes")


def aptitude(box: Box, served: Served) -> None:
    """Do the same with aptitude."""
    _no_special(served)
    _prepare(box, served)
    box.run("aptitude", "update")
    _installed(box, served, "aptitude", "install", "--assume-yes")


def nala(box: Box, served: Served) -> None:
    """Do the same with nala, which fetches package files itself."""
    _no_special(served)
    _prepare(box, served)
    box.run("nala", "update")
    _installed(box, served, "nala", "install", "--assume-yes")


def python_apt(box: Box, served: Served) -> None:
    """Fetch a package with python-apt."""
    _no_special(served)
    _prepare(box, served)
    box.write("/root/fetch.py", _FETCH)
    said = box.run("python3", "/root/fetch.py", *served.wanted)
    _need(f"greeter {served.version}" in said, f"it has not greeter {served.version}")


def apt_file(box: Box, served: Served) -> None:
    """Find a file in Contents."""
    if served.column == "udebs":
        raise NotMeant
    _prepare(box, served)
    if served.column == "sources":
        key = "Acquire::IndexTargets::deb-src::Contents-dsc::DefaultEnabled"
        box.write("/etc/apt/apt.conf.d/60sources", f'{key} "true";\n')
    box.run(*_UPDATE)
    found = box.run("apt-file", "search", "/usr/bin/say-hello", can_fail=True)
    _need("hello: /usr/bin/say-hello" in found, "the file is not found")
    if "spare" in served.wanted:
        found = box.run("apt-file", "list", "spare", can_fail=True)
        _need("spare: /usr/share/doc" in found, "the file of the other component is not found")
    if served.column == "sources":
        found = box.run("apt-file", "-I", "dsc", "list", "hello", can_fail=True)
        _need("debian/changelog" in found, "the file of the source package is not found")


def command_not_found(box: Box, served: Served) -> None:
    """Name the package of a command."""
    _no_special(served)
    _prepare(box, served)
    box.run(*_UPDATE)
    box.run("update-command-not-found")
    said = box.run("/usr/lib/command-not-found", "say-hello", can_fail=True)
    _need("install hello" in said, "the command is not found")


def apt_cacher_ng(box: Box, served: Served) -> None:
    """Be the proxy of apt."""
    port = free_port()
    options = (
        "ForeGround=1",
        "AllowUserPorts=0",
        f"Port={port}",
        "BindAddress=localhost",
        "CacheDir=/root/cache",
    )
    options += ("LogDir=/root/log", "PidFile=/root/pid")
    box.run("mkdir", "/root/cache", "/root/log")
    box.start("apt-cacher-ng", "-c", "/etc/apt-cacher-ng", *options, port=port)
    box.write("/etc/apt/apt.conf.d/50it", f'Acquire::http::Proxy "http://127.0.0.1:{port}";\n')
    apt(box, served)


def approx(box: Box, served: Served) -> None:
    """Be the mirror of apt."""
    port = free_port()
    box.write("/etc/approx/approx.conf", f"it {served.url}\n$user root\n$group root\n")
    box.write("/root/inetd.py", _INETD)
    box.start("python3", "/root/inetd.py", str(port), "/usr/sbin/approx", port=port)
    apt(box, replace(served, url=f"http://127.0.0.1:{port}/it"))


def _prepare(box: Box, served: Served) -> None:
    types = "deb deb-src" if served.column == "sources" else "deb"
    components = {"components": "main main/debian-installer"} if served.column == "udebs" else {}
    box.write("/etc/apt/sources.list.d/it.sources", served.stanza(types, **components))
    box.write("/etc/apt/apt.conf.d/90it", 'Acquire::Languages "none";\n')


def _installed(box: Box, served: Served, *command: str) -> None:
    """Install, and look at what dpkg has then."""
    box.run(*command, *served.wanted)
    listed = box.run("dpkg-query", "-Wf", "${Package} ${Version}\\n", *served.wanted)
    _need(f"greeter {served.version}" in listed, f"greeter {served.version} is not installed")


def _no_special(served: Served) -> None:
    if served.column in ("sources", "udebs"):
        raise NotMeant


def _need(held: object, otherwise: str) -> None:
    if not held:
        raise Failed(otherwise)


_FETCH = """
import sys
import apt

cache = apt.Cache()
cache.update(raise_on_error=True)
cache.open()
for name in sys.argv[1:]:
    version = cache[name].candidate
    version.fetch_binary("/tmp", progress=apt.progress.base.AcquireProgress())
    print(name, version.version)
"""

_INETD = """
import socket, subprocess, sys

with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as server:
    while True:
        connection, _ = server.accept()
        with connection:
            subprocess.Popen(sys.argv[2:], stdin=connection, stdout=connection)
"""

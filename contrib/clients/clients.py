"""Clients: a small function each, which gets packages from an archive or fails."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import apts
import bootstraps
import mirrors
import readers

if TYPE_CHECKING:
    from collections.abc import Callable

    from archives import Served
    from box import Box


class Client(NamedTuple):
    """A row of the table."""

    title: str
    suite: str  #: whose chroot it runs in
    package: str  #: whose version the table names; with a colon, one of PyPI
    run: Callable[[Box, Served], None]


CLIENTS = (
    Client("apt", "bookworm", "apt", apts.apt),
    Client("apt", "trixie", "apt", apts.apt),
    Client("apt", "sid", "apt", apts.apt),
    Client("aptitude", "sid", "aptitude", apts.aptitude),
    Client("nala", "sid", "nala", apts.nala),
    Client("python-apt", "sid", "python3-apt", apts.python_apt),
    Client("apt-file", "sid", "apt-file", apts.apt_file),
    Client("command-not-found", "sid", "command-not-found", apts.command_not_found),
    Client("apt-cacher-ng", "sid", "apt-cacher-ng", apts.apt_cacher_ng),
    Client("approx", "sid", "approx", apts.approx),
    Client("debootstrap", "bookworm", "debootstrap", bootstraps.debootstrap),
    Client("debootstrap", "sid", "debootstrap", bootstraps.debootstrap),
    Client("mmdebstrap", "sid", "mmdebstrap", bootstraps.mmdebstrap),
    Client("cdebootstrap", "sid", "cdebootstrap", bootstraps.cdebootstrap),
    Client("debmirror", "bookworm", "debmirror", mirrors.debmirror),
    Client("debmirror", "sid", "debmirror", mirrors.debmirror),
    Client("apt-mirror", "sid", "apt-mirror", mirrors.apt_mirror),
    Client("apt-mirror of PyPI", "trixie", "pypi:apt_mirror", mirrors.pypi_apt_mirror),
    Client("aptly mirror", "bookworm", "aptly", mirrors.aptly),
    Client("aptly mirror", "sid", "aptly", mirrors.aptly),
    Client("reprepro update", "bookworm", "reprepro", mirrors.reprepro),
    Client("reprepro update", "sid", "reprepro", mirrors.reprepro),
    Client("dget", "sid", "devscripts", readers.dget),
    Client("grep-dctrl", "sid", "dctrl-tools", readers.grep_dctrl),
    Client("python-debian", "sid", "python3-debian", readers.python_debian),
    Client("libsolv", "sid", "libsolv-perl", readers.libsolv),
    Client("dose-debcheck", "sid", "dose-distcheck", readers.dose),
)

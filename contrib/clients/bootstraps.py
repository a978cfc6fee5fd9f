"""Clients that make a system from nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from box import Failed, NotMeant

if TYPE_CHECKING:
    from archives import Served
    from box import Box

_TARGET = "/srv/system"  # where apt may read without being root


def debootstrap(box: Box, served: Served) -> None:
    """Download the packages of a system."""
    _prepare(box, served)
    box.run(
        "debootstrap", "--download-only", "--variant=minbase", "--arch=amd64",
        "--keyring=/etc/key.gpg", f"--components={','.join(served.components)}",
        f"--include={','.join(_packages(served))}", served.suite, _TARGET, served.url,
        "/usr/share/debootstrap/scripts/sid",
    )  # fmt: skip
    _downloaded(box, served)


def cdebootstrap(box: Box, served: Served) -> None:
    """Do the same."""
    if len(served.components) > 1:
        raise Failed("it reads the component main only")
    _prepare(box, served)
    box.run(
        "cdebootstrap", "--download-only", "--flavour=standard", "--arch=amd64", "--debug",
        "--keyring=/etc/key.gpg", f"--include={','.join(_packages(served))}",
        "--suite-config=generic", served.suite, _TARGET, served.url,
    )  # fmt: skip
    _downloaded(box, served)


def mmdebstrap(box: Box, served: Served) -> None:
    """Unpack the packages of a system."""
    _prepare(box, served)
    box.run(
        "mmdebstrap", "--mode=root", "--variant=extract", "--architectures=amd64",
        "--skip=check/empty,chroot/mount", f"--include={','.join(_packages(served))}",
        served.suite, _TARGET, served.line(),
    )  # fmt: skip
    found = box.root / _TARGET[1:] / "usr/share/doc"
    _need(all((found / name).exists() for name in ("greeter", "libgreet")), "greeter is not there")


def _prepare(box: Box, served: Served) -> None:
    if served.column in ("sources", "udebs"):
        raise NotMeant
    box.write("/etc/key.gpg", served.keyring)


def _packages(served: Served) -> list[str]:
    return ["greeter", *(["spare"] if "spare" in served.wanted else [])]


def _downloaded(box: Box, served: Served) -> None:
    cache = box.root / _TARGET[1:] / "var/cache"
    names = {path.name for path in cache.glob("*/**/*.deb")}
    wanted = {f"greeter_{served.version}_all.deb", "libgreet_0.9~rc1-1_all.deb"}
    _need(wanted <= names, f"downloaded: {' '.join(sorted(names)) or 'nothing'}")


def _need(held: object, otherwise: str) -> None:
    if not held:
        raise Failed(otherwise)

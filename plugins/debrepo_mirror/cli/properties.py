"""The options that say what a mirror has, of the commands that create and edit one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from debrepo.cli.options import QueryText
from debrepo_mirror.mirror import BY_HASH, DOWNLOADS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: Switches that a mirror has, with the property that each is, and how it is turned off.
_SWITCHES = {
    "sources": ("--with-sources/--without-sources", "Mirror source packages, too."),
    "udebs": ("--with-udebs/--without-udebs", "Mirror packages of the installer, too."),
    "installer": ("--with-installer/--without-installer", "Mirror installer images, too."),
    "appstream": ("--with-appstream/--without-appstream", "Mirror AppStream metadata, too."),
    "translations": (
        "--with-translations/--without-translations",
        "Mirror the long descriptions, too, where Packages does not have them.",
    ),
    "filter_with_deps": (
        "--filter-with-deps/--filter-without-deps",
        "Mirror the dependencies of what --filter chooses, too.",
    ),
    "latest": ("--latest/--all-versions", "Mirror only the newest version of each package."),
    "verbatim": (
        "--verbatim/--no-verbatim",
        "Keep what the archive has signed byte for byte, to serve and publish it so.",
    ),
    "skip_component_check": (
        "--force-components/--check-components",
        "Accept components that Release does not list.",
    ),
    "skip_architecture_check": (
        "--force-architectures/--check-architectures",
        "Accept architectures that Release does not list.",
    ),
    "ignore_signatures": (
        "--ignore-signatures/--verify-signatures",
        "Trust the archive without a signature.",
    ),
    "ignore_dates": (
        "--ignore-dates/--check-dates",
        "Accept a Release file that has expired, or is older than the last one.",
    ),
    "weak_checksums": (
        "--weak-checksums/--strong-checksums",
        "Accept archives that have only MD5 and SHA1 checksums.",
    ),
    "without_release": (
        "--without-release/--with-release",
        "Mirror a flat repository that has no Release file.",
    ),
}


def separated(_: click.Context, __: click.Parameter, text: str | None) -> list[str] | None:
    """Return names that commas separate."""
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]


def several(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> list[str] | None:
    """Return what an option was given with; one empty value removes what is set."""
    return [one for one in given if one] if given else None


class SourceText(QueryText):
    """A URL, or a source as apt has it; ``@FILE`` has one in it, or ``@-`` standard input."""

    name = "source"


def properties(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say what a mirror has."""
    for name, (option, what) in reversed(_SWITCHES.items()):
        command = click.option(option, name, default=None, help=what)(command)
    command = click.option(
        "--by-hash",
        type=click.Choice(BY_HASH),
        help="Fetch indexes under their hashes: if Release offers it, never, or always.",
    )(command)
    command = click.option(
        "--download",
        type=click.Choice(DOWNLOADS),
        help="When to fetch package files: all at an update, or each when it is first needed.",
    )(command)
    command = click.option(
        "--max-tries", type=click.IntRange(min=0), help="Attempts to fetch a file."
    )(command)
    command = click.option(
        "--credentials", metavar="NAME", help="Use the settings mirror.credentials.NAME."
    )(command)
    for option, what in (
        ("--fingerprint", "Trust signatures of this key only; can be repeated."),
        ("--keyring", "Keyring in the GnuPG home to verify with, or a file; can be repeated."),
        ("--pin", "Limit a package to a version, as in nginx=1.22.*; can be repeated."),
    ):
        command = click.option(
            option,
            f"{option[2:]}s",
            multiple=True,
            callback=several,
            metavar={"--pin": "NAME=VERSION", "--keyring": "KEYRING"}.get(option, "FINGERPRINT"),
            help=what,
        )(command)
    command = click.option(
        "--filter",
        metavar="QUERY",
        type=QueryText(),
        help="Mirror only packages that match; @FILE reads the query from a file.",
    )(command)
    return click.option(
        "--architectures",
        callback=separated,
        help="Comma-separated list of architectures; all that there are by default.",
    )(command)


def given(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the properties that options set.

    Keyrings are names in the GnuPG home, and files that the host has for apt; the keys of other
    files are kept, since only this machine may have them.
    """
    from debrepo_mirror.written import keys

    found = {name: value for name, value in options.items() if value is not None}
    files = [name for name in found.get("keyrings", ()) if "/" in name and not _of_host(name)]
    if files:
        found["keyrings"] = [name for name in found["keyrings"] if name not in files]
        found["keys"] = "\n".join(map(keys.of_file, files))
    return found


def _of_host(name: str) -> bool:
    return name.startswith(
        ("/usr/share/keyrings/", "/etc/apt/keyrings/", "/etc/apt/trusted.gpg.d/")
    )

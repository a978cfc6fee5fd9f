"""PPAs: ``ppa:user/project`` stands for an archive of Launchpad's, or of something like it."""

from __future__ import annotations

import platform
import re
from typing import TYPE_CHECKING, NamedTuple

from debrepo.errors import InvalidInput

if TYPE_CHECKING:
    from debrepo.config import Config

PREFIX = "ppa:"

_PPA = re.compile(r"ppa:~?([a-z0-9][a-z0-9+.-]*)/([A-Za-z0-9][A-Za-z0-9+.-]*)")


class Ppa(NamedTuple):
    """Where a PPA is."""

    url: str
    distribution: str
    components: tuple[str, ...] = ("main",)


def read(config: Config, text: str) -> Ppa:
    """Return the archive that ``ppa:user/project`` stands for, as it is configured."""
    found = _PPA.fullmatch(text)
    if not found:
        raise InvalidInput(f"not a PPA: {text[:80]!r}", hint="use ppa:USER/PROJECT")
    base = config["mirror.ppa_base_url"].rstrip("/")
    url = f"{base}/{found[1]}/{found[2]}/{config['mirror.ppa_distributor']}".rstrip("/")
    return Ppa(url, config["mirror.ppa_codename"] or _codename())


def _codename() -> str:
    """Return the codename of this machine's distribution."""
    try:
        said = platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    except OSError:
        said = ""
    if not said:
        raise InvalidInput(
            "this machine does not say which distribution of the PPA it needs",
            hint="configure mirror.ppa_codename",
        )
    return said

"""Admission: which stored packages an index takes, and how it spells them.

A package may have been stored by a debrepo that knew fewer rules. One that clients cannot
read would take all others with it, so it is left out, and named in a warning.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo.package import RULES_VERSION, Package
from debrepo_publish.indexes.spelling import standard

if TYPE_CHECKING:
    from collections.abc import Iterable

    from debrepo.archive import Policy

#: The path of a fragment's text that no index gets: a line for each package left out.
LEFT_OUT = "left out"


def origin(policy: Policy) -> str:
    """Return what the choice and the spelling of packages depend on besides the packages."""
    return f"rules {RULES_VERSION}{' lenient' if policy == 'lenient' else ''}"


def admit(package: Package, policy: Policy) -> Package | str:
    """Return a package in the spelling of an index, or why it is left out."""
    from debrepo.archive import left_out  # which a publish without news does without
    from debrepo.archive.sound import is_sound

    if package.kind not in ("deb", "udeb") or is_sound(package.stanza):
        return package
    if reason := left_out(package, policy):
        return f"{package.key.display} is left out of the indexes: {reason}"
    return Package(package.key, package.kind, standard(package.stanza), package.files)


def noted(texts: dict[str, bytes], reasons: Iterable[str]) -> dict[str, bytes]:
    """Return the texts of a fragment, and what was left out of it."""
    lines = "\n".join(reasons)
    return texts | {LEFT_OUT: lines.encode()} if lines else texts

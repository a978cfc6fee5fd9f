"""Admission: which stored packages an index takes, and how it spells them.

A package may have been stored by a debrepo that knew fewer rules. One that clients cannot
read would take all others with it, so it is left out, as one with damaged data is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo.package import RULES_VERSION, Entry, Package
from debrepo_publish.indexes.spelling import standard

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from debrepo.archive import Policy

#: The path of a fragment's text that no index gets: which packages are left out of it, and why.
LEFT_OUT = "left out"


class LeftOut(Exception):  # no error: the publish is planned again
    """Packages of a plan that no index takes, with the reasons."""

    def __init__(self, reasons: Mapping[Entry, str]) -> None:
        super().__init__(len(reasons))
        self.reasons = reasons


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
        return reason
    return Package(package.key, package.kind, standard(package.stanza), package.files)


def noted(texts: dict[str, bytes], reasons: Mapping[Entry, str]) -> dict[str, bytes]:
    """Return the texts of a fragment, and what was left out of it."""
    lines = "\n".join(f"{entry.hex()} {reason}" for entry, reason in reasons.items())
    return texts | {LEFT_OUT: lines.encode()} if lines else texts


def read_notes(text: bytes) -> Iterator[tuple[Entry, str]]:
    """Yield what `noted` has written of a fragment."""
    for line in text.decode().split("\n"):
        entry, _, reason = line.partition(" ")
        yield Entry(bytes.fromhex(entry)), reason

"""Findings: what is wrong with a package, how badly, and whether that keeps it out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from debrepo.errors import InvalidInput, InvalidPackage
from debrepo.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

#: How far to go in what is let in: the setting ``archive.policy``. ``dpkg`` is the rule: a
#: package is let in if dpkg installs it and apt reads an index with it in.
Policy = Literal["strict", "dpkg", "lenient"]

#: ``odd``: dpkg installs it, though it breaks a rule or is of no use. ``refused``: dpkg does not
#: install it. ``unreadable``: apt cannot read an index in which it stands.
Level = Literal["odd", "refused", "unreadable"]

_KEPT_OUT: dict[Policy, frozenset[Level]] = {
    "strict": frozenset(["odd", "refused", "unreadable"]),
    "dpkg": frozenset(["refused", "unreadable"]),
    "lenient": frozenset(["unreadable"]),
}
_HINTS: dict[Level, str] = {
    "odd": "the setting archive.policy is strict; with dpkg, this is a remark",
    "refused": "the setting archive.policy = lenient lets in what dpkg does not install",
    "unreadable": "",
}

_MOST = 100  #: findings of a level that are kept of a package: it may have a million relations


class Finding(NamedTuple):
    """One thing that is not as it should be."""

    level: Level
    text: str


class Findings:
    """What has been found in one package; whatever keeps it out is raised as it is found.

    Without a policy nothing is raised, and everything is kept: for those who want to know all.
    """

    __slots__ = ("_kept_out", "_known", "found")

    def __init__(self, policy: Policy | None = "dpkg") -> None:
        self.found: list[Finding] = []
        self._known: dict[Level, set[str]] = {}
        self._kept_out: frozenset[Level] = kept_out(policy) if policy else frozenset()

    def add(self, level: Level, text: str) -> None:
        """Take note of something; raise `InvalidPackage` if it keeps the package out."""
        if level in self._kept_out:
            raise InvalidPackage(text, hint=_HINTS[level])
        known = self._known.setdefault(level, set())
        if text not in known and len(known) < _MOST:  # of many paths, one says it
            known.add(text)
            self.found.append(Finding(level, text))

    def extend(self, findings: Iterable[Finding]) -> None:
        """Take note of several things."""
        for finding in findings:
            self.add(*finding)


def kept_out(policy: Policy) -> frozenset[Level]:
    """Return the levels that keep a package out; raise `InvalidInput` for an unknown policy."""
    if policy not in _KEPT_OUT:
        raise InvalidInput(
            f"archive.policy cannot be {policy[:80]!r}",
            hint=f"use one of {', '.join(get_args(Policy))}",
        )
    return _KEPT_OUT[policy]

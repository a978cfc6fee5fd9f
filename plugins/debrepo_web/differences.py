"""Differences of two package lists, as a reviewer reads them: by package, not by file."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from debrepo.version import sort_key
from debrepo_web.filters import url
from debrepo_web.package_lists import list_url
from debrepo_web.packages import package_url
from debrepo_web.paging import cut

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from debrepo.package import PackageKey
    from debrepo.session import Session

#: What can become of a package, in the order in which pages count it.
CHANGES = ("added", "removed", "upgraded", "downgraded", "rebuilt")
_TONES = {"added": "good", "removed": "bad", "downgraded": "warn", "rebuilt": "warn"}


class Side(NamedTuple):
    """A package on one side of a difference."""

    version: str
    url: str


class ReviewedChange(NamedTuple):
    """What became of a package, alike on several architectures."""

    name: str
    url: str
    what: str  #: one of `CHANGES`
    tone: str
    before: Side | None
    after: Side | None
    architectures: tuple[str, ...]


class ListDifference(NamedTuple):
    """One page of the differences between two lists, and how many there are of each sort."""

    left: str
    right: str
    left_url: str
    right_url: str
    counts: tuple[tuple[str, int], ...]
    rows: Sequence[ReviewedChange]
    page: int
    matching: int
    total: int


def between(
    session: Session, left: str, right: str, *, only: str = "", page: int = 1
) -> ListDifference:
    """Return what differs between two lists, given as ``kind:name``; ``only`` one of `CHANGES`."""
    found = changes(session.call("snapshot.diff", left=left, right=right))
    counts = Counter(change.what for change in found)
    matching = [change for change in found if change.what == only] if only else found
    rows, page = cut(matching, page)
    return ListDifference(
        left,
        right,
        list_url(left),
        list_url(right),
        tuple((what, counts[what]) for what in CHANGES if counts[what]),
        rows,
        page,
        len(matching),
        len(found),
    )


def changes(differences: Iterable[Any]) -> list[ReviewedChange]:
    """Return differences by package, with those of its architectures that changed alike as one."""
    alike: dict[tuple[str, str, str, str], list[Any]] = {}
    for one in differences:
        left, right = one.left, one.right
        what = _what(left, right)
        before, after = left.version if left else "", right.version if right else ""
        alike.setdefault((one.key.name, what, before, after), []).append(one)
    return [
        ReviewedChange(
            name,
            url("packages", name),
            what,
            _TONES.get(what, ""),
            _side(found[0].left),
            _side(found[0].right),
            tuple(one.key.architecture for one in found),
        )
        for (name, what, _, _), found in alike.items()
    ]


def _what(left: PackageKey | None, right: PackageKey | None) -> str:
    if left is None:
        return "added"
    if right is None:
        return "removed"
    before, after = sort_key(left.version), sort_key(right.version)
    if before == after:
        return "rebuilt"
    return "upgraded" if before < after else "downgraded"


def _side(key: PackageKey | None) -> Side | None:
    return Side(key.version, package_url(key)) if key else None

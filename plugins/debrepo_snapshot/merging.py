"""Merging: one list from several, by a policy for versions that differ."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from debrepo import packageset

if TYPE_CHECKING:
    from collections.abc import Sequence

    from debrepo.package import SetId
    from debrepo.packageset import Store

#: ``rightmost``: of each name and architecture, what the last list that has any has of it;
#: ``latest``: the newest version; ``all``: all versions.
Policy: TypeAlias = Literal["rightmost", "latest", "all"]

POLICIES: tuple[Policy, ...] = get_args(Policy)


def merge(store: Store, sets: Sequence[SetId], policy: Policy) -> SetId:
    """Return the set that several make, reading the chunks in which they differ.

    Of one version with different bytes, the set furthest to the right decides, always.
    """
    if policy == "rightmost":
        return reduce(lambda left, right: packageset.merge(store, left, right), sets)
    if policy == "latest":
        first, *others = sets
        newest = packageset.latest(store, first)
        return reduce(
            lambda left, right: packageset.merge_latest(store, left, right), others, newest
        )
    return reduce(lambda left, right: _join(store, left, right), sets)


def _join(store: Store, left: SetId, right: SetId) -> SetId:
    added = packageset.diff(store, left, right).added
    replaced = packageset.conflicts(store, left, added).values()
    return packageset.update(store, left, add=added, remove=replaced)

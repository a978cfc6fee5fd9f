"""Fragments: the parts that indexes consist of, each named by what it was made from.

A fragment stands for one chunk of a package set, or for some chunks of sorted lines. It is
rendered and compressed once; after that it comes from the cache.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from debrepo_publish.indexes.compression import Compression
    from debrepo_publish.indexes.contexts import WantedIndex


class Fragment(NamedTuple):
    """A part of one or several indexes."""

    key: bytes
    render: Callable[[], Mapping[str, bytes]]  #: returns text by path below the component
    cached: bool  #: whether the text is worth keeping, since it takes work to make


class Group(NamedTuple):
    """The fragments of indexes of one kind and component, in order."""

    component: str
    wanted: WantedIndex  #: the kind, and what it is made for
    fragments: Sequence[Fragment]
    expected: Sequence[str]  #: paths of indexes that there are even without fragments
    compressions: Sequence[Compression]

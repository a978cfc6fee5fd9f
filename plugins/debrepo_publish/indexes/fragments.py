"""Fragments: the parts that indexes consist of, each named by what it was made from.

A fragment stands for one chunk of a package set, or for some chunks of a Contents file. It is
rendered and compressed once; after that it comes from the cache.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from debrepo_publish.indexes.compression import Compression


class Fragment(NamedTuple):
    """A part of one or several indexes."""

    key: bytes
    render: Callable[[], Mapping[str, bytes]]  #: returns text by path below the component
    cached: bool  #: whether the text is worth keeping, since it takes work to make


class Group(NamedTuple):
    """The fragments of indexes of one component, in order."""

    component: str
    fragments: Sequence[Fragment]
    expected: Sequence[str]  #: paths of indexes that there are even without fragments
    compressions: Sequence[Compression]

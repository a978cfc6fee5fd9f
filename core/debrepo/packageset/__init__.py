"""Package sets: immutable, content-addressed, and cut into chunks by their own entries.

A set is a sorted list of entries (`debrepo.package.Entry`). It is cut into chunks before
every entry whose own name, architecture and version hash to a multiple of 256, so that
equal stretches of any two sets are equal chunks, wherever they stand. A chunk is stored
once, under its hash; the list of a set's chunks is cut and stored in the same way, level
upon level, until one node is left: the hash of that node is the set's id.

    build update                      make a set
    diff union intersection …         algebra, on the chunks that differ
    entries part find count contains  look inside
    Lookup                            look inside, again and again

Everything works on a *store*: any mapping from hash to bytes, such as ``txn[CHUNKS]``.
Nothing is ever changed or deleted here; `nodes` tells what a set keeps alive.

The scheme is that of prolly trees (content-defined chunking of a sorted map), as in
Noms and Dolt.
"""

from debrepo.packageset.algebra import (
    Difference,
    diff,
    difference,
    intersection,
    latest,
    merge,
    merge_latest,
    merge_three_way,
    union,
    unshared,
)
from debrepo.packageset.lookup import Lookup
from debrepo.packageset.tree import (
    EMPTY,
    Chunk,
    Store,
    ahead,
    assemble,
    build,
    chunks,
    conflicts,
    contains,
    count,
    entries,
    entries_of,
    find,
    group,
    is_whole,
    leaves,
    nodes,
    part,
    runs,
    short,
    update,
)

__all__ = [
    "EMPTY",
    "Chunk",
    "Difference",
    "Lookup",
    "Store",
    "ahead",
    "assemble",
    "build",
    "chunks",
    "conflicts",
    "contains",
    "count",
    "diff",
    "difference",
    "entries",
    "entries_of",
    "find",
    "group",
    "intersection",
    "is_whole",
    "latest",
    "leaves",
    "merge",
    "merge_latest",
    "merge_three_way",
    "nodes",
    "part",
    "runs",
    "short",
    "union",
    "unshared",
    "update",
]

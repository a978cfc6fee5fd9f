"""The tables of files that are elsewhere, by their SHA256."""

from __future__ import annotations

from debrepo.database import bytes_table

#: Files that are in `pool.storage`, whether they are here as well or not: the storage they are in.
MOVED = bytes_table("pool.moved")
#: Files that no package names any more, and that are to be deleted there.
UNWANTED = bytes_table("pool.unwanted")
#: What such a row begins with while a node deletes the file: others wait for that.
DELETING = b"\0"

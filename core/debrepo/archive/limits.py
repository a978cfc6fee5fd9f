"""How much a package may ask of whoever reads it."""

from __future__ import annotations

from typing import NamedTuple

_MIB = 1 << 20


class Limits(NamedTuple):
    """Sizes in bytes beyond which a file is refused instead of read.

    A package costs its reader what it unpacks to, and ten kilobytes of bzip2 unpack to ten
    gigabytes. The data member may always unpack to ``data``, which lets a disk image full
    of holes pass, and beyond that to ``ratio`` times its own size: text rarely reaches 20,
    and the 200 costs a few seconds for each 100 MB that were really sent.
    """

    control: int = 16 * _MIB  #: control.tar, unpacked: scripts and md5sums, too
    control_file: int = 4 * _MIB  #: the control file in it, and any .dsc or .changes
    data: int = 2048 * _MIB
    ratio: int = 200
    paths: int = 128 * _MIB  #: names in data.tar; a million of them, if each is short
    memory: int = 128 * _MIB  #: dictionary of xz, window of zstd; dpkg's own packages need 65 MiB

    def unpacked(self, packed: int) -> int:
        """How large a data member of ``packed`` bytes may become."""
        return max(self.data, self.ratio * packed)


LIMITS = Limits()

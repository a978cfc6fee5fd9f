"""Where a database can be: not on a network file system, and not on a full one."""

from __future__ import annotations

import os
from pathlib import Path

from debrepo.errors import DatabaseError

_MOUNTS = Path("/proc/self/mountinfo")
_SLACK = 1 << 20  # a failed write has used up the space but for less than this

#: File systems without the locks and the shared memory that several processes on several
#: hosts would need; behind ``fuse.`` any of the remote ones.
_REMOTE = {
    "9p",
    "acfs",
    "afs",
    "beegfs",
    "ceph",
    "cifs",
    "coda",
    "davfs",
    "drvfs",
    "glusterfs",
    "gpfs",
    "lustre",
    "ncpfs",
    "nfs",
    "nfs4",
    "orangefs",
    "prl_fs",
    "smb3",
    "smbfs",
    "vboxsf",
}
_REMOTE_FUSE = {
    "cephfs",
    "curlftpfs",
    "gcsfuse",
    "goofys",
    "juicefs",
    "moosefs",
    "rclone",
    "s3fs",
    "seaweedfs",
    "sshfs",
    "vmhgfs-fuse",
}


def refuse_network(path: Path, mounts: Path = _MOUNTS) -> None:
    """Raise `DatabaseError` where ``path`` lies on a network file system."""
    device = path.stat().st_dev
    if os.major(device):  # a disk of this machine
        return
    kind = _type_of(device, mounts)
    if kind in _REMOTE or kind.removeprefix("fuse.") in _REMOTE | _REMOTE_FUSE:
        raise DatabaseError(
            f"{path} is on a network file system ({kind}), where a database would be damaged",
            hint="keep the root on a disk of this machine; only publish to network storage",
        )


def _type_of(device: int, mounts: Path) -> str:
    """Return the type of the file system with this number, or nothing where it is not known."""
    number = f"{os.major(device)}:{os.minor(device)}"
    try:
        lines = mounts.read_text(errors="surrogateescape").splitlines()
    except OSError:  # no /proc: nothing is known, so nothing is refused
        return ""
    for line in lines:
        before, _, after = line.partition(" - ")
        if before.split()[2:3] == [number]:
            return after.split()[0]
    return ""


def why_full(path: Path) -> str:
    """Return which limit keeps the file ``path`` from growing, or nothing where none does."""
    from resource import RLIM_INFINITY, RLIMIT_FSIZE, getrlimit

    try:
        room = os.statvfs(path)
        size = path.stat().st_size
    except OSError:
        return ""
    free = room.f_bavail if os.geteuid() else room.f_bfree
    if free * room.f_frsize < _SLACK:
        return f"no space is left on the disk of {path.parent}"
    limit = getrlimit(RLIMIT_FSIZE)[0]
    if limit != RLIM_INFINITY and size + _SLACK > limit:
        return f"{path} has reached the limit on the size of files"
    return ""


def address_space_left(size: int) -> bool:
    """Return whether this process may map ``size`` more bytes."""
    from mmap import MAP_PRIVATE, PROT_READ, mmap

    try:
        mmap(-1, size, flags=MAP_PRIVATE, prot=PROT_READ).close()
    except (OSError, OverflowError, ValueError):
        return False
    return True

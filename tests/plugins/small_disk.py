"""A small disk, to fill it."""

import os
import subprocess
from contextlib import contextmanager

import pytest

SIZE = 32 << 20


@contextmanager
def small_disk(root):
    """Mount a small disk; skip the test where that is not allowed."""
    root.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(root)]
    if os.geteuid() or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        yield root
    finally:
        subprocess.run(["umount", str(root)], check=True)


def fill(root, *, leaving=0):
    """Leave so many bytes of the disk, and return what to delete."""
    found = os.statvfs(root)
    filler = root / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while found.f_bavail * found.f_frsize > leaving:
                file.write(bytes(min(1 << 20, found.f_bavail * found.f_frsize - leaving)))
                found = os.statvfs(root)
        except OSError:
            pass
    return filler

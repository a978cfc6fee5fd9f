"""What takes much memory to read is read one package at a time, and what takes little is not."""

import gzip
import lzma
import subprocess
import sys
from threading import Barrier, Lock, Thread

import pytest
import zstandard

from debrepo.archive import LIMITS
from debrepo.archive.limits import exceeded
from debrepo.errors import InvalidPackage
from debrepo.ingest import alone
from debrepo.ingest.files import Intake, Rejected
from debrepo.pool import Pool
from debrepo.testing.packages import ar, tar

CONTROL = b"Package: big\nVersion: 1\nArchitecture: all\nMaintainer: A <a@b>\nDescription: x\n"

DATA = tar({"usr/a": b"a"})

#: Takes a package where little memory is left, and prints what comes out.
SCARCE = """
import lzma, resource, sys
from pathlib import Path
from debrepo.archive import LIMITS
from debrepo.ingest.files import Intake
from debrepo.pool import Pool
intake = Intake(Pool(Path(sys.argv[1])), LIMITS)
intake.take(Path(sys.argv[2]))  # loads what is needed, and frees it
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (64 << 20), used + (64 << 20)))
print(intake.take(Path(sys.argv[2])).error)
"""


@pytest.fixture
def large(tmp_path):
    """Return a package whose data only xz with a dictionary of 96 MiB unpacks."""
    return write(tmp_path, "data.tar.xz", pack_xz(DATA))


def pack_xz(data):
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 96 << 20, "mf": lzma.MF_HC3, "depth": 1}]
    return lzma.compress(data, filters=filters)


def pack_zstd(data):
    parameters = zstandard.ZstdCompressionParameters(window_log=27, write_content_size=False)
    packer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    return packer.compress(data) + packer.flush()


def write(directory, name, data):
    members = [
        ("debian-binary", b"2.0\n"),
        ("control.tar.gz", gzip.compress(tar({"control": CONTROL}))),
        (name, data),
    ]
    path = directory / "big_1_all.deb"
    path.write_bytes(ar(members))
    return path


def test_a_large_package_is_read_within_all_that_is_allowed(large, tmp_path):
    taken = Intake(Pool(tmp_path / "pool"), LIMITS).take(large)
    assert taken.contents
    refused = Intake(Pool(tmp_path / "pool"), LIMITS._replace(memory=80 << 20)).take(large)
    assert isinstance(refused, Rejected)
    assert f"takes more than {80 << 20} bytes of memory" in str(refused.error)


def test_large_packages_take_turns_and_others_do_not():
    together, counting = Barrier(4), Lock()
    large = most = 0

    def read(limits):
        nonlocal large, most
        if limits != LIMITS:
            together.wait(60)  # all four are here at once
            raise exceeded("too large", "memory")
        with counting:
            large += 1
            most = max(most, large)
        with counting:
            large -= 1

    readers = [Thread(target=alone.if_large, args=(LIMITS, read)) for _ in range(4)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert (large, most) == (0, 1)


@pytest.mark.parametrize(
    ("limits", "name"), [(LIMITS, "cpu"), (LIMITS, "headers"), (LIMITS._replace(paths=9), "paths")]
)
def test_what_more_room_would_not_help_is_read_once(limits, name):
    seen = []

    def read(limits):
        seen.append(limits)
        raise exceeded("too much", name)

    with pytest.raises(InvalidPackage, match="too much"):
        alone.if_large(limits, read)
    assert len(seen) == 1


@pytest.mark.parametrize(("name", "pack"), [("data.tar.xz", pack_xz), ("data.tar.zst", pack_zstd)])
def test_want_of_memory_is_not_the_packages_fault(name, pack, tmp_path):
    path = write(tmp_path, name, pack(DATA))
    command = [sys.executable, "-c", SCARCE, str(tmp_path / "pool"), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == f"{path}: there is not enough memory to read it\n"

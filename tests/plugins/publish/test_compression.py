"""Compressed fragments, joined: what comes out is what went in, for every reader."""

import bz2
import gzip
import hashlib
import io
import lzma
import os
import subprocess

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from debrepo.errors import DebrepoError
from debrepo_publish.indexes import assembly, xz
from debrepo_publish.indexes.assembly import Assembly
from debrepo_publish.indexes.compression import BY_NAME

FRAGMENTS = st.lists(st.binary(max_size=2000), max_size=8)
READERS = {
    "plain": bytes,
    "gz": gzip.decompress,
    "xz": lzma.decompress,
    "zst": lambda data: (
        zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data), read_across_frames=True).read()
    ),
    "bz2": bz2.decompress,
}
quick = settings(max_examples=40, deadline=None)


@pytest.mark.parametrize("name", BY_NAME)
@quick
@given(fragments=FRAGMENTS)
def test_joined_fragments_read_as_one_file(name, fragments):
    compression = BY_NAME[name]
    data = compression.join([compression.pack(fragment) for fragment in fragments])
    assert READERS[name](data) == b"".join(fragments)


@pytest.mark.parametrize("large", [0, 3000, 1 << 30])
@pytest.mark.parametrize("name", BY_NAME)
def test_index_is_the_same_in_memory_and_on_disk(name, large, tmp_path, monkeypatch):
    monkeypatch.setattr(assembly, "LARGE", large)
    compression = BY_NAME[name]
    pieces = [compression.pack(os.urandom(size)) for size in (1000, 1, 5000, 700)]
    index, data = _assembled(compression, pieces, tmp_path)
    expected = compression.join(pieces)
    assert (data if isinstance(data, bytes) else data.read()) == expected
    assert (index.size, index.sha256) == (len(expected), hashlib.sha256(expected).hexdigest())
    assert isinstance(data, bytes) == (large > 10000)
    assert list(tmp_path.iterdir()) == []  # the file has no name


@pytest.mark.parametrize("name", BY_NAME)
def test_index_without_fragments_is_a_file(name, tmp_path):
    _, data = _assembled(BY_NAME[name], [], tmp_path)
    assert READERS[name](data) == b""


def _assembled(compression, pieces, directory):
    made = Assembly(compression, ("sha256",), directory)
    for piece in pieces:
        made.add(piece)
    return made.end()


def test_disk_that_takes_no_index_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(assembly, "LARGE", 0)
    with pytest.raises(DebrepoError, match="cannot write"):
        _assembled(BY_NAME["plain"], [b"x"], tmp_path / "missing")


@quick
@given(FRAGMENTS)
def test_xz_fragments_become_blocks_of_one_stream(fragments):
    decompressor = lzma.LZMADecompressor(format=lzma.FORMAT_XZ)
    assert decompressor.decompress(xz.join(map(xz.block, fragments))) == b"".join(fragments)
    assert decompressor.eof
    assert decompressor.unused_data == b""


def test_xz_itself_finds_every_block_sound(tmp_path):
    file = tmp_path / "Packages.xz"
    file.write_bytes(xz.join(xz.block(bytes([n]) * n * 5000) for n in range(1, 200)))
    subprocess.run(["xz", "--test", file], check=True)
    listed = subprocess.run(["xz", "--robot", "--list", file], check=True, capture_output=True)
    assert listed.stdout.split(b"\n")[1].split(b"\t")[1:3] == [b"1", b"199"]


@pytest.mark.parametrize("name", BY_NAME)
def test_the_same_text_gives_the_same_bytes(name):
    compression = BY_NAME[name]
    assert compression.join([compression.pack(b"Package: hello\n")]) == compression.join(
        [compression.pack(b"Package: hello\n")]
    )

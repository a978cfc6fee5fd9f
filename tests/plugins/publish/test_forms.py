"""Compressed pieces, joined: what comes out is what went in, for every reader."""

import bz2
import gzip
import io
import lzma
import subprocess

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from debrepo_publish.indexes import xz
from debrepo_publish.indexes.compression import FORMS

PIECES = st.lists(st.binary(max_size=2000), max_size=8)
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


@pytest.mark.parametrize("name", FORMS)
@quick
@given(pieces=PIECES)
def test_joined_pieces_read_as_one_file(name, pieces):
    form = FORMS[name]
    data = form.join([form.pack(piece) for piece in pieces])
    assert READERS[name](data) == b"".join(pieces)


@quick
@given(PIECES)
def test_xz_pieces_become_blocks_of_one_stream(pieces):
    decompressor = lzma.LZMADecompressor(format=lzma.FORMAT_XZ)
    assert decompressor.decompress(xz.join(map(xz.block, pieces))) == b"".join(pieces)
    assert decompressor.eof
    assert decompressor.unused_data == b""


def test_xz_itself_finds_every_block_sound(tmp_path):
    file = tmp_path / "Packages.xz"
    file.write_bytes(xz.join(xz.block(bytes([n]) * n * 5000) for n in range(1, 200)))
    subprocess.run(["xz", "--test", file], check=True)
    listed = subprocess.run(["xz", "--robot", "--list", file], check=True, capture_output=True)
    assert listed.stdout.split(b"\n")[1].split(b"\t")[1:3] == [b"1", b"199"]


@pytest.mark.parametrize("name", FORMS)
def test_the_same_text_gives_the_same_bytes(name):
    form = FORMS[name]
    assert form.join([form.pack(b"Package: hello\n")]) == form.join(
        [form.pack(b"Package: hello\n")]
    )

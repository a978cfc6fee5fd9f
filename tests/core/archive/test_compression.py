"""Compressed members, and how little a hostile one may cost."""

import gzip
import lzma
import tracemalloc

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from debrepo.archive import LIMITS, Budget
from debrepo.archive.compression import OUTPUT, unpack
from debrepo.errors import InvalidPackage
from debrepo.testing.packages import SUFFIXES, compress

PACKED = {name: suffix for name, suffix in SUFFIXES.items() if suffix}


def unpacked(pieces, suffix, limit=1 << 30, memory=1 << 27, budget=None):
    budget = budget or Budget(LIMITS._replace(memory=memory))
    return b"".join(unpack(pieces, suffix, "data.tar", limit=limit, budget=budget))


@settings(max_examples=60, deadline=None)
@given(st.binary(min_size=1, max_size=3000), st.integers(1, 500), st.sampled_from(list(SUFFIXES)))
def test_what_was_packed_is_unpacked_from_pieces_of_any_size(data, size, compression):
    packed = compress(data * 40, compression)
    pieces = [packed[start : start + size] for start in range(0, len(packed), size)]
    assert unpacked(pieces, SUFFIXES[compression]) == data * 40


@pytest.mark.parametrize("compression", PACKED)
def test_what_is_not_packed_as_its_name_says_is_refused(compression):
    if compression != "gzip":
        with pytest.raises(InvalidPackage, match=r"data.tar (is damaged|takes more)"):
            unpacked([b"neither packed nor a tar archive"], PACKED[compression])


def test_gzip_member_may_be_plain():
    assert unpacked([b"p", b"lain"], ".gz") == b"plain"


def test_gzip_with_flags_that_mean_nothing_is_refused():
    packed = bytearray(gzip.compress(b"x"))
    packed[3] |= 0x40
    with pytest.raises(InvalidPackage, match=r"unknown flags of gzip"):
        unpacked([bytes(packed[:1]), bytes(packed[1:])], ".gz")


def test_gzip_member_may_have_several_parts():
    assert unpacked([gzip.compress(b"one") + gzip.compress(b"two")], ".gz") == b"onetwo"


@pytest.mark.parametrize("compression", ["xz", "zstd", "bzip2", "lzma"])
def test_second_stream_is_not_read_as_by_dpkg_and_remarked_on(compression):
    budget = Budget(LIMITS)
    packed = compress(b"one", compression) + compress(b"two", compression)
    assert unpacked([packed], PACKED[compression], budget=budget) == b"one"
    text = "data.tar ends before something else, which dpkg does not read"
    assert budget.findings.found == [("odd", text)]


@pytest.mark.parametrize("compression", PACKED)
def test_zeros_behind_the_end_are_ignored(compression):
    packed = compress(b"data", compression)
    assert unpacked([packed, bytes(3), bytes(600)], PACKED[compression]) == b"data"


@pytest.mark.parametrize("compression", PACKED)
def test_bomb_is_unpacked_in_small_blocks_and_no_further_than_the_limit(compression):
    packed = compress(bytes(24 << 20), compression)
    blocks = unpack([packed], PACKED[compression], "bomb", limit=1 << 21, budget=Budget(LIMITS))
    tracemalloc.start()
    with pytest.raises(InvalidPackage, match="bomb unpacks to more than 2097152 bytes"):
        for block in blocks:
            assert len(block) <= 8 * OUTPUT
    assert tracemalloc.get_traced_memory()[1] < 16 << 20
    tracemalloc.stop()


@pytest.mark.parametrize("compression", ["gzip", "xz", "bzip2"])
def test_damage_that_keeps_the_form_is_found_by_the_checksum(compression):
    packed = bytearray(compress(b"some words " * 50, compression))
    packed[-6] ^= 1
    with pytest.raises(InvalidPackage, match=r"data.tar is damaged"):
        unpacked([bytes(packed)], PACKED[compression])


@pytest.mark.parametrize("options", [{}, {"write_content_size": False}, {"write_checksum": True}])
def test_every_kind_of_zstd_frame_is_read(options):
    data = bytes(range(256)) * 9000 + bytes(1 << 20)
    packed = zstandard.ZstdCompressor(level=3, **options).compress(data)
    assert unpacked([packed], ".zst") == data
    for size in (3, 5, 8, len(packed) // 2, len(packed) - 1):
        with pytest.raises(InvalidPackage, match=r"data.tar is damaged: truncated"):
            unpacked([packed[:size]], ".zst")


def test_window_of_zstd_is_limited():
    parameters = zstandard.ZstdCompressionParameters(window_log=25, enable_ldm=True)
    packer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    packed = packer.compress(bytes(range(256)) * 1000) + packer.flush()
    assert unpacked([packed], ".zst")
    with pytest.raises(InvalidPackage, match=r"data.tar takes more than 1048576 bytes of memory"):
        unpacked([packed], ".zst", memory=1 << 20)


def test_dictionary_of_lzma_is_limited():
    packed = lzma.compress(b"x", format=lzma.FORMAT_ALONE, preset=9)
    with pytest.raises(InvalidPackage, match=r"data.tar takes more than 1048576 bytes of memory"):
        unpacked([packed], ".lzma", memory=1 << 20)


def test_window_of_zstd_that_dpkg_does_not_take_is_refused():
    parameters = zstandard.ZstdCompressionParameters(window_log=28, enable_ldm=True)
    packer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    packed = packer.compress(b"x") + packer.flush()
    with pytest.raises(InvalidPackage, match="takes a window above 134217728 bytes, the most that"):
        unpacked([packed], ".zst", memory=1 << 29)


def test_skippable_frames_of_zstd_are_skipped():
    packed = b"\x5e\x2a\x4d\x18\3\0\0\0abc" + zstandard.compress(b"data")
    assert unpacked([packed], ".zst") == b"data"
    with pytest.raises(InvalidPackage, match=r"data.tar is damaged: truncated"):
        unpacked([packed[:10]], ".zst")


def test_dictionary_of_xz_has_room_for_more_than_xz_makes_by_itself():
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 192 << 20}]
    packed = lzma.compress(b"x", filters=filters)
    assert unpacked([packed], ".xz", memory=LIMITS.memory) == b"x"


def test_empty_member_is_remarked_on():
    budget = Budget(LIMITS)
    assert unpacked([lzma.compress(b"")], ".xz", budget=budget) == b""
    assert budget.findings.found == [("odd", "there is nothing in data.tar")]

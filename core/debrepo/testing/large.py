"""Comparing megabytes: pytest explains them byte by byte, for hours, where ``CI`` is set."""

from __future__ import annotations


def assert_same(found: bytes | bytearray, expected: bytes) -> None:
    """Fail unless both are the same bytes.

    Raises:
        AssertionError: They differ; it names both lengths and the first place.

    """
    if found == expected:
        return
    common = min(len(found), len(expected))
    place = next((at for at in range(common) if found[at] != expected[at]), common)
    raise AssertionError(
        f"{len(found)} bytes where {len(expected)} were expected; they differ from byte {place} on"
    )

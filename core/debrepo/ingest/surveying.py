"""Surveying files before they are read: how many, how large, and how deep they are to be read."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Literal, get_args

from debrepo.archive import Limits
from debrepo.archive.findings import kept_out
from debrepo.errors import InvalidInput
from debrepo.ingest.files import ALL, Depth
from debrepo.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from debrepo.config import Config

#: When the data of packages is read: the setting ``ingest.deep``.
When = Literal["auto", "add", "publish", "idle"]

_AT_ONCE = 32 << 20  # bytes of binary packages that one call reads deep at once
_TINY = 8 << 10  # bytes of a package that it costs more to open again than to read deep
_DSC = 1 << 20  # bytes of a .dsc in which its files are looked for
_LISTED = re.compile(rb"^ [0-9a-f]{32} +([0-9]{1,15}) ", re.M)


class Survey(NamedTuple):
    """What the first files are like, and how much is read deep."""

    files: int  #: that were looked at
    bytes: int  #: of them
    deep: Depth


def configured_limits(config: Config) -> Limits:
    """Return the limits of what is read, as they are configured."""
    policy = config["archive.policy"]
    kept_out(policy)
    return Limits(**config.section("ingest.limits"), policy=policy)


def configured_depth(config: Config) -> When:
    """Return when the data of packages is to be read, as it is configured."""
    when: When = config["ingest.deep"]
    if when not in get_args(When):
        raise InvalidInput(
            f"ingest.deep cannot be {when[:80]!r}", hint=f"use one of {', '.join(get_args(When))}"
        )
    return when


def survey(files: Sequence[Path], *, enough: int, deep: When) -> Survey:
    """Look at ``enough`` files, or at more until it is clear how deep to read them.

    With ``auto``, binary packages of a call that brings little are read at once: one that is
    broken is refused. Of more, and of sources, which no data makes invalid, only those are that it
    would cost more to open again.
    """
    count = size = binary = 0
    for path in files:
        name = os.fspath(path)
        found = _size(name)
        size += found
        if not name.endswith(".dsc"):
            binary += found
        count += 1
        if count >= enough and (deep != "auto" or binary > _AT_ONCE):
            break
    if deep == "add":
        return Survey(count, size, Depth(ALL, ALL))
    if deep != "auto":
        return Survey(count, size, Depth(-1, -1))
    return Survey(count, size, Depth(ALL if binary <= _AT_ONCE else _TINY, _TINY))


def _size(name: str) -> int:
    """Return the bytes of a package; of a source, those of its parts."""
    try:
        if not name.endswith(".dsc"):
            return os.stat(name).st_size
        with open(os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            return sum(map(int, _LISTED.findall(file.read(_DSC))))
    except (OSError, ValueError):  # reading it says so
        return 0

"""Cutoffs: from when on apt, gpgv's users and Sequoia refuse algorithms of keys and signatures.

Sequoia's are those of its StandardPolicy; apt 3 has some of its own, in
``/usr/share/apt/default-sequoia.config``. docs/guide/signing.md has them as a table.
"""

from __future__ import annotations

import re
from datetime import date
from typing import NamedTuple


class Cutoff(NamedTuple):
    """From when on somebody refuses something."""

    by: str
    since: date


_SEQUOIA, _APT, _APT_3 = "Sequoia", "apt", "apt 3"

#: What is refused, by a name of its own, and who refuses it.
CUTOFFS = {
    "rsa below 2048": (
        Cutoff(_SEQUOIA, date(2014, 2, 1)),
        Cutoff(_APT, date(2024, 3, 1)),  # 2.7.14: APT::Key::Assert-Pubkey-Algo
    ),
    "rsa below 3072": (Cutoff(_APT_3, date(2030, 2, 1)),),
    "dsa1024": (Cutoff(_SEQUOIA, date(2014, 2, 1)), Cutoff(_APT, date(2024, 3, 1))),
    "dsa": (Cutoff(_APT_3, date(2024, 2, 1)), Cutoff(_APT, date(2024, 3, 1))),
    "brainpool": (Cutoff(_APT_3, date(2028, 2, 1)),),
    "other key": (Cutoff(_APT, date(2024, 3, 1)),),
    "MD5": (Cutoff(_SEQUOIA, date(2004, 2, 1)), Cutoff("gpgv", date(2014, 11, 1))),
    "RIPEMD-160": (Cutoff(_SEQUOIA, date(2013, 2, 1)), Cutoff(_APT, date(2017, 1, 1))),
    "SHA-1": (Cutoff(_SEQUOIA, date(2013, 2, 1)), Cutoff(_APT, date(2017, 1, 1))),
    "SHA-1 in a self-signature": (
        Cutoff(_SEQUOIA, date(2023, 2, 1)),
        Cutoff(_APT_3, date(2026, 2, 1)),
    ),
    "SHA-224": (Cutoff(_APT_3, date(2026, 2, 1)),),
    "version 3": (Cutoff(_SEQUOIA, date(2007, 2, 1)), Cutoff(_APT_3, date(2026, 2, 1))),
}

#: Digest algorithms of OpenPGP (RFC 9580, 9.5) that are refused, now or some day.
WEAK_DIGESTS = {1: "MD5", 2: "SHA-1", 3: "RIPEMD-160", 11: "SHA-224"}

_GOOD_CURVES = re.compile(r"ed25519|ed448|nistp(256|384|521)")


def refusals(what: str, at: date) -> str:
    """Return who refuses it at that time, as the end of a sentence; or nothing."""
    found = [f"{one.by} refuses since {one.since}" for one in CUTOFFS[what] if one.since <= at]
    return f", which {' and '.join(found)}" if found else ""


def of_algorithm(algorithm: str) -> str:
    """Return the name in `CUTOFFS` for the algorithm of a key; nothing for one without an end."""
    kind, bits = re.sub(r"\d+$", "", algorithm), re.search(r"\d+$", algorithm)
    size = int(bits[0]) if bits else 0
    if kind == "rsa":
        return "rsa below 2048" if size < 2048 else "rsa below 3072" if size < 3072 else ""
    if kind == "dsa":
        return "dsa1024" if size < 2048 else "dsa"
    if algorithm.startswith("brainpool"):
        return "brainpool"
    return "" if _GOOD_CURVES.fullmatch(algorithm) else "other key"


def of_digest(digest: int, *, own: bool) -> str:
    """Return the name in `CUTOFFS` for a digest in a signature, of a key on itself or not."""
    name = WEAK_DIGESTS.get(digest, "")
    return f"{name} in a self-signature" if own and name == "SHA-1" else name

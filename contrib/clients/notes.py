"""Notes: what it means for users that a client did not get what it was to get."""

from __future__ import annotations

import re
from typing import NamedTuple


class Note(NamedTuple):
    """An explanation, and the results that it is for; an empty name stands for any."""

    client: str
    column: str
    complaint: str  #: a regular expression: a failure of another kind is not explained away
    text: str


NOTES = (
    Note("apt-mirror", "zst", "it lacks",
         "It does not read zstd, gets no package and ends with 0."),
    Note("apt-mirror of PyPI", "zst", "did not end",
         "It does not read zstd. It tries each uncompressed index ten times, by hash and by name,"
         " and gave up after eight minutes."),
    Note("", "zst", "Packages|format822", "It does not read zstd."),
    Note("", "bz2", "Packages", "It does not read bzip2."),
    Note("apt-mirror", "plain", "it lacks",
         "It reads compressed indexes only, gets no package and ends with 0."),
    Note("", "plain", "Packages", "It reads compressed indexes only."),
    Note("", "sha512", "no entry|Can't find checksum|errors", "It reads SHA256 and weaker checksums"
         " only. List SHA256 too: `--sums sha256,sha512`."),
    Note("aptly mirror", "keys", "No public key", "gpgv ends with 2 if one of the signatures is by"
         " an unknown key, and aptly takes that for a bad signature. Give aptly both keys."),
    Note("cdebootstrap", "", "main only", "It reads the component `main` only."),
    Note("apt-mirror", "proxy", "it lacks", "It asks for indexes by their plain names and verifies"
         " nothing: it copies an old `Packages` beside a new Release, and ends with 0."),
    Note("", "proxy", "mismatch|errors|Packages",
         "It asks for indexes by their plain names, and what the proxy has kept does not match"
         " Release. Let caches keep `pool/` and `by-hash/` only."),
)  # fmt: skip


def explained(client: str, column: str, why: str) -> str:
    """Return the note for a result that is not plainly good."""
    meant = (n for n in NOTES if n.client in ("", client) and n.column in ("", column))
    found = (note.text for note in meant if re.search(note.complaint, why))
    return next(found, f"{client}: `{why}`")

"""Policy: why apt, gpgv or Sequoia would reject a key today."""

from __future__ import annotations

import re
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from debrepo import stopping

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from debrepo.signing import MadeSignature, Signatures
    from debrepo_gpg.keys import Key

PROBE = b"Origin: probe\nSuite: probe\nDate: Thu, 01 Jan 1970 00:00:00 UTC\n"

#: apt 2.7.14 and later refuse less (``APT::Key::Assert-Pubkey-Algo``).
SHORTEST_RSA = 2048
SOON = timedelta(days=30)

_MODERN = re.compile(r"ed25519|ed448|nistp(256|384|521)|brainpoolp(256|384|512)r1")
_WEAK_DIGESTS = {"1": "MD5", "2": "SHA-1", "3": "RIPEMD-160"}
_OWN = re.compile(r"1[0-3]x|18x|1fx")  # signatures that make a key what it is


def of_key(entry: Key, now: datetime) -> list[str]:
    """Return what a look at the key shows: its state, its algorithm, its expiry."""
    key = entry.key
    problems = [entry.fault] if entry.fault else []
    used = (part for part in entry.parts if part.fingerprint in (key.fingerprint, key.signs_as))
    for algorithm in dict.fromkeys(part.algorithm for part in used):
        if algorithm.startswith("rsa"):
            if int(algorithm.removeprefix("rsa")) < SHORTEST_RSA:
                problems.append(f"{algorithm} is too short: apt wants {SHORTEST_RSA} bits")
        elif not _MODERN.fullmatch(algorithm):
            problems.append(f"{algorithm} keys are not accepted any more")
    return problems + of_expiry(entry, now)


def of_expiry(entry: Key, now: datetime) -> list[str]:
    """Return a line if the key expires soon."""
    expires = entry.key.expires
    if expires is None or not now < expires < now + SOON:
        return []
    return [f"expires on {expires:%Y-%m-%d}, in {(expires - now).days} days"]


def of_self_signatures(program: str, exported: bytes) -> list[str]:
    """Return a line for every weak digest in the signatures a key makes on itself."""
    said = _run([program, "--batch", "--with-colons", "--list-packets"], exported).stdout.decode()
    weak = re.findall(r"sigclass 0x([0-9a-f]{2})\n\tdigest algo ([123]),", said)
    names = {_WEAK_DIGESTS[digest] for sigclass, digest in weak if _OWN.match(sigclass + "x")}
    return [f"its self-signature uses {name}, which Sequoia refuses" for name in sorted(names)]


def of_signatures(entry: Key, signed: Mapping[str, Sequence[MadeSignature]]) -> list[str]:
    """Return a line for everything that is signed with the key as it was before its renewal."""
    renewed = {part.fingerprint: max(part.renewed, entry.parts[0].renewed) for part in entry.parts}
    return [
        f"signed {name.replace(':', ' ', 1)} before its self-signature of "
        f"{renewed[made.fingerprint]:%Y-%m-%d %H:%M:%S} UTC, so that Sequoia refuses that: "
        'run "debrepo publish update DISTRIBUTION", then hand out the key'
        for name, signatures in signed.items()
        for made in signatures
        if made.fingerprint in renewed and made.created < int(renewed[made.fingerprint].timestamp())
    ]


def of_verifiers(exported: bytes, signed: Signatures) -> list[str]:
    """Return why ``gpgv`` and ``sqv``, where they are installed, refuse the signed probe."""
    with tempfile.TemporaryDirectory(prefix="debrepo-key-") as name:
        place = Path(name)
        keyring, release, signature = place / "key.gpg", place / "Release", place / "Release.gpg"
        for path, data in ((keyring, exported), (release, PROBE), (signature, signed.detached)):
            path.write_bytes(data)
        (place / "InRelease").write_bytes(signed.inline)
        common = ["--keyring", str(keyring)]
        commands = (
            ["gpgv", *common, str(place / "InRelease")],
            ["gpgv", *common, str(signature), str(release)],
            ["sqv", *common, str(signature), str(release)],
        )
        refusals = [_refusal(command) for command in commands]
    return list(dict.fromkeys(filter(None, refusals)))


def _refusal(command: Sequence[str]) -> str:
    try:
        result = _run(command, b"")
    except FileNotFoundError:  # not everybody has both
        return ""
    if not result.returncode:
        return ""
    said = " ".join(result.stderr.decode(errors="replace").split())
    return f"{command[0]} refuses its signatures: {said}"


def _run(command: Sequence[str], data: bytes) -> subprocess.CompletedProcess[bytes]:
    return stopping.run(command, data, timeout=60)

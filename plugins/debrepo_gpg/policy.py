"""Policy: why apt, gpgv or Sequoia reject a key, or what it has signed, at a moment."""

from __future__ import annotations

import re
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from debrepo import stopping
from debrepo_gpg import cutoffs

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import date, datetime

    from debrepo.signing import MadeSignature, Signatures
    from debrepo_gpg.keys import Key

PROBE = b"Origin: probe\nSuite: probe\nDate: Thu, 01 Jan 1970 00:00:00 UTC\n"

SOON = timedelta(days=30)

_OWN = re.compile(r"1[0-3]x|18x|1fx")  # signatures that make a key what it is
_PACKET = re.compile(
    r"^:signature packet:.*\n\tversion (\d+),.* sigclass 0x([0-9a-f]{2})\n\tdigest algo (\d+),",
    re.MULTILINE,
)
_REPLACE = 'replace it: run "debrepo key rotate start {} NEW"'
_RENEW = 'renew it: run "debrepo key extend {} --expire 2y"'


def of_key(entry: Key, now: datetime) -> list[str]:
    """Return what a look at the key shows: its state, its algorithm, its expiry."""
    key = entry.key
    problems = [entry.fault] if entry.fault else []
    if key.created > now and not entry.fault:
        problems.append(f"is not valid before {key.created:%Y-%m-%d}, when it was made")
    replace = _REPLACE.format(key.fingerprint)
    used = (part for part in entry.parts if part.fingerprint in (key.fingerprint, key.signs_as))
    for algorithm in dict.fromkeys(part.algorithm for part in used):
        name = cutoffs.of_algorithm(algorithm)
        refused = cutoffs.refusals(name, now.date()) if name else ""
        if refused:
            problems.append(f"has the algorithm {algorithm}{refused}: {replace}")
    if key.expires and key.expires <= now and not entry.fault:
        problems.append(f"has expired by {now:%Y-%m-%d}: {_RENEW.format(key.fingerprint)}")
    return problems + of_expiry(entry, now)


def of_expiry(entry: Key, now: datetime) -> list[str]:
    """Return a line if the key expires soon."""
    expires = entry.key.expires
    if expires is None or not now < expires < now + SOON:
        return []
    renew = _RENEW.format(entry.key.fingerprint)
    return [f"expires on {expires:%Y-%m-%d}, in {(expires - now).days} days: {renew}"]


def of_self_signatures(program: str, exported: bytes, entry: Key, now: datetime) -> list[str]:
    """Return a line for all that is refused of the signatures that a key makes on itself."""
    said = _run([program, "--batch", "--with-colons", "--list-packets"], exported).stdout.decode()
    found = [
        (int(version), int(digest))
        for version, sigclass, digest in _PACKET.findall(said)
        if _OWN.match(sigclass + "x")
    ]
    renew = _RENEW.format(entry.key.fingerprint)
    return [
        f"its self-signature {text}: {renew}" for text in _weaknesses(found, now.date(), own=True)
    ]


def _weaknesses(found: Iterable[tuple[int, int]], at: date, *, own: bool) -> list[str]:
    """Return what is refused of signatures, of which the version and the digest are given."""
    texts = set()
    for version, digest in found:
        name = cutoffs.of_digest(digest, own=own)
        if name and (refused := cutoffs.refusals(name, at)):
            texts.add(f"uses {cutoffs.WEAK_DIGESTS[digest]}{refused}")
        if version == 3 and (refused := cutoffs.refusals("version 3", at)):
            texts.add(f"has the format of version 3{refused}")
    return sorted(texts)


def of_signatures(
    entry: Key, signed: Mapping[str, Sequence[MadeSignature]], now: datetime
) -> list[str]:
    """Return a line for everything that the key has signed in a way that is refused."""
    return [
        f"signed {name.replace(':', ' ', 1)} {text}"
        for name, signatures in signed.items()
        for made in signatures
        if entry.answers_to(made.fingerprint)
        for text in _faults(entry, made, now)
    ]


def _faults(entry: Key, made: MadeSignature, now: datetime) -> Iterator[str]:
    renewed = {part.fingerprint: max(part.renewed, entry.parts[0].renewed) for part in entry.parts}
    since = renewed.get(made.fingerprint)
    if since is not None and made.created < int(since.timestamp()):
        yield (
            f"before its self-signature of {since:%Y-%m-%d %H:%M:%S} UTC, so that Sequoia refuses"
            ' that: run "debrepo publish renew", then hand out the key'
        )
    for text in _weaknesses([(made.version, made.digest)], now.date(), own=False):
        yield f'with a signature that {text}: run "debrepo publish resign --all"'


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

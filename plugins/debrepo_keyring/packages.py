"""Packages with a keyring: built with the keys of today, added to a repository, and published."""

from __future__ import annotations

import gzip
import hashlib
import re
import tempfile
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from debrepo import catalog, clock, lists, packageset
from debrepo.catalog import CHUNKS
from debrepo.errors import AmbiguousKey, InvalidInput, SigningFailed
from debrepo.signing import dearmored, signing_keys, trusted_keys
from debrepo.version import sort_key
from debrepo_keyring import deb

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from debrepo.session import Session
    from debrepo.signing import SigningKey

_NAME = re.compile(r"[a-z0-9][a-z0-9+.-]{0,100}")
_VERSION = re.compile(r"(?:1:)?(\d{4})\.(\d\d)\.(\d\d)(?:\.\d+)?")
_SUFFIX = "-archive-keyring"


class KeyringPackage(NamedTuple):
    """A package with public keys, and what became of it."""

    name: str
    version: str
    repo: str
    fingerprints: tuple[str, ...]  #: of the primary keys in it
    added: bool  #: whether it is new: otherwise the newest one has the same content
    published: list[str]  #: the publications that were updated


def add(session: Session, repo: str, name: str, keys: Sequence[str]) -> KeyringPackage:
    """Build a package, add it to a repository unless that has it, and publish the repository."""
    base = name.removesuffix(_SUFFIX)
    if not _NAME.fullmatch(base):
        raise InvalidInput(
            f"{name[:80]!r} cannot be the name of a package", hint="lower case, digits and +.-"
        )
    chosen = _chosen(session, keys)
    ring = dearmored(session.signer.export(chosen))
    made = KeyringPackage(
        base + _SUFFIX,
        "",
        repo,
        tuple(key.fingerprint for key in chosen),
        added=False,
        published=[],
    )
    newest, digests = _newest(session, repo, made.name)
    if newest and hashlib.sha256(_built(session, made, newest, ring)).hexdigest() in digests:
        return made._replace(version=newest, published=_publish(session, repo))
    made = made._replace(version=_next(newest), added=True)
    with tempfile.TemporaryDirectory(prefix="debrepo-keyring-") as directory:
        path = Path(directory, f"{made.name}_{made.version}_all.deb")
        path.write_bytes(_built(session, made, made.version, ring))
        for outcome in session.call("repo.add", name=repo, paths=[path]):
            if outcome.status == "failed":
                raise InvalidInput(f"{path.name} is not added to {repo}: {outcome.reason}")
    return made._replace(published=_publish(session, repo))


def _chosen(session: Session, names: Sequence[str]) -> list[SigningKey]:
    """Return the keys of these names, or those that clients have to trust."""
    if names:
        return session.signer.resolve(names)
    with session.db.read() as txn:
        rotations = [one for batch in session.hook.debrepo_key_rotations(txn=txn) for one in batch]
        batches = session.hook.debrepo_signatures(txn=txn)
    made = {one.fingerprint for batch in batches for many in batch.values() for one in many}
    chosen: list[SigningKey] = []
    with suppress(AmbiguousKey):  # several, and none is configured: those that sign go on
        chosen = session.signer.resolve([])
    for fingerprint in sorted(made):
        with suppress(SigningFailed):  # it is not here any more
            chosen += session.signer.resolve([fingerprint])
    if not chosen:
        chosen = session.signer.resolve([])  # says what is wrong
    keys = signing_keys(chosen, rotations, session.signer.resolve)
    trusted = trusted_keys(keys, rotations, session.signer.resolve)
    return sorted({key.fingerprint: key for key in trusted}.values())


def _newest(session: Session, repo: str, name: str) -> tuple[str, set[str]]:
    """Return the newest version of a package that a repository has, and SHA-256 of its files."""
    with session.db.read() as txn:
        set_id = lists.get(session.hook, txn, "repo", repo).set_id
        entries = packageset.find(txn[CHUNKS], set_id, f"{name}\0".encode())
        found = list(catalog.get_many(txn, entries))
    if not found:
        return "", set()
    newest = max(found, key=lambda package: sort_key(package.key.version))
    return newest.key.version, {file.sha256 for file in newest.files}


def _next(newest: str) -> str:
    """Return a version after the newest one: the date, with a number behind it if need be."""
    today = f"{clock.moment(clock.seconds()):%Y.%m.%d}"
    return next(one for one in _versions(today) if not newest or sort_key(one) > sort_key(newest))


def _versions(today: str) -> Iterator[str]:
    yield today
    yield from (f"{today}.{number}" for number in range(1, 1000))
    yield from (f"1:{today}.{number}" for number in range(1, 1000))  # a clock was wrong


def _built(session: Session, made: KeyringPackage, version: str, ring: bytes) -> bytes:
    """Return a package, dated by its version, so that it can be built again."""
    found = _VERSION.fullmatch(version)
    at = _midnight(*map(int, found.groups())) if found else 0
    owner = session.config["keyring.maintainer"] or f"{made.name} <root@localhost>"
    place = f"usr/share/keyrings/{made.name}.gpg"
    keys = "".join(f"\n  {fingerprint}" for fingerprint in sorted(made.fingerprints))
    rights = (
        f"Keys that sign the archive:{keys}\n\nPublic keys are facts: nobody has rights to them.\n"
    )
    when = datetime.fromtimestamp(at, UTC).strftime("%a, %d %b %Y %H:%M:%S +0000")
    changes = (
        f"{made.name} ({version}) unstable; urgency=medium\n\n  * Keys:{keys}\n\n"
        f" -- {owner}  {when}\n"
    )
    docs = f"usr/share/doc/{made.name}"
    control = {
        "Package": made.name,
        "Version": version,
        "Architecture": "all",
        "Maintainer": owner,
        "Section": "misc",
        "Priority": "optional",
        "Multi-Arch": "foreign",
        "Description": f"public keys of the archive {made.name.removesuffix(_SUFFIX)}\n"
        f" apt verifies the archive with the keys in /{place}.",
    }
    files = {
        place: ring,
        f"{docs}/copyright": rights.encode(),
        f"{docs}/changelog.gz": gzip.compress(changes.encode(), 9, mtime=0),
    }
    return deb.build(control, files, at)


def _midnight(year: int, month: int, day: int) -> int:
    return int(datetime(year, month, day, tzinfo=UTC).timestamp())


def _publish(session: Session, repo: str) -> list[str]:
    """Update the publications that a repository is in, and return those that have changed."""
    if "publish.list" not in session.operations:
        return []
    changed = []
    for one in session.call("publish.list"):
        if one.live and f"repo:{repo}" in one.sources.values():
            done = session.call("publish.update", distribution=one.distribution, place=one.place)
            changed += [str(one)] if done.changed else []
    return changed

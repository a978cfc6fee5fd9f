"""Client files: what a client needs before it can read a publication, beside its Release file.

They are written before a Release file that needs them, so that no client finds it signed by a key
that the keyring does not have yet. A row in the database says which of them debrepo has written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo.errors import Conflict, InvalidInput
from debrepo.signing import dearmored
from debrepo_publish.engine import signers
from debrepo_publish.engine.outputs import CLIENT_FILES as NAMES
from debrepo_publish.model.options import option
from debrepo_publish.model.tables import CLIENT_FILES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from debrepo.session import Session
    from debrepo.signing import SigningKey
    from debrepo.storage import Storage
    from debrepo_publish.model.publication import Generation, Publication

BINARY, ARMORED, SOURCES = NAMES


def put(
    session: Session,
    storage: Storage,
    publication: Publication,
    generation: Generation,
    keys: Sequence[SigningKey],
    *,
    anew: bool = False,
) -> list[str]:
    """Write the files that are not as they are to be, and return their paths in the storage.

    With ``anew``, all of them. Raise `Conflict` if one is in the way that debrepo did not write.
    """
    with session.db.read() as txn:
        known = txn[CLIENT_FILES].get(publication.key, {})
    wanted = _wanted(session, storage, publication, generation, keys)
    import hashlib  # it loads OpenSSL, which not every command needs

    digests = {name: hashlib.sha256(data).hexdigest() for name, data in wanted.items()}
    gone = [_path(publication, name) for name in known if name not in wanted]
    changed = [name for name in wanted if anew or known.get(name) != digests[name]]
    if not changed and not gone:
        return []
    for name in changed:
        if name not in known and storage.stat(_path(publication, name)):
            raise Conflict(
                f"{_path(publication, name)} was not written by debrepo",
                hint="move it away, or publish with --no-client-files",
            )
    with session.db.write() as txn:  # first: what a crash leaves is ours
        txn[CLIENT_FILES][publication.key] = {name: known.get(name, "") for name in NAMES}
    for name in changed:
        storage.put(_path(publication, name), wanted[name])
    storage.delete(gone)
    storage.flush()
    _record(session, publication, digests)
    return [*(_path(publication, name) for name in changed), *gone]


def _record(session: Session, publication: Publication, digests: dict[str, str]) -> None:
    with session.db.write() as txn:
        if digests:
            txn[CLIENT_FILES][publication.key] = digests
        else:
            txn[CLIENT_FILES].pop(publication.key, None)


def delete(session: Session, storage: Storage, publication: Publication) -> list[str]:
    """Delete the files of a publication that is being dropped, and return their paths."""
    with session.db.read() as txn:
        known = txn[CLIENT_FILES].get(publication.key, {})
    paths = [_path(publication, name) for name in known]
    if paths:
        storage.delete(paths)
        _record(session, publication, {})
    return paths


def damaged(session: Session, storage: Storage, publication: Publication) -> list[str]:
    """Return the names, below the distribution, of files that are not as they were written."""
    with session.db.read() as txn:
        known = txn[CLIENT_FILES].get(publication.key, {})
    paths = {_path(publication, name): digest for name, digest in known.items()}
    if not paths:
        return []
    return sorted(
        path.rpartition("/")[2] for path, found in storage.sha256_all(paths) if found != paths[path]
    )


def _path(publication: Publication, name: str) -> str:
    return publication.path(f"dists/{publication.distribution}/{name}")


def _wanted(
    session: Session,
    storage: Storage,
    publication: Publication,
    generation: Generation,
    keys: Sequence[SigningKey],
) -> dict[str, bytes]:
    """Return the content of each file that there has to be."""
    if not option(session, publication, "client_files") or publication.verbatim:
        return {}
    found: dict[str, bytes] = {}
    keyring = armored(session, keys)
    if keyring:
        found = {BINARY: dearmored(keyring), ARMORED: keyring}
    url = storage.url("" if publication.prefix == "." else publication.prefix)
    if url:
        text = stanza(publication, generation, url, keyring)
        return {**found, SOURCES: text.encode()}
    session.progress.note(
        f"Warning: {publication} gets no {SOURCES}, as its URL is not known: set public_url of"
        f" its storage"
    )
    return found


def armored(session: Session, keys: Sequence[SigningKey]) -> bytes:
    """Return the keys that clients have to trust while these sign; nothing where none do."""
    return session.signer.export(signers.trusted(session, keys)) if keys else b""


def stanza(publication: Publication, live: Generation, url: str, keyring: bytes) -> str:
    """Return the ``.sources`` file for clients, with the keys in it."""
    fields = {
        "Types": "deb deb-src" if publication.has_source(live.parts) else "deb",
        "URIs": url,
        "Suites": publication.distribution,
        "Components": " ".join(live.parts),
    }
    if not url.isprintable() or len(url.split()) != 1:
        raise InvalidInput(f"not a URL: {url[:80]!r}")
    lines = [f"{name}: {value}\n" for name, value in fields.items()]
    if not keyring:
        return "".join([*lines, "Trusted: yes\n"])
    key = keyring.decode("ascii").splitlines()
    return "".join([*lines, "Signed-By:\n", *(f" {line or '.'}\n" for line in key)])

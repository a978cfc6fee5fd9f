"""Documents: the .changes and .buildinfo files of uploads, kept as long as their packages."""

from __future__ import annotations

from _blake2 import blake2b  # hashlib would load OpenSSL for it
from typing import TYPE_CHECKING, Any

from debrepo import catalog, packageset
from debrepo.catalog import CHUNKS, PACKAGES
from debrepo.database import json_table
from debrepo.errors import Conflict, NotFound
from debrepo.package import PackageFile, PackageKey, decode
from debrepo.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from debrepo.database import Transaction
    from debrepo.package import Entry, SetId
    from debrepo.session import Session


class UploadDocument(NamedTuple):
    """A file of an upload to a repository that is not part of a package."""

    repo: str
    source: str
    version: str  #: of the source
    file: PackageFile
    packages: tuple[str, ...]  #: the keys of what the upload has brought
    included: str  #: when: ISO 8601, UTC
    signers: tuple[str, ...] = ()  #: fingerprints of the keys that signed the upload


def _load(fields: dict[str, Any]) -> UploadDocument:
    tuples = {name: tuple(fields[name]) for name in ("packages", "signers")}
    return UploadDocument(**{**fields, **tuples, "file": PackageFile(**fields["file"])})


def _dump(document: UploadDocument) -> dict[str, Any]:
    return {**document._asdict(), "file": document.file._asdict()}


#: Hashes of repository, source version and name, since all of them would be too long for a key.
DOCUMENTS = json_table("local.documents", load=_load, dump=_dump, record=UploadDocument)


def record(session: Session, txn: Transaction, documents: Iterable[UploadDocument]) -> None:
    """Keep documents whose files are in the pool; one replaces an older one of its name."""
    for document in documents:
        if document.file.sha256 not in session.pool:
            name = document.file.name
            raise Conflict(f"{name} was deleted while it was stored", hint="upload it again")
        catalog.keep(txn, [document.file.sha256])
        txn[DOCUMENTS][_key(document)] = document


def of_repo(txn: Transaction, repo: str) -> Iterator[UploadDocument]:
    """Yield the documents of a repository."""
    for _, document in txn[DOCUMENTS].prefix(_hash(repo).encode()):
        yield document


def find(txn: Transaction, repo: str, name: str) -> UploadDocument:
    """Return the document of a repository that has this name, the latest of several."""
    found = [one for one in of_repo(txn, repo) if one.file.name == name]
    if not found:
        raise NotFound(
            f"{repo} has no document {name[:100]}", hint=f'run "debrepo repo documents {repo}"'
        )
    return max(found, key=lambda one: one.included)


def release(txn: Transaction, repo: str, set_id: SetId, gone: Iterable[Entry]) -> None:
    """Remove the documents of uploads of which nothing is left in a repository."""
    if next(txn[DOCUMENTS].prefix_keys(_hash(repo).encode()), None) is None:
        return
    sources = {_source(txn, entry) for entry in gone}
    for source in sources:
        start = _hash(repo) + _hash("\0".join(source))
        for key, document in list(txn[DOCUMENTS].prefix(start.encode())):
            entries = [PackageKey.parse(one).entry for one in document.packages]
            there = packageset.conflicts(txn[CHUNKS], set_id, entries)
            if not any(there.get(entry) == entry for entry in entries):
                del txn[DOCUMENTS][key]


def rename(txn: Transaction, old: str, new: str) -> None:
    """Let documents follow their repository to its new name."""
    for document in list(of_repo(txn, old)):
        del txn[DOCUMENTS][_key(document)]
        renamed = document._replace(repo=new)
        txn[DOCUMENTS][_key(renamed)] = renamed


def drop(txn: Transaction, repo: str) -> None:
    """Remove the documents of a repository."""
    for key in list(txn[DOCUMENTS].prefix_keys(_hash(repo).encode())):
        del txn[DOCUMENTS][key]


def live_files(txn: Transaction) -> Iterator[str]:
    """Yield the SHA256 of the pool files of documents."""
    for document in txn[DOCUMENTS].values():
        yield document.file.sha256


def _source(txn: Transaction, entry: Entry) -> tuple[str, str]:
    key, known = PackageKey.from_entry(entry), txn[PACKAGES].get(entry)
    return decode(key, known).source if known else (key.name, key.version)


def _key(document: UploadDocument) -> str:
    source = _hash(f"{document.source}\0{document.version}")
    return _hash(document.repo) + source + _hash(document.file.name)


def _hash(text: str) -> str:
    return blake2b(text.encode(), digest_size=16).hexdigest()

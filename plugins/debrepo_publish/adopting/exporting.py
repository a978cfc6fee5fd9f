"""Exporting: a published distribution, written to a directory as clients get it."""

from __future__ import annotations

import hashlib
import os
import re
from contextlib import closing, suppress
from typing import TYPE_CHECKING, NamedTuple

from debrepo import stanza
from debrepo.errors import InvalidInput, NotFound, VerificationFailed, cannot_write
from debrepo.stopping import checkpoint
from debrepo_publish.adopting import served
from debrepo_publish.checking.trees import StoredTree
from debrepo_publish.engine import places
from debrepo_publish.engine.layout import by_hash

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from debrepo.session import Session
    from debrepo.storage import Storage
    from debrepo_publish.adopting.served import ServedArchive
    from debrepo_publish.model.publication import Publication

_RELEASES = ("Release", "Release.gpg", "InRelease")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9+._-]{0,200}")
_BY_HASH = {"sha256": "SHA256", "sha512": "SHA512"}


class ExportedTree(NamedTuple):
    """What was written of a distribution."""

    publication: str
    packages: int
    files: int  #: that were written; others were there already
    bytes: int


def export(session: Session, publication: Publication, directory: Path) -> ExportedTree:
    """Write what clients may fetch of a distribution; files that are there already stay.

    Release files come last, so that clients of the directory never see half of it. What is not
    what its index lists raises `VerificationFailed`.
    """
    distribution = publication.distribution
    with closing(places.open_storage(session, publication.place)) as storage:
        tree = StoredTree(storage, publication)
        archive = served.read(tree, distribution)
        if archive is None:
            raise NotFound(f"{publication} is not published", hint='run "debrepo publish list"')
        if archive.problems:
            raise VerificationFailed(
                archive.problems[0], hint=f'run "debrepo publish verify {publication.words}"'
            )
        count = size = 0
        tracked = session.progress.track(
            "Writing files", archive.files.items(), total=len(archive.files)
        )
        for path, listed in tracked:
            target = directory / path
            if target.exists() and target.stat().st_size == listed.size:
                continue
            pieces = storage.pieces(publication.path(path))
            hint = f'run "debrepo publish repair --files {publication.words}"'
            size += _write(target, pieces, sha256=listed.sha256, hint=hint)
            count += 1
        root = f"dists/{distribution}/"
        for path in [*_indexes(storage, publication, archive), *(root + n for n in _RELEASES)]:
            with suppress(NotFound):  # what Release lists need not all be there
                data = storage.get(publication.path(path))
                size += _write(directory / path, [data])
                count += 1
    return ExportedTree(str(publication), len(archive.packages), count, size)


def _indexes(storage: Storage, publication: Publication, archive: ServedArchive) -> Iterator[str]:
    """Yield the paths of indexes, by hash first."""
    root = f"dists/{publication.distribution}/"
    for path in archive.listed:
        data = b""
        with suppress(NotFound):
            data = storage.get(publication.path(root + path))
        if path.endswith(".diff/Index"):
            yield from (f"{root}{path.removesuffix('Index')}{name}" for name in _patches(data))
        for algorithm, title in _BY_HASH.items():
            if data and algorithm in archive.checksums:
                yield by_hash(root + path, title, hashlib.new(algorithm, data).hexdigest())
        yield root + path


def _patches(index: bytes) -> list[str]:
    """Return the names of the patches that an index of patches lists; Release lists the index."""
    try:
        fields = stanza.Fields(index.strip(b"\n"))
    except (InvalidInput, UnicodeDecodeError):
        return []
    rows = fields.get("SHA256-Download", "").split("\n")
    names = [row.split()[2] for row in rows if len(row.split()) == 3]
    return [name for name in names if _NAME.fullmatch(name)]


def _write(target: Path, pieces: Iterable[bytes], *, sha256: str = "", hint: str = "") -> int:
    """Write a file under its name once all of it is there; return how many bytes it has."""
    checkpoint()
    digest, size = hashlib.sha256(), 0
    partial = target.with_name(f".{target.name[:200]}.partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with partial.open("wb") as file:
                for piece in pieces:
                    digest.update(piece)
                    size += file.write(piece)
            if sha256 and digest.hexdigest() != sha256:
                raise VerificationFailed(f"{target.name} is not what its index lists", hint=hint)
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise cannot_write(os.fspath(target), error) from error
    return size

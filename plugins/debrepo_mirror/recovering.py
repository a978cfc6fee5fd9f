"""Recovering: package files that are lost, fetched again from where mirrors have got them."""

from __future__ import annotations

import re
import tempfile
from contextlib import closing, suppress
from typing import TYPE_CHECKING

from debrepo.errors import DebrepoError, InvalidPackage
from debrepo.ingest import configured_limits
from debrepo.transport import Want, said_of
from debrepo_mirror import access, origins
from debrepo_mirror.cache import IndexCache
from debrepo_mirror.origins import Origin
from debrepo_mirror.tables import MIRRORS
from debrepo_mirror.upstream import stanzas, unpacking

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from debrepo.recovery import LostFiles
    from debrepo.session import Session
    from debrepo.transport import Transport
    from debrepo_mirror.mirror import Mirror

_SHA256 = re.compile(rb"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_BLOCK = 1 << 18


def recover(session: Session, lost: LostFiles) -> None:
    """Fetch lost files from the archives of mirrors, as the indexes list them that are kept."""
    with session.db.read() as txn:
        mirrors = list(txn[MIRRORS].values())
        known = origins.find(txn, lost.missing)
    for mirror in mirrors:
        if not lost.missing:
            return
        lost.look(f"mirror {mirror.name}: {mirror.url}")
        found = dict(_listed(session, mirror, lost)) | {
            digest: origin
            for digest, several in known.items()
            for origin in several
            if origin.root == mirror.url
        }
        _fetch(session, mirror, lost, found)


def _listed(session: Session, mirror: Mirror, lost: LostFiles) -> Iterator[tuple[str, Origin]]:
    """Yield where the archive has lost files, by the indexes of the last update."""
    wanted = {digest.encode() for digest in lost.missing}
    cache, limit = IndexCache(session.root, mirror.uuid), session.config["mirror.limits.index"]
    held = cache.all_held()
    if not held:
        lost.fail(f"mirror {mirror.name}: the indexes of its last update are not kept")
    for index in held:
        try:
            text = unpacking.pieces(index.pieces(), index.suffix, index.path.name, limit=limit)
            for batch in stanzas.split(text, index.path.name):
                for stanza in batch:
                    if not wanted.isdisjoint(_SHA256.findall(stanza)):
                        yield from _origins(session, mirror, stanza)
        except (DebrepoError, OSError) as error:
            lost.fail(f"mirror {mirror.name}: {error}")


def _origins(session: Session, mirror: Mirror, stanza: bytes) -> Iterator[tuple[str, Origin]]:
    limits = configured_limits(session.config)
    read = stanzas.source if b"\nDirectory:" in b"\n" + stanza else None
    with suppress(InvalidPackage):
        offered = read(stanza, limits) if read else stanzas.binary(stanza, "deb", limits)
        for file, path in zip(offered.package.files, offered.paths, strict=True):
            where = Origin(mirror.url, origins.quoted(path), file.size, mirror.credentials)
            yield file.sha256, where


def _fetch(session: Session, mirror: Mirror, lost: LostFiles, found: dict[str, Origin]) -> None:
    wanted = {digest: where for digest, where in found.items() if digest in lost.missing}
    if not wanted:
        return
    if not access.is_allowed(session.config, mirror.url):
        lost.fail(f"mirror {mirror.name}: the configuration does not allow mirrors of {mirror.url}")
        return
    try:
        options = access.options(session, mirror.credentials)
        with closing(session.transport(mirror.url, options)) as transport:
            for digest, origin in wanted.items():
                with tempfile.TemporaryFile() as file:
                    if _bring(transport, origin, file, lost):
                        lost.take(digest, _blocks(file), origin.url)
    except (DebrepoError, OSError) as error:
        lost.fail(f"mirror {mirror.name}: {error}")


def _bring(transport: Transport, origin: Origin, file: BinaryIO, lost: LostFiles) -> bool:
    """Fetch one file; return whether all of it is here, ready to be read."""

    def restart() -> None:
        file.seek(0)
        file.truncate()

    (fetched,) = transport.fetch([Want(origin.url, file.write, restart, limit=origin.size)])
    file.seek(0)
    if fetched.outcome == "whole":
        return True
    lost.fail(said_of(fetched))
    return False


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    while block := file.read(_BLOCK):
        yield block

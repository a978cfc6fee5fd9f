"""Dating: put what clients see of a generation under a path that says when, and take it away.

``dists/DISTRIBUTION/TIME`` holds the Release files and indexes of a generation; package files are
those of the pool, which stay as long as the generation is kept. apt's ``--snapshot`` puts another
path before ``dists`` and ``pool``; a storage that can link directories has it, too:
``snapshots/TIME``.
"""

from __future__ import annotations

import re
from contextlib import closing
from typing import TYPE_CHECKING

from debrepo_publish.engine.layout import dated_indexes, dated_root
from debrepo_publish.model import dated, publications
from debrepo_publish.model.publication import Publication, commit_path

if TYPE_CHECKING:
    from collections.abc import Mapping

    from debrepo.database import Transaction
    from debrepo.session import Session
    from debrepo.storage import Storage
    from debrepo_publish.model.publication import Generation

ROOT = "snapshots"
_ASKED = re.compile(rf"(.+/)?{ROOT}/({dated.NAME.pattern})/((?:dists|pool)/.+)")


def fields(session: Session, publication: Publication) -> dict[str, str]:
    """Return the field of Release that tells apt where dated archives are, if that can be told."""
    if not publication.snapshots:
        return {}
    with closing(session.storage(publication.storage)) as storage:
        there = storage.url(publication.path(ROOT)) if storage.links_directories else ""
    return {"Snapshots": f"{there}/@SNAPSHOTID@/"} if there else {}


def served_path(txn: Transaction, storage: str, path: str) -> str | None:
    """Return what a path below ``snapshots/TIME`` leads to: the archive of that time or before.

    ``None`` for any other path, and where there is none so old.
    """
    found = _ASKED.fullmatch(path)
    if found is None:
        return None
    start, moment, rest = found[1] or "", found[2], found[3]
    if rest.startswith("pool/"):
        return start + rest
    parts = rest.split("/")
    for end in range(2, len(parts)):
        distribution = "/".join(parts[1:end])
        wanted = Publication(storage, start.rstrip("/") or ".", distribution, {})
        own = publications.of_alias(txn, wanted.place, distribution)
        name = dated.at(txn, f"{wanted.place} {own}", moment)
        if name:
            return f"{start}dists/{own}/{name}/{'/'.join(parts[end:])}"
    return None


def put(storage: Storage, generation: Generation, releases: Mapping[str, bytes]) -> None:
    """Put the dated archive of a generation in place; ``releases`` are its Release files by path.

    Its indexes are there already, under by-hash names. What commits it comes last.
    """
    publication = generation.publication
    path = publication.path
    pairs = dated_indexes(generation).items()
    storage.share_all({path(new): path(there) for new, there in pairs})
    last = commit_path(publication)
    start, root = f"dists/{publication.distribution}/", dated_root(generation)
    placed = {path(root + name.removeprefix(start)): data for name, data in releases.items()}
    commit = path(root + last.removeprefix(start))
    data = placed.pop(commit)
    storage.put_all(placed, cache="immutable")
    storage.put(commit, data, cache="immutable")
    if storage.links_directories:
        for link, target in _links(generation).items():
            storage.link_directory(path(link), path(target))


def withdraw(session: Session, storage: Storage, generation: Generation) -> None:
    """Take away the paths that lead to the dated archive of a generation; its files stay.

    Nothing happens if another generation has its name by now.
    """
    with session.db.read() as txn:
        owner = dated.number(txn, generation.publication.key, generation.dated)
    if generation.dated and owner in (0, generation.number) and storage.links_directories:
        path, (*of_dists, of_pool) = generation.publication.path, _links(generation)
        for link in of_dists:
            storage.unlink_directory(path(link))
        others = path(f"{ROOT}/{generation.dated}/dists")  # of other distributions
        storage.unlink_directory(path(of_pool), unless=others)


def directories(generation: Generation) -> list[str]:
    """Return the directories of links that lead to a dated archive, where a storage has them."""
    return list(_links(generation))[:-1]


def _links(generation: Generation) -> dict[str, str]:
    """Return the directories to link, with where they lead; the one of the pool is the last."""
    root, target = f"{ROOT}/{generation.dated}", dated_root(generation).rstrip("/")
    dists = {f"{root}/{one.rstrip('/')}": target for one in generation.publication.roots}
    return {**dists, f"{root}/pool": "pool"}

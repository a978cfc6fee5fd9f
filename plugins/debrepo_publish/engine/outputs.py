"""Outputs: no two indexes have one path, and nothing else is where an index is to be."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from debrepo.errors import InvalidInput, PluginError
from debrepo_publish.model import dated, publications
from debrepo_publish.model.tables import PUBLICATIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from debrepo.database import Transaction
    from debrepo_publish.model.publication import Generation, Publication

RELEASES = ("InRelease", "Release", "Release.gpg")
#: Files for clients, which `client_files` writes where a publication has them.
CLIENT_FILES = ("archive-keyring.gpg", "archive-keyring.asc", "archive.sources")


def check(
    txn: Transaction, publication: Publication, components: Iterable[str], paths: Iterable[str]
) -> None:
    """Raise `InvalidInput` if indexes get in each other's way; nothing is written by then.

    ``paths`` are those of all indexes below the distribution, one as often as it is written.
    """
    parts = sorted(components)
    for path, other in _collisions([*RELEASES, *CLIENT_FILES, *paths]):
        claims = [name for name in parts if path.startswith(f"{name}/") or path == name]
        whose = f"the components {' and '.join(claims)}" if len(claims) > 1 else "two indexes"
        where = path if path == other else f"{path} and {other}"
        raise InvalidInput(
            f"{whose} of {publication} both write {where}",
            hint="give one of the components another name with --component",
        )
    _check_dated(txn, publication, parts)
    _check_aliases(txn, publication)
    _check_neighbours(txn, publication, paths)


def _check_aliases(txn: Transaction, publication: Publication) -> None:
    """Raise `InvalidInput` where an alias and another distribution are in each other's way."""
    for _, other in txn[PUBLICATIONS].prefix(f"{publication.place} ".encode()):
        if other.key == publication.key:
            other = publication._replace(aliases=())  # its own distribution
        for root in publication.roots:
            for theirs in other.roots:
                both_own = root == publication.roots[-1] and theirs == other.roots[-1]
                if not both_own and (root.startswith(theirs) or theirs.startswith(root)):
                    way_out = f'run "debrepo publish update {other.words} --alias=" first'
                    raise InvalidInput(
                        f"{publication} and {other} would both be published in {min(root, theirs)}",
                        hint="choose another alias" if theirs == other.roots[-1] else way_out,
                    )


def _check_dated(txn: Transaction, publication: Publication, components: Iterable[str]) -> None:
    """Raise `InvalidInput` where a component or a distribution is called as a dated archive is."""
    own = f"{publication.distribution}/"
    found = [(publication, f"component {name}", name) for name in components]
    for _, other in txn[PUBLICATIONS].prefix(f"{publication.place} ".encode()):
        if other.distribution.startswith(own):
            found.append((publication, str(other), other.distribution.removeprefix(own)))
        elif own.startswith(f"{other.distribution}/"):
            found.append((other, str(publication), own.removeprefix(f"{other.distribution}/")))
    for whose, what, name in found:
        if whose.snapshots and dated.NAME.fullmatch(name.partition("/")[0]):
            raise InvalidInput(
                f"{what} is called as a dated archive of {whose} may be",
                hint="choose another name",
            )


def check_makers(
    publication: Publication, components: Iterable[str], made: Iterable[tuple[str, str]]
) -> None:
    """Raise `PluginError` if two kinds of index write one path of a component.

    ``made`` are paths below the distribution with the kind that has made each.
    """
    makers: dict[str, set[str]] = {}
    for path, maker in made:
        makers.setdefault(path, set()).add(maker)
    parts = [f"{name}/" for name in components]
    for path, other in _collisions([path for path, found in makers.items() for _ in found]):
        claims = [part for part in parts if path.startswith(part)]
        kinds = sorted(makers.get(path, set()) | makers.get(other, set()))
        if len(claims) != 1 or len(kinds) != 2:
            continue
        where = path if path == other else f"{path} and {other}"
        last = kinds[1].rpartition(" ")[2]
        if all(kinds):
            raise PluginError(
                f"the kinds of index {kinds[0]} and {kinds[1]} both write {where} of {publication}",
                hint=f"disable one with DEBREPO_DISABLE={last}",
            )
        raise PluginError(
            f"the kind of index {kinds[1]} writes {where} of {publication}, which is there already",
            hint=f"disable it with DEBREPO_DISABLE={last}",
        )


def _collisions(paths: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield pairs of equal paths, and of a file and one below it."""
    parts = sorted(path.split("/") for path in paths)
    for first, second in pairwise(parts):
        if second[: len(first)] == first:
            yield "/".join(first), "/".join(second)


def _check_neighbours(txn: Transaction, publication: Publication, paths: Iterable[str]) -> None:
    """Hold the paths against those of distributions whose trees are in one another."""
    own = f"{publication.distribution}/"
    ours: list[str] = []
    for _, other in txn[PUBLICATIONS].prefix(f"{publication.place} ".encode()):
        root = f"{other.distribution}/"
        if root == own or not (root.startswith(own) or own.startswith(root)):
            continue
        ours = ours or [own + path for path in (*RELEASES, *paths)]
        theirs = _written(other, publications.live(txn, other.key))
        for path, _ in _collisions([*ours, *theirs]):
            raise InvalidInput(
                f"{publication} and {other} both write dists/{path}",
                hint="publish one of them in another place",
            )


def _written(publication: Publication, live: Generation | None) -> list[str]:
    root = f"{publication.distribution}/"
    indexes = live.indexes if live else {}
    stored = (path for path, index in indexes.items() if index.stored)
    return [root + path for path in (*RELEASES, *stored)]

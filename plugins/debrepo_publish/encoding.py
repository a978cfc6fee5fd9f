"""Encoding: how aptly's clients spell prefixes, distributions and publications."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo_publish.model.publication import one_place

if TYPE_CHECKING:
    from debrepo_publish.operations import Shown

_DROPPED = ("..", "$", "`")
_KINDS = {"repo": "local"}
_SCHEMES = {"fs": "filesystem"}


def decode(segment: str) -> str:
    """Return what a segment of a path stands for: ``_`` is a slash, ``__`` an underscore."""
    return clean(segment.replace("_", "/").replace("//", "_")) or "."


def clean(text: str) -> str:
    """Return ``text`` without what aptly takes out of names."""
    for dropped in _DROPPED:
        text = text.replace(dropped, "")
    return text.lstrip("/")


def place(segment: str) -> str:
    """Return the storage and prefix that a segment of a path stands for, as publications do."""
    return one_place(decode(segment))


def plain(shown: Shown) -> dict[str, object]:
    """Return a publication as clients read it."""
    publication = shown.publication
    scheme, colon, name = publication.storage.partition(":")
    storage = f"{_SCHEMES.get(scheme, scheme)}{colon}{name}"
    path = f"{storage}:{publication.prefix}" if storage else publication.prefix
    sources = sorted(publication.sources.items())
    kind = sources[0][1].partition(":")[0] if sources else "snapshot"
    return {
        "AcquireByHash": publication.acquire_by_hash,
        "Architectures": _architectures(shown),
        "ButAutomaticUpgrades": "yes" if publication.but_automatic_upgrades else "",
        "Codename": publication.codename,
        "Distribution": publication.distribution,
        "Label": publication.label,
        "MultiDist": publication.multi_dist,
        "NotAutomatic": "yes" if publication.not_automatic else "",
        "Origin": publication.origin,
        "Path": f"{path}/{publication.distribution}",
        "Prefix": publication.prefix,
        "SignedBy": publication.signed_by,
        "SkipContents": not publication.contents,
        "SourceKind": _KINDS.get(kind, kind),
        "Sources": plain_sources(publication.sources),
        "Storage": storage,
        "Suite": publication.suite,
        "Version": publication.version,
    }


def plain_sources(sources: dict[str, str]) -> list[dict[str, str]]:
    """Return what the components of a publication are made of, sorted."""
    return [
        {"Component": component, "Name": source.partition(":")[2]}
        for component, source in sorted(sources.items())
    ]


def _architectures(shown: Shown) -> list[str]:
    """Return the architectures as asked for, else those that are live."""
    if shown.publication.architectures:
        return sorted(set(shown.publication.architectures))
    live = (g for g in shown.generations if g.number == shown.publication.live)
    parts = (part for generation in live for part in generation.parts.values())
    return sorted({name for part in parts for name in part.architectures} - {"all"})

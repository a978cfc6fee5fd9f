"""Spelling: prefixes, distributions and publications as in aptly's API."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from debrepo.session import Session

_DROPPED = ("..", "$", "`")
_KINDS = {"repo": "local"}
_SCHEMES = {"fs": "filesystem"}


def decode(segment: str) -> str:
    """Return what a segment of a path stands for: ``_`` is a slash, ``__`` an underscore."""
    return clean(segment.replace("_", "/").replace("//", "_")) or "."


def clean(text: str) -> str:
    """Return ``text`` without the characters that aptly removes from names."""
    for dropped in _DROPPED:
        text = text.replace(dropped, "")
    return text.lstrip("/")


def place(session: Session, segment: str) -> str:
    """Return the storage and prefix that a segment of a path stands for, as publications do."""
    return session.spelled("place", decode(segment))


def publication_object(session: Session, distribution: str, where: str) -> dict[str, object]:
    """Return a publication as clients read it."""
    shown = session.call("publish.show", distribution=distribution, place=where, past=False)
    publication = shown.publication
    live = (g.parts for g in shown.generations if g.number == publication.live)
    served = {name for parts in live for part in parts.values() for name in part.architectures}
    scheme, colon, name = publication.storage.partition(":")
    storage = f"{_SCHEMES.get(scheme, scheme)}{colon}{name}"
    path = f"{storage}:{publication.prefix}" if storage else publication.prefix
    sources = sorted(publication.sources.items())
    kind = sources[0][1].partition(":")[0] if sources else "snapshot"
    return {
        "AcquireByHash": publication.acquire_by_hash,
        "Architectures": sorted(set(publication.architectures) or served - {"all"}),
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
        **({"Options": publication.options} if publication.options else {}),
    }


def plain_sources(sources: Mapping[str, str]) -> list[dict[str, str]]:
    """Return what the components of a publication are made of, sorted."""
    return [
        {"Component": component, "Name": source.partition(":")[2]}
        for component, source in sorted(sources.items())
    ]

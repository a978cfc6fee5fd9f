"""What a mirror is asked to have, held against what archives, URLs and queries can be."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from debrepo.arguments import no_such
from debrepo.errors import InvalidInput
from debrepo.fitting import Misfit, fitter
from debrepo.package import check_architecture
from debrepo_mirror.mirror import BY_HASH, DOWNLOADS, STATE, Mirror

if TYPE_CHECKING:
    from collections.abc import Mapping

    from debrepo.config import Config

_LONGEST = 2000  # characters of a URL
_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9+._~:-]*")
_FINGERPRINT = re.compile(r"[0-9A-F]{40}|[0-9A-F]{64}")
_NOT_FLAT = ("components", "udebs", "installer", "appstream", "translations")


def changed(mirror: Mirror, options: Mapping[str, Any]) -> Mirror:
    """Return a mirror with properties replaced, of which ``None`` leaves one as it is.

    The URL is no option: who may set it is for a scope of its own to say.
    """
    given = {name: value for name, value in options.items() if value is not None}
    known = set(Mirror._fields) - STATE - {"url"}
    for name in sorted(given.keys() - known):
        raise no_such(f"a mirror has no property {name[:40]!r} that can be set", name, known)
    tuples = {name: tuple(value) for name, value in given.items() if isinstance(value, list)}
    try:
        found: Mirror = fitter(Mirror)(mirror._replace(**{**given, **tuples}))
    except Misfit as misfit:
        raise InvalidInput(f"mirror {mirror.name}: {misfit}") from None
    return found


def checked(config: Config, mirror: Mirror) -> Mirror:
    """Return a mirror as it is stored; raise `InvalidInput` for what cannot be."""
    distribution = check_distribution(mirror.distribution)
    mirror = mirror._replace(
        url=check_url(mirror.url),
        distribution=distribution,
        components=tuple(dict.fromkeys(map(_component, mirror.components))),
        architectures=tuple(dict.fromkeys(map(_architecture, mirror.architectures))),
        fingerprints=tuple(dict.fromkeys(map(_fingerprint, mirror.fingerprints))),
        filter=mirror.filter.strip(),
    )
    if mirror.flat:
        for name in _NOT_FLAT:
            if getattr(mirror, name):
                raise InvalidInput(
                    f"{mirror.distribution} is a flat repository, and has no {name}",
                    hint="a distribution without a slash at its end is one below dists/",
                )
    elif mirror.without_release:
        raise InvalidInput("only a flat repository can do without a Release file")
    if mirror.verbatim:
        _check_verbatim(mirror)
    if mirror.filter or mirror.pins:
        from debrepo_mirror.choosing import check_queries  # and queries with it

        check_queries(config, mirror)
    _check_word("download", mirror.download, DOWNLOADS)
    _check_word("by-hash", mirror.by_hash, BY_HASH)
    if mirror.max_tries < 0:
        raise InvalidInput("the number of attempts cannot be below 0")
    return mirror


_NOT_VERBATIM = {
    "filter": "a filter",
    "latest": "the newest versions alone",
    "pins": "pins",
    "installer": "installer images",
    "without_release": "no Release file",
}


def _check_verbatim(mirror: Mirror) -> None:
    """Raise `InvalidInput` where a mirror could not have what its archive has signed."""
    for name, what in _NOT_VERBATIM.items():
        if getattr(mirror, name):
            raise InvalidInput(
                f"mirror {mirror.name} cannot be verbatim with {what}",
                hint="it has all that its archive has signed, or is no verbatim one: --no-verbatim",
            )


def _check_word(what: str, word: str, words: tuple[str, ...]) -> None:
    if word not in words:
        raise InvalidInput(
            f"{what} cannot be {word[:40]!r}", hint=f"use one of: {', '.join(words)}"
        )


def check_url(url: str) -> str:
    """Return the URL of an archive root, with a slash at its end; it has to be without secrets."""
    shown = re.sub(r"//[^/]*@", "//", url)[:200]
    if len(url) > _LONGEST or " " in url or not url.isprintable():
        raise InvalidInput(f"not a URL: {shown!r}")
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise InvalidInput(f"not a URL: {shown!r}: {error}") from None
    if not parts.scheme or not (parts.netloc or parts.scheme == "file"):
        raise InvalidInput(
            f"not the URL of an archive: {shown!r}",
            hint="use one such as http://mirror.example.org/debian",
        )
    if "@" in parts.netloc:
        raise InvalidInput(
            f"the URL {shown!r} has a user name or a password in it, which would be stored",
            hint="configure mirror.credentials.NAME, and use --credentials NAME, or auth.conf",
        )
    if parts.query or parts.fragment:
        raise InvalidInput(f"the URL of an archive has no ? and no #: {shown!r}")
    return url.rstrip("/") + "/"


def check_distribution(distribution: str) -> str:
    """Return a distribution; one that ends in a slash, or begins with a dot, is a directory."""
    parts = distribution.strip("/").split("/")
    flat = distribution.startswith(".") or distribution.endswith("/")
    if flat and parts[0] in {"", "."}:
        parts = parts[1:]
    if not (flat or all(parts)) or not all(map(_PART.fullmatch, parts)):
        raise InvalidInput(
            f"not a distribution: {distribution[:80]!r}",
            hint="use a name such as bookworm, or ./ for a flat repository",
        )
    return "/".join([".", *parts, ""]) if flat else "/".join(parts)


def _component(name: str) -> str:
    if not all(map(_PART.fullmatch, name.split("/"))):
        raise InvalidInput(f"not a component: {name[:80]!r}", hint="use a name such as main")
    return name


def _architecture(name: str) -> str:
    if name in {"source", "all"}:
        hint = "use --with-sources" if name == "source" else "packages for all come with any other"
        raise InvalidInput(f"{name} is no architecture of a machine", hint=hint)
    return check_architecture(name)


def _fingerprint(text: str) -> str:
    plain = re.sub(r"[\s:]", "", text).upper().removeprefix("0X")
    if not _FINGERPRINT.fullmatch(plain):
        raise InvalidInput(
            f"not a fingerprint: {text[:80]!r}", hint="use all 40 digits, as gpg --fingerprint says"
        )
    return plain

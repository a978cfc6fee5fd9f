"""Documents: what a publication may say of itself, and what it says unless told otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from debrepo.errors import InvalidInput
from debrepo_publish.model.publication import COMPRESSIONS, SUMS, Publication

if TYPE_CHECKING:
    from collections.abc import Mapping

    from debrepo.config import Config


def defaults(config: Config) -> dict[str, Any]:
    """Return the fields that the configuration sets for new publications."""
    return {
        "architectures": config["architectures"],
        "origin": config["publish.origin"],
        "label": config["publish.label"],
        "compressions": config["publish.compressions"],
        "sums": config["publish.sums"],
        "keep_generations": config["publish.keep_generations"],
        "grace": parse_duration(config["publish.grace"]),
        "skip_signing": config["publish.skip_signing"],
        "contents": not config["publish.skip_contents"],
    }


def changed(publication: Publication, options: Mapping[str, Any] | None) -> Publication:
    """Return the publication with other fields; ``skip_bz2`` is one of its compressions less."""
    fields = dict(options or {})
    if fields.pop("skip_bz2", False):
        given = fields.get("compressions", publication.compressions)
        fields["compressions"] = tuple(name for name in given if name != "bz2")
    return publication._replace(**fields)


#: What rolling back leaves as it is.
_KEPT = ("keys", "skip_signing", "valid_for", "keep_generations", "grace", "live", "pending")


def rolled_back(now: Publication, old: Publication, there: Mapping[str, str]) -> Publication:
    """Return a publication as it was; ``there`` are those of its sources that still exist."""
    sources = {
        name: there.get(name) or now.sources.get(name, source)
        for name, source in old.sources.items()
    }
    return old._replace(sources=sources, **{name: getattr(now, name) for name in _KEPT})


def checked(publication: Publication) -> Publication:
    """Return the publication; raise `InvalidInput` where no archive could be like that."""
    for what, given, known in (
        ("compression", publication.compressions, COMPRESSIONS),
        ("sum", publication.sums, SUMS),
    ):
        unknown = [name for name in given if name not in known]
        if unknown or not given:
            raise InvalidInput(
                f"no {what} called {', '.join(unknown) or 'nothing'}",
                hint=f"there are: {', '.join(known)}",
            )
    if not {"sha256", "sha512"} & set(publication.sums):
        raise InvalidInput("apt needs a strong sum", hint="list sha256 or sha512 among the sums")
    for name in ("origin", "label", "suite", "codename", "version", "description", "signed_by"):
        if not str(getattr(publication, name)).isprintable():
            raise InvalidInput(f"{name} has to be one line of text")
    if publication.but_automatic_upgrades and not publication.not_automatic:
        raise InvalidInput("ButAutomaticUpgrades needs NotAutomatic", hint="add --notautomatic=yes")
    return publication


_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


def parse_duration(text: str) -> int:
    """Return the seconds that ``14d``, ``12h`` or ``90s`` are; a bare number is seconds."""
    number, unit = (text[:-1], text[-1:]) if text[-1:] in _UNITS else (text, "s")
    if not number.isdecimal():
        raise InvalidInput(
            f"not a length of time: {text!r}", hint="write it as 90s, 30m, 12h, 14d or 2w"
        )
    return int(number) * _UNITS[unit]

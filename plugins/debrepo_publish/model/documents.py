"""Documents: the options of a publication, their defaults and their checks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from debrepo import fitting
from debrepo.arguments import no_such
from debrepo.errors import InvalidInput
from debrepo_publish.model import dated
from debrepo_publish.model import options as extras
from debrepo_publish.model.publication import (
    CHECKSUMS,
    COMPRESSIONS,
    Publication,
    check_component,
    check_distribution,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from debrepo.config import Config
    from debrepo.options import PublicationOption


def defaults(config: Config, carried: Iterable[tuple[str, str]] = ()) -> dict[str, Any]:
    """Return the fields that the configuration sets for new publications.

    ``carried`` are Release fields that all packages come with: see `debrepo.package.CARRIED`.
    """
    release = dict(carried)
    not_automatic = release.get("NotAutomatic") == "yes"
    return {
        "architectures": config["architectures"],
        "origin": config["publish.origin"] or release.get("Origin", ""),
        "not_automatic": not_automatic,
        "but_automatic_upgrades": not_automatic and release.get("ButAutomaticUpgrades") == "yes",
        "label": config["publish.label"],
        "compressions": config["publish.compressions"],
        "sums": config["publish.sums"],
        "keep_generations": config["publish.keep_generations"],
        "grace": config.seconds("publish.grace"),
        "index_grace": config.seconds("publish.index_grace"),
        "snapshots": dated.checked(config["publish.snapshots"]),
        "skip_signing": config["publish.skip_signing"],
        "contents": not config["publish.skip_contents"],
    }


def changed(
    publication: Publication,
    options: Mapping[str, Any] | None,
    declared: Mapping[str, PublicationOption],
) -> Publication:
    """Return the publication with other fields; ``skip_bz2`` is one of its compressions less.

    What is given keys is signed, unless ``skip_signing`` is given as well. Options that plugins
    declare stand among the others, or in a table of their own below ``options``.
    Raise `InvalidInput` for what is no option, or of another type than the field.
    """
    fields = dict(options or {})
    given = {name: fields.pop(name) for name in [*fields] if name in declared}
    own = extras.given(fields.pop("options", {}), given, declared)
    skip_bz2 = fields.pop("skip_bz2", False)
    types = fitting.hints(Publication)
    for name, value in fields.items():
        if name not in types or name in _NO_OPTIONS:
            known = [*types.keys() - _NO_OPTIONS, "skip_bz2"]
            raise no_such(f"a publication has no option {name[:80]!r}", name, known)
        try:
            fitting.fitter(types[name])(value)
        except fitting.Misfit as misfit:
            raise InvalidInput(f"the option {name}: {misfit}") from None
    if own:
        fields["options"] = dict(sorted((publication.options | own).items()))
    if skip_bz2:
        chosen = fields.get("compressions", publication.compressions)
        fields["compressions"] = tuple(name for name in chosen if name != "bz2")
    if "aliases" in fields:  # an empty one takes all of them back
        fields["aliases"] = tuple(name for name in fields["aliases"] if name)
    if publication.omitted:  # until somebody says what they are to be
        still = (name for name in publication.omitted if name.lower() not in fields)
        fields["omitted"] = tuple(still)
    if fields.get("keys"):
        fields.setdefault("skip_signing", False)
    found: Publication = publication._replace(**fields)
    return _verbatim(found, options or {}) if found.verbatim else found


#: Fields that say which publication it is, and what clients see: no option changes them.
_NO_OPTIONS = {
    "storage", "prefix", "distribution", "live", "omitted", "pending", "old_defaults",
}  # fmt: skip
#: A file's name has at most 255 characters: ``Contents-udeb-ARCHITECTURE.zst``.
_ARCHITECTURE = re.compile(r"[a-z0-9][a-z0-9-]{0,236}")


#: What the archive has signed, or decided, of a verbatim publication.
_GIVEN = (
    "architectures", "but_automatic_upgrades", "codename", "compressions", "description", "keys",
    "label", "multi_dist", "not_automatic", "origin", "signed_by", "skip_signing", "snapshots",
    "suite", "sums", "valid_for", "version",
)  # fmt: skip


def _verbatim(publication: Publication, options: Mapping[str, Any]) -> Publication:
    """Return a verbatim publication; raise `InvalidInput` for what only its archive can decide."""
    for name in (*_GIVEN, "changelogs", "only", "pdiffs", "release_field", "translations"):
        if options.get(name) or publication.options.get(name):
            raise InvalidInput(
                f"a verbatim publication is as its archive has signed it: it takes no {name}",
                hint="publish it without --verbatim, and debrepo signs it",
            )
    return publication._replace(
        keys=(),
        skip_signing=False,
        valid_for=0,
        architectures=(),
        multi_dist=False,
        snapshots="",
    )


#: Fields that a rollback does not change.
_KEPT = (
    "keys", "skip_signing", "valid_for", "keep_generations", "grace", "index_grace", "live",
    "pending", "old_defaults", "snapshots",
)  # fmt: skip


def rolled_back(now: Publication, old: Publication, there: Mapping[str, str]) -> Publication:
    """Return a publication as it was; ``there`` are those of its sources that still exist."""
    if old.verbatim or now.verbatim:
        raise InvalidInput(
            f"{now} is verbatim: clients ignore a Release file that the archive has signed before"
            " the one that they know",
            hint="publish a snapshot of the mirror, which debrepo signs",
        )
    sources = {
        name: there.get(name) or now.sources.get(name, source)
        for name, source in old.sources.items()
    }
    return old._replace(sources=sources, **{name: getattr(now, name) for name in _KEPT})


def _check_alias(publication: Publication, alias: str) -> None:
    """Raise `InvalidInput` for an alias that apt would warn of: it compares what it asked for.

    What follows the last slash does not count for it.
    """
    own = publication.distribution
    known = {publication.suite or own, publication.codename or own}
    wanted = alias.rpartition("/")[0] or alias
    if alias == own or publication.aliases.count(alias) > 1:
        raise InvalidInput(f"{alias} is named twice", hint="an alias is another distribution")
    if alias.startswith(f"{own}/") or own.startswith(f"{alias}/"):
        raise InvalidInput(
            f"{alias} and {own} are in each other's way", hint="choose another alias"
        )
    if wanted not in known:
        raise InvalidInput(
            f"apt warns of {alias}: it is neither Suite nor Codename of {publication}",
            hint=f"add --suite {wanted}, or --codename {wanted}",
        )


#: A hundred years in seconds; dates far beyond that cannot be written down.
_GREATEST = 100 * 31_557_600


def checked(publication: Publication) -> Publication:
    """Return the publication; raise `InvalidInput` if it cannot be published."""
    for what, given, known in (
        ("compression", publication.compressions, COMPRESSIONS),
        ("checksum", publication.sums, CHECKSUMS),
    ):
        unknown = [name for name in given if name not in known]
        if unknown or not given:
            raise InvalidInput(
                f"no {what} called {', '.join(unknown) or 'nothing'}",
                hint=f"there are: {', '.join(known)}",
            )
    if not {"sha256", "sha512"} & set(publication.sums):
        raise InvalidInput("apt needs a strong checksum", hint="add sha256 or sha512")
    for component in publication.sources:
        check_component(component)
    odd = [name for name in publication.architectures if not _ARCHITECTURE.fullmatch(name)]
    if odd:
        raise InvalidInput(f"no architecture is called {odd[0][:80]!r}", hint="such as: amd64")
    dated.checked(publication.snapshots)
    for alias in publication.aliases:
        _check_alias(publication, check_distribution(alias))
    for name in ("valid_for", "keep_generations", "grace", "index_grace"):
        if getattr(publication, name) < 0:
            raise InvalidInput(f"{name} cannot be negative")
        if getattr(publication, name) > _GREATEST:
            raise InvalidInput(f"{name} cannot be more than {_GREATEST}")
    for name in ("origin", "label", "suite", "codename", "version", "description", "signed_by"):
        if not getattr(publication, name).isprintable():
            raise InvalidInput(f"{name} has to be one line of text")
    if publication.but_automatic_upgrades and not publication.not_automatic:
        raise InvalidInput("ButAutomaticUpgrades needs NotAutomatic", hint="add --notautomatic=yes")
    return publication

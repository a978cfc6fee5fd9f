"""New and changed mirrors: what is asked for is held against what the archive has."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from debrepo.errors import InvalidInput
from debrepo_mirror import access, choices
from debrepo_mirror.mirror import Mirror
from debrepo_mirror.written import ppa

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from debrepo.session import Session

#: What Release is read for again when it changes.
_UPSTREAM = (
    "url", "distribution", "components", "architectures", "without_release", "credentials",
    "keyrings", "keys", "fingerprints", "ignore_signatures",
)  # fmt: skip


def new(
    session: Session,
    name: str,
    url: str,
    distribution: str,
    components: Sequence[str],
    options: Mapping[str, Any],
) -> Mirror:
    """Return a mirror as it is asked for."""
    config = session.config
    if url.startswith(ppa.PREFIX):
        if distribution or components:
            raise InvalidInput(
                "a ppa: archive says itself which distribution and components it has",
                hint="configure mirror.ppa_codename, or use the URL of the archive",
            )
        url, distribution, components = ppa.read(config, url)
    if not distribution:
        raise InvalidInput(
            f"no distribution for mirror {name}",
            hint="name one after the URL, or ./ if there is none",
        )
    mirror = Mirror(
        name,
        str(uuid4()),
        url,
        distribution,
        tuple(components),
        tuple(config["architectures"]),
        config["mirror.sources"],
        ignore_signatures=config["mirror.ignore_signatures"],
        created=now(),
    )
    mirror = choices.checked(config, choices.changed(mirror, options))
    access.check(session, mirror)
    return mirror


def now() -> str:
    """Return the time as mirrors keep it."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def edited(session: Session, before: Mirror, url: str | None, options: Mapping[str, Any]) -> Mirror:
    """Return a mirror with properties replaced, held against its archive where they name others."""
    moved = before if url is None else before._replace(url=url)
    after = choices.checked(session.config, choices.changed(moved, options))
    if after.url.startswith(ppa.PREFIX):
        raise InvalidInput("a mirror cannot become one of a ppa: archive", hint="create another")
    access.check(session, after)
    if all(getattr(before, name) == getattr(after, name) for name in _UPSTREAM):
        return after
    return verified(session, after._replace(etag="", modified=""))


def verified(session: Session, mirror: Mirror) -> Mirror:
    """Return a mirror with what its archive says, once that was verified."""
    from debrepo_mirror import upstream

    release = upstream.read_release(session, mirror)
    mirror = mirror._replace(release=release.fields, signers=release.signers)
    if not mirror.flat:
        there = [_plain(mirror.distribution, one) for one in release.components]
        wanted = [_plain(mirror.distribution, one) for one in mirror.components]
        if there and not mirror.skip_component_check:
            _check_there(mirror, "component", wanted, there, "--force-components")
        mirror = mirror._replace(components=tuple(wanted or there or ["main"]))
    wanted = list(mirror.architectures)
    if release.architectures and not mirror.skip_architecture_check:
        there = list(release.architectures)
        _check_there(mirror, "architecture", wanted, there, "--force-architectures")
    wanted = wanted or list(release.architectures)
    if not wanted:
        raise InvalidInput(
            f"{mirror.root} does not say which architectures it has", hint="use --architectures"
        )
    return mirror._replace(architectures=tuple(wanted))


def _plain(distribution: str, component: str) -> str:
    """Return a component without what it repeats of a distribution such as bookworm/updates."""
    return component.removeprefix(distribution.partition("/")[2] + "/")


def _check_there(
    mirror: Mirror, what: str, wanted: Iterable[str], there: Sequence[str], option: str
) -> None:
    for name in wanted:
        if name not in there:
            raise InvalidInput(
                f"{mirror.root} has no {what} {name}",
                hint=f"it has: {' '.join(there[:20])}; {option} creates the mirror nevertheless",
            )

"""Health: whether the unit of the server allows the storages that are configured."""

from __future__ import annotations

import shlex
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from debrepo.health import Checkup, Concern
from debrepo_setup import units

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from debrepo.session import Session


def checkups(session: Session) -> Iterator[Checkup]:
    """Yield how the unit is, if this machine has one for this root."""
    try:
        settings = units.lines_of(units.SERVICE)
    except OSError as error:
        concern = Concern("warning", f"cannot be read: {error.strerror}")
        yield Checkup("unit", units.SERVICE, (concern,))
        return
    if f"DEBREPO_ROOT={session.root}" in _values(settings, "Environment"):
        yield Checkup("unit", units.SERVICE, tuple(_concerns(session, settings)))


def _concerns(session: Session, settings: Sequence[tuple[str, str]]) -> Iterator[Concern]:
    protected = [value for name, value in settings if name == "ProtectSystem"]
    if not protected or protected[-1] != "strict":
        return
    written = [Path(path.lstrip("-+")) for path in _values(settings, "ReadWritePaths")]
    written += [Path("/var/lib", name) for name in _values(settings, "StateDirectory")]
    for name, path in [("the root", session.root), *units.storages(session)]:
        if not any(path.is_relative_to(allowed) for allowed in written):
            yield Concern(
                "error",
                f"does not allow to write to {path}, where {name} is",
                'run "debrepo setup-server" again, or add it to ReadWritePaths',
            )


def _values(settings: Sequence[tuple[str, str]], wanted: str) -> list[str]:
    """Return the values of a setting that is a list; an empty line empties it."""
    found: list[str] = []
    for name, value in settings:
        if name == wanted:
            with suppress(ValueError):  # systemd ignores such a line
                found = [*found, *shlex.split(value.replace("%%", "%"))] if value else []
    return found

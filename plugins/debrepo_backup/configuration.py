"""Configuration: what a backup holds of it, without secrets."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from debrepo.session import Session

NAME = "debrepo.toml"


class Configuration(NamedTuple):
    """The text of a configuration file, and the settings whose values were taken out."""

    text: bytes
    blanked: tuple[str, ...]


def without_secrets(session: Session) -> Configuration | None:
    """Return the configuration file; ``None`` if there is none, or secrets cannot be taken out."""
    path = session.config_path or session.root / NAME
    secrets = {
        row.name: str(row.value)
        for row in session.config
        if row.secret and row.value and row.origin == str(path)
    }
    try:
        text = path.read_text(encoding="utf-8")
    except OSError:
        return None
    blank = text
    for value in secrets.values():
        blank = re.sub(rf"""(["']){re.escape(value)}\1""", '""', blank)
    if _blanked(tomllib.loads(text), secrets) != tomllib.loads(blank):
        session.progress.note(
            f"Warning: {path} is left out: a secret in it is spelt in a way that is not understood."
        )
        return None
    return Configuration(blank.encode(), tuple(sorted(secrets)))


def _blanked(tree: Mapping[str, Any], names: Collection[str], start: str = "") -> dict[str, Any]:
    """Return a configuration as TOML has it with empty values for some names."""
    return {
        key: _blanked(value, names, f"{start}{key}.")
        if isinstance(value, dict)
        else ("" if f"{start}{key}" in names else value)
        for key, value in tree.items()
    }

"""Settings: the configuration of another tool, as debrepo's configuration file has it."""

from __future__ import annotations

import os
import tomllib
from typing import TYPE_CHECKING, Any

from debrepo.errors import InvalidInput, cannot_write
from debrepo_import.report import Remark

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from debrepo.session import Session


def keep(session: Session, wanted: Mapping[str, Any], remarks: Sequence[Remark]) -> list[Remark]:
    """Write a configuration file where there is none; say which settings one that is there lacks.

    Only its owner can read it: settings may be secret.
    """
    found = list(remarks)
    path = session.config_path or session.root / "debrepo.toml"
    if not wanted:
        return found
    if not path.exists():
        _write(path, wanted)
        return found
    there = _flat(_read(path), "")
    for name, value in sorted(wanted.items()):
        if name not in there:
            shown = _shown(name, value)
            found.append(Remark("note", f"setting {name}", f"{path} does not have it: {shown}"))
        elif there[name] != value:
            text = f"{path} has another value; it would be {_shown(name, value)}"
            found.append(Remark("note", f"setting {name}", text))
    return found


def _shown(name: str, value: Any) -> str:
    secret = any(word in name for word in ("secret", "password", "token"))
    return "(secret)" if secret else written_value(value)


def _write(path: Path, wanted: Mapping[str, Any]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(written(wanted))
    except OSError as error:
        raise cannot_write(path, error) from error


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidInput(f"cannot read {path}: {error}") from None


def _flat(table: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in table.items():
        if isinstance(value, dict):
            found |= _flat(value, f"{prefix}{name}.")
        else:
            found[prefix + name] = value
    return found


def written(wanted: Mapping[str, Any]) -> str:
    """Return settings as a configuration file has them."""
    tables: dict[str, list[str]] = {}
    for name, value in sorted(wanted.items()):
        table, _, key = name.rpartition(".")
        tables.setdefault(table, []).append(f"{key} = {written_value(value)}\n")
    parts = []
    for table, lines in sorted(tables.items()):
        head = ".".join(_word(part) for part in table.split("."))
        parts.append((f"[{head}]\n" if table else "") + "".join(lines))
    return "\n".join(parts)


def _word(part: str) -> str:
    plain = part.replace("-", "").replace("_", "")
    return part if plain.isascii() and plain.isalnum() else written_value(part)


def written_value(value: Any) -> str:
    """Return a value in TOML."""
    from json import dumps  # whose texts and lists TOML reads

    return dumps(value, ensure_ascii=False)

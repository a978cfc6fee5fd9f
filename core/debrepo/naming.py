"""Naming: what plugins call their settings and tables must be theirs alone."""

from __future__ import annotations

import re
from itertools import combinations
from typing import TYPE_CHECKING, Any

from debrepo.errors import PluginError
from debrepo.refs import Operation, Setting, TableRef, answers, without

if TYPE_CHECKING:
    from collections.abc import Iterable

_NAMED, _STRAY = re.compile(r"\{\w+\}"), re.compile(r"[{}]")  # braces of a scope
#: What a setting, or an option, can be.
TYPES = (str, bool, int, tuple)


def check_tables(hook: Any) -> None:
    """Raise `PluginError` for a table whose name does not begin with that of its plugin."""
    for plugin, tables in answers(hook, TableRef):
        own = plugin.replace("-", "_")
        for table in tables:
            start, _, rest = table.name.partition(".")
            if start.replace("-", "_") != own or not rest:
                raise PluginError(
                    f"the plugin {plugin} declares the table {table.name},"
                    f" whose name has to begin with {own}.",
                    hint=without(plugin),
                )


def check_settings(hook: Any, known: Iterable[Setting]) -> None:
    """Raise `PluginError` for what is no setting, or two that one key or variable could mean."""
    settings = list(known)
    _check_shapes(hook, settings)
    names = [setting.name for setting in settings]
    clash = _twice_spelled(names) or _overlapping(names)
    if clash is None:
        return
    first, second, said = clash
    owners = {one.name: plugin for plugin, brought in answers(hook, Setting) for one in brought}
    one, other = (f"the plugin {owners[n]}" if n in owners else "core" for n in (first, second))
    raise PluginError(
        f"{one} declares the setting {first}, and {other} {second}: {said}",
        hint=without(owners.get(second) or owners[first]),
    )


def check_default(plugin: str, what: str, default: object) -> None:
    """Raise `PluginError` for a default whose type no setting, and no option, can have."""
    if not _is_default(default):
        raise PluginError(
            f"the plugin {plugin} declares {what} with the default {default!r:.80}, which is none"
            " of: text, true or false, a whole number, a tuple of texts",
            hint=without(plugin),
        )


def check_scopes(hook: Any, operations: Iterable[Operation]) -> None:
    """Raise `PluginError` for an operation whose scope is missing, or cannot be filled in."""
    wrong = {
        one.name for one in operations if not one.scopes or _STRAY.search(_NAMED.sub("", one.scope))
    }
    for plugin, brought in answers(hook, Operation) if wrong else ():
        for one in brought:
            if one.name in wrong:
                raise PluginError(
                    f"the operation {one.name} of plugin {plugin} has no scope that can be granted:"
                    f" {one.scope!r}",
                    hint=without(plugin),
                )


def _is_default(default: object) -> bool:
    texts = default if isinstance(default, tuple) else ()
    return type(default) in TYPES and all(isinstance(text, str) for text in texts)


def _check_shapes(hook: Any, settings: list[Setting]) -> None:
    """Raise `PluginError` for a setting that no file could give, or none of its type."""
    if all(_is_default(one.default) and _is_key(one.name) for one in settings):
        return
    for plugin, brought in answers(hook, Setting):
        for one in brought:
            check_default(plugin, f"the setting {one.name}", one.default)
            if not _is_key(one.name):
                raise PluginError(
                    f"the plugin {plugin} cannot call a setting {one.name!r}",
                    hint=without(plugin),
                )


def _is_key(name: str) -> bool:
    """Return whether a file can have a key: words, dots between them, without blanks."""
    return name.isprintable() and " " not in name and all(name.split("."))


def _twice_spelled(names: Iterable[str]) -> tuple[str, str, str] | None:
    """Return two names that have one spelling in the environment."""
    found: dict[str, str] = {}
    for name in names:
        spelled = name.upper().replace(".", "_").replace("-", "_")
        if (other := found.setdefault(spelled, name)) is not name:
            return other, name, f"both are DEBREPO_{spelled} in the environment"
    return None


def _overlapping(names: Iterable[str]) -> tuple[str, str, str] | None:
    """Return two names that one key fits, or one that no key fits."""
    shapes: dict[tuple[int, ...], list[list[str]]] = {}
    for name in names:
        parts = name.split(".")
        stars = [at for at, part in enumerate(parts) if "*" in part]
        if any(parts[at] != "*" for at in stars):
            return name, name, "a * stands for a whole part between dots"
        shapes.setdefault((len(parts), *stars), []).append(parts)
    for (length, *stars), (others_length, *others) in combinations(shapes, 2):
        if length != others_length:
            continue
        free = {*stars, *others}
        seen = {_fixed(p, free): p for p in shapes[length, *stars]}
        for parts in shapes[others_length, *others]:
            if (other := seen.get(_fixed(parts, free))) is not None:
                return ".".join(other), ".".join(parts), "a key could be either"
    return None


def _fixed(parts: list[str], free: set[int]) -> str:
    """Return the parts of a name that no ``*`` of another one stands for."""
    return ".".join(part for at, part in enumerate(parts) if at not in free)

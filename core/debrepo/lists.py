"""Package lists, as one plugin sees those of another: by kind and name, through hooks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from debrepo.errors import InUse, InvalidInput, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pluggy import HookRelay

    from debrepo.database import Transaction
    from debrepo.package import Link, PackageList

_NAME = re.compile(r"[^\s/:\0-\x1f\x7f][^/:\0-\x1f\x7f]{0,199}")


def check_name(name: str) -> str:
    """Return ``name``; raise `InvalidInput` unless a list can be called so."""
    if not _NAME.fullmatch(name) or name in {".", ".."} or name != name.strip():
        raise InvalidInput(
            f"{name[:80]!r} cannot be a name",
            hint="use up to 200 characters, no slash, no colon, no control characters",
        )
    return name


def parse(text: str, kind: str) -> tuple[str, str]:
    """Return kind and name of the list that ``text`` names: ``name``, or ``kind:name``."""
    named, colon, name = text.partition(":")
    return (named, name) if colon else (kind, text)


def get(hook: HookRelay, txn: Transaction, kind: str, name: str) -> PackageList:
    """Return the package list of this kind and name; raise `NotFound` where there is none."""
    found: PackageList | None = hook.debrepo_package_list(txn=txn, kind=kind, name=name)
    if found is None:
        raise NotFound(f"no plugin has package lists of the kind {kind!r}")
    return found


def agreed(found: Iterable[PackageList]) -> tuple[tuple[str, str], ...]:
    """Return the Release fields that all of these package lists have alike."""
    every = [set(one.release) for one in found]
    return tuple(sorted(set.intersection(*every))) if every else ()


def users(hook: HookRelay, txn: Transaction, target: PackageList) -> list[Link]:
    """Return the links to what was made from a list, or serves it."""
    batches = hook.debrepo_links(txn=txn)
    return sorted(link for batch in batches for link in batch if link.source == str(target))


def check_unused(
    hook: HookRelay, txn: Transaction, target: PackageList, *, force: bool = False
) -> None:
    """Raise `InUse` while something was made from a list; ``force`` allows it for weak links."""
    holding = [link for link in users(hook, txn, target) if link.firm or not force]
    if not holding:
        return
    names = ", ".join(link.target.replace(":", " ", 1) for link in holding[:5])
    names += ", …" if len(holding) > 5 else ""
    kind, _, name = str(target).partition(":")
    if any(link.firm for link in holding):
        raise InUse(f"{kind} {name} is served by {names}", hint=_unserve(holding[0].target))
    raise InUse(f"{kind} {name} is used by {names}", hint="use --force to drop it nevertheless")


def _unserve(target: str) -> str:
    """Return the hint for what serves a list; in other places its name has several readings."""
    _, here, distribution = target.partition("publication:./")
    return f'run "debrepo publish {f"drop {distribution}" if here else "list"}"'

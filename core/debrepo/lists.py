"""Package lists, as one plugin sees those of another: by kind and name, through hooks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from debrepo.errors import InUse, InvalidInput, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pluggy import HookRelay

    from debrepo.database import Transaction
    from debrepo.package import Link, PackageList

_MOST = 5  # users of a list that an error names
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
    using = users(hook, txn, target)
    serving = [link.target for link in using if link.firm]
    made = [link.target for link in using if not link.firm]
    if not serving and (force or not made):
        return
    kind, _, name = str(target).partition(":")
    hint = f"--force drops it nevertheless: {_named(made)} keep what they have"
    if len(made) == 1:
        hint = hint.replace(" keep what they have", " keeps what it has")
    if serving:
        ignored = f"; --force ignores only {_named(made)}" if made else ""
        hint = _unserve(serving[0]) + ignored
    raise InUse(f"{kind} {name} is used by {_named([*serving, *made])}", hint=hint)


def _named(targets: Sequence[str]) -> str:
    """Return the first few things that use a list, in words."""
    shown = ", ".join(target.replace(":", " ", 1) for target in targets[:_MOST])
    return f"{shown} and {len(targets) - _MOST} more" if len(targets) > _MOST else shown


def _unserve(target: str) -> str:
    """Return the hint for what serves a list; in other places its name has several readings."""
    _, here, distribution = target.partition("publication:./")
    return f'run "debrepo publish {f"drop {distribution}" if here else "list"}"'

"""Downloads from the published trees: which files are hidden, and from whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo.errors import DebrepoError, NotFound
from debrepo_gitlab.containers import CONTAINERS, NUMBERS, open_grants
from debrepo_gitlab.contributions import check_shown
from debrepo_gitlab.distributions import DISTRIBUTIONS

if TYPE_CHECKING:
    from debrepo.database import Transaction
    from debrepo.permissions import Caller
    from debrepo_gitlab.containers import Container


def check(txn: Transaction, path: str, caller: Caller) -> None:
    """Raise `NotFound` if a published file belongs to what is hidden, or was dropped."""
    nothing = NotFound(f"nothing is published at {path[:200]}")
    parts = path.split("/")
    kind, number = parts[0].removesuffix("s"), parts[1] if len(parts) > 1 else ""
    found = txn[CONTAINERS].get(f"{kind}:{number}")
    if found is None:
        if _was_given(txn, kind, number):
            raise nothing
        return
    scope = found.scope("read")
    if not caller.may(scope) and scope not in open_grants(found, anonymous=caller.anonymous):
        raise nothing
    try:
        _check_tree(txn, found, parts[2:])
    except DebrepoError as error:
        raise nothing from error


def _check_tree(txn: Transaction, found: Container, below: list[str]) -> None:
    codename = below[1] if below[:1] == ["dists"] and len(below) > 1 else ""
    if codename and f"{found.key}\0{codename}" not in txn[DISTRIBUTIONS]:
        raise NotFound(f"{found.name} has no distribution {codename}")
    check_shown(txn, found, codename)


def _was_given(txn: Transaction, kind: str, number: str) -> bool:
    """Return whether a project or group that is gone had this number."""
    if not number.isascii() or not number.isdecimal() or len(number) > 17:
        return False
    return int(number) <= txn[NUMBERS].get(kind, 0)

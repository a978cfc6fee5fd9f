"""What can be done with overrides: functions on a session, which open the transactions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo import lists
from debrepo.errors import InvalidInput, NotFound
from debrepo_override import files, overrides
from debrepo_override.overrides import Override

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from debrepo.session import Session


def set_(
    session: Session, name: str, package: str, fields: Mapping[str, str], *, kind: str = "deb"
) -> list[Override]:
    """Give packages of a repository other fields; return all overrides of these packages."""
    if not fields:
        raise InvalidInput("there is no field to set", hint="such as: Section=net")
    new = [
        overrides.checked(Override(kind, package, field, value)) for field, value in fields.items()
    ]
    with session.db.write() as txn:
        lists.get(session.hook, txn, "repo", name)  # raises NotFound
        overrides.put(txn, name, [*overrides.all_of(txn, name), *new])
        found = list(overrides.all_of(txn, name))
    return [one for one in found if (one.kind, one.package) == (kind, package)]


def list_(session: Session, name: str) -> list[Override]:
    """Return the overrides of a repository, sorted."""
    with session.db.read() as txn:
        lists.get(session.hook, txn, "repo", name)
        return list(overrides.all_of(txn, name))


def drop(
    session: Session, name: str, package: str, fields: Sequence[str] = (), *, kind: str = "deb"
) -> int:
    """Drop the overrides of a package, or some of them; return how many there were."""
    wanted = {field.lower() for field in fields}
    with session.db.write() as txn:
        lists.get(session.hook, txn, "repo", name)
        found = list(overrides.all_of(txn, name))
        gone = [
            one
            for one in found
            if (one.kind, one.package) == (kind, package)
            and (not wanted or one.field.lower() in wanted)
        ]
        if not gone:
            raise NotFound(
                f"{name} has no such override of {package}",
                hint=f'run "debrepo repo override list {name}"',
            )
        overrides.put(txn, name, [one for one in found if one not in gone])
    return len(gone)


def import_(
    session: Session,
    name: str,
    text: str,
    *,
    kind: str = "deb",
    form: str = "columns",
    replace: bool = False,
) -> int:
    """Add what an override file says, or with ``replace`` have nothing else of this kind."""
    new = files.parse(text, kind, form)
    with session.db.write() as txn:
        lists.get(session.hook, txn, "repo", name)
        found = [one for one in overrides.all_of(txn, name) if one.kind != kind or not replace]
        overrides.put(txn, name, [*found, *new])
    return len(new)

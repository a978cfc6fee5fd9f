"""Announcing: what other plugins are told of projects, groups and distributions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo_gitlab import containers, distributions

if TYPE_CHECKING:
    from collections.abc import Iterable

    from debrepo.database import Transaction
    from debrepo.session import Session
    from debrepo_gitlab.containers import Container

#: What they are called in hooks: package lists of groups have the kind ``group``.
_KINDS = {"project": "project", "group": "project-group"}


def of_container(container: Container) -> tuple[str, str]:
    """Return the kind and the name of a project or group, as other plugins know it."""
    return _KINDS[container.kind], container.path


def of_distribution(container: Container, codename: str) -> tuple[str, str]:
    """Return the kind and the name of a distribution, as other plugins know it."""
    return "distribution", f"{container.name}/{codename}"


def created(session: Session, txn: Transaction, kind: str, name: str) -> None:
    """Tell plugins of something new, in the transaction that stores it."""
    session.hook.debrepo_created(session=session, txn=txn, kind=kind, name=name)


def dropped(session: Session, txn: Transaction, kind: str, name: str) -> None:
    """Tell plugins of what is dropped, in the transaction that removes it."""
    session.hook.debrepo_dropped(session=session, txn=txn, kind=kind, name=name)


def below(txn: Transaction, container: Container) -> list[Container]:
    """Return a project or group, and what is below a group."""
    is_group = container.kind == "group"
    return [
        one
        for one in containers.list_(txn)
        if one.key == container.key or (is_group and containers.is_below(one, container))
    ]


def renamed(session: Session, txn: Transaction, before: Iterable[Container]) -> None:
    """Tell plugins which projects, groups and distributions have new names now."""
    for old in before:
        new = containers.get(txn, f"{old.kind}:{old.id}")
        if new.path == old.path:
            continue
        moved = [(of_container(old), of_container(new))]
        moved += [
            (of_distribution(old, found.codename), of_distribution(new, found.codename))
            for found in distributions.list_(txn, new)
        ]
        for (kind, was), (_, now) in moved:
            session.hook.debrepo_renamed(session=session, txn=txn, kind=kind, old=was, new=now)

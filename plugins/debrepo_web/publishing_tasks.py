"""What the tasks of publishing do: each is a function that a server may run later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from debrepo.session import Session


class PublishedResult(Protocol):
    """The result of a publish, as far as a task tells it."""

    @property
    def generation(self) -> int: ...
    @property
    def changed(self) -> bool: ...
    @property
    def packages(self) -> int: ...


def create(
    session: Session, distribution: str, place: str, kind: str, source: str, component: str
) -> None:
    """Publish a package list for the first time."""
    _tell(
        session,
        session.call(
            "publish.create",
            kind=kind,
            names=[source],
            place=place,
            distribution=distribution,
            components=[component] if component else [],
        ),
    )


def update(session: Session, distribution: str, place: str) -> None:
    """Publish what the package lists hold now."""
    _tell(session, session.call("publish.update", distribution=distribution, place=place))


def switch(session: Session, distribution: str, place: str, sources: Mapping[str, str]) -> None:
    """Publish other package lists, which are all of one kind."""
    named = [source.partition(":")[::2] for source in sources.values()]
    for kind in dict.fromkeys(kind for kind, _ in named):
        parts = [part for part, source in sources.items() if source.startswith(f"{kind}:")]
        result = session.call(
            "publish.switch",
            distribution=distribution,
            place=place,
            kind=kind,
            names=[sources[part].partition(":")[2] for part in parts],
            components=parts,
        )
        _tell(session, result)


def promote(
    session: Session, distribution: str, place: str, source: str, components: Sequence[str]
) -> None:
    """Make dated snapshots, and switch to them."""
    done = session.call(
        "publish.promote",
        source=source,
        distribution=distribution,
        place=place,
        components=components,
    )
    for snapshot in done.snapshots:
        session.progress.note(f"Created snapshot {snapshot}.")
    if not done.snapshots:
        session.progress.note("Nothing has changed: it serves the same packages already.")


def rollback(session: Session, distribution: str, place: str, generation: int) -> None:
    """Publish an older generation again."""
    result = session.call(
        "publish.rollback", distribution=distribution, place=place, generation=generation
    )
    _tell(session, result)


def drop(session: Session, distribution: str, place: str) -> None:
    """Drop a publication, and delete the files that only it needs."""
    session.call("publish.drop", distribution=distribution, place=place)


def _tell(session: Session, result: PublishedResult) -> None:
    if result.changed:
        said = f"Generation {result.generation} is live, with {result.packages} packages."
    else:
        said = "Nothing has changed."
    session.progress.note(said)


#: What tasks are called, and what they do, by the operation.
TASKS: dict[str, tuple[str, Callable[..., None]]] = {
    "create": ("Publish", create),
    "update": ("Publish", update),
    "switch": ("Switch", switch),
    "promote": ("Promote to", promote),
    "rollback": ("Roll back", rollback),
    "drop": ("Drop publication", drop),
}

#: Those that may be done again when they may have been done: nothing is left to do then.
RESUMABLE = frozenset({"update", "switch"})

"""Beginnings: what a publication is before it is published for the first time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo import lists
from debrepo.errors import InvalidInput
from debrepo_publish.model import documents
from debrepo_publish.model.publication import (
    Publication,
    check_component,
    check_distribution,
    split_place,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from debrepo.session import Session


def begin(
    session: Session,
    kind: str,
    names: Sequence[str],
    place: str = "",
    *,
    distribution: str = "",
    components: Sequence[str] = (),
) -> Publication:
    """Return the publication of package lists of a ``kind``, each as one component.

    Distribution and components are those that the lists say, unless they are given; the
    configuration has all else.
    """
    storage, prefix = split_place(place)
    with session.db.read() as txn:
        found = [lists.get(session.hook, txn, kind, name) for name in names]
    named = list(components) or [""] * len(names)
    if len(named) != len(names):
        raise InvalidInput(
            f"{len(names)} lists to publish, but {len(named)} components",
            hint="name one component for each list: --component main,contrib",
        )
    sources: dict[str, str] = {}
    for target, given in zip(found, named, strict=True):
        component = check_component(given or target.component or "main")
        if component in sources:
            raise InvalidInput(
                f"two lists for the component {component}", hint="tell them apart with --component"
            )
        sources[component] = str(target)
    guesses = {target.distribution for target in found}
    name = distribution or (guesses.pop() if len(guesses) == 1 else "")
    if not name:
        raise InvalidInput("cannot tell the distribution", hint="name it with --distribution")
    return Publication(
        storage,
        prefix,
        check_distribution(name),
        sources,
        **documents.defaults(session.config, lists.agreed(found)),
    )

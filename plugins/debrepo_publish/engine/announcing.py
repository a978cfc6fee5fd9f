"""Announcing: what other plugins are told of a publication, before and after it changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo.notices import tell
from debrepo.package import PackageList
from debrepo.published import PublicationState
from debrepo.stopping import watching
from debrepo_publish.model.publication import commit_path

if TYPE_CHECKING:
    from collections.abc import Iterable

    from debrepo.session import Session
    from debrepo_publish.engine.plan import Plan
    from debrepo_publish.model.publication import Generation, Publication

#: The kind under which publications are created and dropped, beside those of package lists.
KIND = "publication"


def shown(publication: Publication, generation: Generation) -> PublicationState:
    """Return a generation as other plugins see it."""
    components = {}
    for component, part in sorted(generation.parts.items()):
        kind, _, name = part.source.partition(":")
        components[component] = PackageList(kind, name, part.set_id, component)
    return PublicationState(
        publication.storage,
        publication.prefix,
        publication.distribution,
        generation.number,
        components,
        generation.architectures,
        publication.origin,
        publication.label,
        publication.suite,
        publication.codename,
        publication.options,
    )


def ask(session: Session, plan: Plan, release: bytes, *, force: bool) -> None:
    """Let plugins stop a publish: any error that they raise does."""
    session.hook.debrepo_before_commit(
        session=session,
        publication=str(plan.publication),
        before=shown(plan.previous.publication, plan.previous) if plan.previous else None,
        after=shown(plan.publication, plan.generation),
        release=release,
        force=force,
    )


def announce(
    session: Session,
    publication: Publication,
    before: Generation | None,
    after: Generation | None,
    paths: Iterable[str],
) -> None:
    """Tell plugins which paths of a publication have changed for clients, if any have.

    ``before`` and ``after`` are the generations that were and are live; ``None`` for none.
    """
    changed = frozenset(paths)
    if not changed:
        return
    with watching(None):
        tell(
            session,
            "debrepo_published",
            publication=str(publication),
            generation=after.number if after else 0,
            before=shown(before.publication, before) if before else None,
            after=shown(publication, after) if after else None,
            paths=changed,
        )


def names(publication: Publication, generation: Generation) -> list[str]:
    """Return the plain names of a generation, as the storage knows them."""
    root = f"dists/{publication.distribution}/"
    paths = [root + path for path, index in generation.indexes.items() if index.stored]
    return [publication.path(path) for path in (*paths, commit_path(publication))]

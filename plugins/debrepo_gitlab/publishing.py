"""Publishing distributions: several uploads make one publish."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from debrepo.errors import DebrepoError, InUse, NotFound
from debrepo.packageset import EMPTY
from debrepo_gitlab import (
    announcing,
    containers,
    contributions,
    distributions,
    documents,
    group_lists,
    listings,
    packages,
)
from debrepo_gitlab.distributions import DISTRIBUTIONS
from debrepo_gitlab.refusals import NoDistribution, NotPublished, Withheld

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from debrepo.database import Transaction
    from debrepo.leases import Lease
    from debrepo.session import Session
    from debrepo_gitlab.containers import Container
    from debrepo_gitlab.distributions import Distribution

_QUIET = 0.3  # seconds without an upload before a publish
_PATIENCE = 2.0  # seconds that an upload waits at most, until they do
_BETWEEN = 1.0  # seconds between two publishes at least
_READERS_PATIENCE = 10.0  # seconds that a reader waits for a publish at most
_BEFORE_LEASE = 0.1  # seconds within which the publish that a change needs begins


class PublishedDistribution(NamedTuple):
    """Result of a publish."""

    container: str
    codename: str
    generation: int
    changed: bool


def hold(session: Session, key: str) -> AbstractContextManager[Lease]:
    """Take the lease on changing and publishing a distribution."""
    return session.leases.hold(_lease_name(key))


def _lease_name(key: str) -> str:
    return "gitlab " + key.replace("\0", " ")


def settle(session: Session, key: str, wanted: int) -> bool:
    """Wait until uploads pause; return whether there is something to publish."""
    started = time.monotonic()
    before = -1
    while True:
        with session.db.read() as txn:
            found = txn[DISTRIBUTIONS].get(key)
        if found is None or found.published >= max(found.changed, wanted):
            return False
        waited = time.monotonic() - started
        recent = 0 <= time.time() - found.published_at < _BETWEEN and waited < _BETWEEN
        if not recent and (found.changed == before or waited > _PATIENCE):
            return True
        before = found.changed
        time.sleep(_QUIET)


def publish(session: Session, container: Container, codename: str) -> PublishedDistribution:
    """Publish a distribution, and drop what it no longer needs."""
    key = f"{container.key}\0{codename}"
    with hold(session, key):
        gathered = None
        if container.kind == "group":
            gathered = group_lists.gather(session, container, codename)
        with session.db.read() as txn:
            container = containers.get(txn, container.key)  # its keys may have changed
            found = distributions.get(txn, container, codename)
        if gathered:  # projects may have changed since
            found = found._replace(changed=gathered.changed)
        found = _with_keys(session, container, found)
        result = _publish(session, container, found)
        if gathered and gathered.withdrawn:
            _purge(session, container, found)
            group_lists.discard(session, container, codename, gathered)
        for name in session.db.update(lambda txn: _record(session, txn, found)):
            with suppress(NotFound, InUse):  # it is published elsewhere, too
                session.call("repo.drop", name=name, force=True)
    if container.kind == "project":
        listings.refresh(session, container)
    return PublishedDistribution(container.name, codename, result.generation, result.changed)


def _record(session: Session, txn: Transaction, done: Distribution) -> list[str]:
    """Record a publish; return the repositories of removed components that are empty now."""
    now = txn[DISTRIBUTIONS].get(done.key)
    if now is None:
        return []
    empty = [name for name in now.kept.values() if packages.held(session, txn, name) == EMPTY]
    kept = {component: name for component, name in now.kept.items() if name not in empty}
    published = max(now.published, done.changed)
    after = now._replace(published=published, published_at=time.time(), kept=kept)
    distributions.put(txn, after._replace(live=(*done.components,)))
    return empty


def place_of(session: Session, container: Container) -> str:
    """Return the place where the distributions of a project or group are published."""
    storage = session.config["gitlab.storage"]
    return f"{storage}:{container.prefix}" if storage else container.prefix


def _publish(session: Session, container: Container, found: Distribution) -> Any:
    place = place_of(session, container)
    options = _options(session, found)
    kind = "repo" if container.kind == "project" else "group"
    sources = {
        component: group_lists.list_name(found, component) if kind == "group" else name
        for component, name in found.components.items()
    }
    try:
        session.call("publish.show", distribution=found.codename, place=place, past=False)
    except NotFound:
        return session.call(
            "publish.create",
            kind=kind,
            names=list(sources.values()),
            place=place,
            distribution=found.codename,
            components=list(sources),
            options=options,
        )
    named = {component: f"{kind}:{name}" for component, name in sources.items()}
    return session.call(
        "publish.update",
        distribution=found.codename,
        place=place,
        options={**options, "sources": named},
    )


def _purge(session: Session, container: Container, found: Distribution) -> None:
    """Delete what only past generations need, whatever time they have left.

    They hold packages of projects that the group may not show any more.
    """
    codename, place = found.codename, place_of(session, container)
    before = session.call("publish.show", distribution=codename, place=place, past=False)
    kept = {name: getattr(before.publication, name) for name in ("grace", "keep_generations")}
    for options in (dict.fromkeys(kept, 0), kept):
        session.call("publish.update", distribution=codename, place=place, options=options)


def follow(session: Session) -> None:
    """Publish the distributions of groups whose projects are others than those published.

    Until then nobody can read what a group may not show any more.
    """
    with session.db.read() as txn:
        due = contributions.outdated(session.hook, txn)
    failed: list[str] = []
    for group, codename in due:
        try:
            publish(session, group, codename)
        except NotFound:  # it was dropped meanwhile
            continue
        except DebrepoError as error:
            failed.append(f"{codename} of group {group.path}: {error}")
    if failed:
        raise NotPublished(
            f"the change is made, but groups cannot be published: {'; '.join(failed)}",
            hint='run "debrepo distribution publish group:GROUP CODENAME"',
        )


def wait_until_shown(session: Session, container: Container, codename: str = "") -> None:
    """Wait while a group is published without what it may not show any more.

    Raise `Withheld` if nobody is publishing it, or not in time. apt does not try again.
    """
    started = time.monotonic()
    while True:
        try:
            with session.db.read() as txn:
                contributions.check_shown(txn, container, codename)
        except Withheld:
            waited = time.monotonic() - started
            lease = _lease_name(f"{container.key}\0{codename}").rstrip()
            at_work = any(one.what.startswith(lease) for one in session.leases.held())
            if waited > _READERS_PATIENCE or (waited > _BEFORE_LEASE and not at_work):
                raise
            time.sleep(_BEFORE_LEASE)
            continue
        return


def resume(session: Session) -> None:
    """Publish what changed before a process was killed, or could not be published then."""
    with session.db.read() as txn:
        due = distributions.unpublished(txn)
    held = {lease.what for lease in session.leases.held()}
    for container, codename in due:
        if _lease_name(f"{container.key}\0{codename}") in held:  # somebody is publishing it
            continue
        session.progress.note(f"Publishing {codename} of {container.name}...")
        try:
            publish(session, container, codename)
        except NotFound:  # it was dropped meanwhile
            continue
        except DebrepoError as error:
            session.progress.note(f"cannot publish {codename} of {container.name}: {error}")
    try:
        follow(session)
    except NotPublished as error:
        session.progress.note(str(error))


def _options(session: Session, found: Distribution) -> dict[str, Any]:
    """Return the fields of the publication that its distribution sets."""
    config = session.config
    strict = config["gitlab.strict"]
    return {
        # With "source", clients that ask for sources find an index where there are none, too.
        "architectures": ("source", *(a for a in found.architectures if a != "all")),
        "origin": found.origin or config["publish.origin"],
        "label": found.label or config["publish.label"],
        "suite": found.suite,
        "codename": found.codename,
        "version": found.version,
        "description": " ".join(found.description.split()),
        "valid_for": found.valid_for,
        "keys": found.keys,
        **({"skip_signing": True} if config["publish.skip_signing"] else {}),
        "compressions": ("plain",) if strict else tuple(config["gitlab.compressions"]),
        "contents": not strict and not config["publish.skip_contents"],
    }


def _with_keys(session: Session, container: Container, found: Distribution) -> Distribution:
    """Return the distribution with its signing keys; make a key if there is none."""
    if session.config["publish.skip_signing"] or (found.keys and not container.keys):
        return found
    keys = container.keys
    if not keys:
        keys = (_key_of_its_own(session, container, found),)
    if keys == found.keys:
        return found

    def store(txn: Any) -> None:
        now = txn[DISTRIBUTIONS][found.key]
        txn[DISTRIBUTIONS][found.key] = now._replace(keys=keys)

    session.db.update(store)
    return found._replace(keys=keys)


def _key_of_its_own(session: Session, container: Container, found: Distribution) -> str:
    """Return a key for a distribution: a new one, or what a killed publish has made."""
    mark = f" #{found.id}"  # numbers are given once, and paths may change
    for key in session.call("key.list"):
        if not key.fault and any(one.endswith(mark) for one in key.user_ids):
            return str(key.fingerprint)
    made = session.call(
        "key.create",
        name=f"{container.path} {found.codename}{mark}",
        algorithm=session.config["gitlab.key_algorithm"],
    )
    return str(made.fingerprint)


def take_down(session: Session, container: Container, codename: str) -> None:
    """Drop the publication of a distribution and the repositories that only it uses."""
    with session.db.read() as txn:
        found = distributions.get(txn, container, codename)
    with hold(session, found.key):
        with session.db.read() as txn:
            now = txn[DISTRIBUTIONS].get(found.key)
        if now is None:
            raise NoDistribution(f"{container.name} has no distribution {codename}")
        place = place_of(session, container)
        with suppress(NotFound):
            session.call("publish.drop", distribution=now.codename, place=place)
        if container.kind == "project":
            for name in now.repos:
                with suppress(NotFound):
                    session.call("repo.drop", name=name, force=True)
        with session.db.write() as txn:
            distributions.remove(txn, now)
            announcing.dropped(session, txn, *announcing.of_distribution(container, now.codename))
            documents.remove_all(txn, now)
            contributions.check_all(txn)
            txn.note(f"distribution:{container.name}/{now.codename}", str(now.id), "")

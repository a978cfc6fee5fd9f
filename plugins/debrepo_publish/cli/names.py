"""Shell completion of distributions, places and package lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from debrepo.cli.completion import Name, list_names
from debrepo.refs import claimed
from debrepo_publish.model.tables import PUBLICATIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from debrepo.session import Session
    from debrepo_publish.model.publication import Publication


def _published(session: Session) -> list[Publication]:
    with session.db.read() as txn:
        return list(txn[PUBLICATIONS].values())


def _distributions(session: Session, _: Mapping[str, Any]) -> Iterable[str]:
    return (publication.distribution for publication in _published(session))


def _places(session: Session, typed: Mapping[str, Any]) -> Iterable[str]:
    """Return the places where the distribution on the command line is published."""
    wanted = typed.get("distribution")
    published = _published(session)
    return (p.place for p in published if not wanted or p.distribution == wanted)


def published_names(session: Session) -> Iterable[str]:
    """Return publications as ``PLACE/DISTRIBUTION``."""
    return map(str, _published(session))


def _storages(session: Session) -> list[str]:
    schemes = claimed(session.hook.debrepo_storages, "storage scheme")
    config = session.config
    return [f"{scheme}:{name}:" for scheme in schemes for name in config.names(f"storage.{scheme}")]


def _keys(session: Session, _: Mapping[str, Any]) -> Iterable[str]:
    return (key.fingerprint for key in session.call("key.list"))


def publishable(kind: str) -> Name:
    """Return the type of the arguments of a first publish: lists of a kind, then a place."""
    return Name(
        lambda session, typed: [
            *list_names(session, kind),
            *(_storages(session) if typed.get("names") else ()),
            *(_places(session, {}) if typed.get("names") else ()),
        ]
    )


DISTRIBUTION = Name(_distributions)
PLACE = Name(_places)
KEY = Name(_keys)
#: The arguments of a switch: a place, which is optional, then snapshots.
SWITCHED = Name(lambda session, typed: [*list_names(session, "snapshot"), *_places(session, typed)])

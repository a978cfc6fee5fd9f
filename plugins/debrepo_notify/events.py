"""Events: what has happened, as targets are told of it."""

from __future__ import annotations

import json
import secrets
import time
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from debrepo import __version__
from debrepo.errors import InvalidInput
from debrepo.package import PackageKey
from debrepo_notify import deliveries
from debrepo_notify.deliveries import COUNTS, Delivery
from debrepo_notify.targets import configured

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from debrepo.arrival import JudgedUpload, RefusedPackage
    from debrepo.database import Transaction
    from debrepo.package import Entry, PackageList
    from debrepo.published import PublicationState
    from debrepo.session import Session

VERSION = 1  #: of the format of bodies; fields may be added without a new one
_MOST = 500  # packages or paths in a body
_LONGEST = 100_000  # characters of these
_LONGEST_REASON = 1000


def queue(
    session: Session, txn: Transaction, event: str, kind: str, name: str, **data: Any
) -> None:
    """Queue an event for all targets that want it, in the transaction of the change.

    ``old`` among the data is another name of the same thing.
    """
    now = time.time()
    names = [name, f"{kind}:{name}"]
    names += [data["old"], f"{kind}:{data['old']}"] if "old" in data else []
    try:
        wanting = [t.name for t in configured(session.config) if t.wants(event, names)]
    except InvalidInput as error:  # which must not undo what is being done
        session.progress.note(f"Warning: nobody is notified of {event}: {error}.")
        return
    text = ""
    for target in wanting:
        if txn[COUNTS].get("queued", 0) >= session.config["notify.max_queued"]:
            session.progress.note(f"Warning: {target} is not notified: the queue is full.")
            deliveries.count(txn, "lost", 1)
            continue
        text = text or body(session, event, {"kind": kind, "name": name, **data}, now)
        id_ = new_id()
        deliveries.put(txn, Delivery(id_, target, event, f"{kind}:{name}", text, now, now))


def body(session: Session, event: str, data: dict[str, Any], now: float) -> str:
    """Return the body that tells of an event."""
    at = datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds")
    whole = {
        "type": event,
        "timestamp": at.replace("+00:00", "Z"),
        "version": VERSION,
        "actor": session.actor,
        "debrepo": __version__,
        "data": data,
    }
    return json.dumps(whole, separators=(",", ":"))


def new_id() -> str:
    """Return an id that no other delivery has."""
    return f"msg_{secrets.token_hex(12)}"


def changed(
    session: Session, target: PackageList, added: Collection[Entry], removed: Collection[Entry]
) -> None:
    """Queue that a package list has changed."""
    data: dict[str, Any] = {}
    for what, entries in (("added", added), ("removed", removed)):
        data[what] = _some(str(PackageKey.from_entry(entry)) for entry in sorted(entries))
        data[f"{what}_count"] = len(entries)
    _queue_now(session, f"{target.kind}.changed", target.kind, target.name, data)


def were_refused(session: Session, target: PackageList, refused: Sequence[RefusedPackage]) -> None:
    """Queue that packages were kept out of a package list."""
    data: dict[str, Any] = {"refused": [], "refused_count": len(refused)}
    length = 0
    for one in refused[:_MOST]:
        said = {
            "package": str(one.package),
            "reason": one.reason[:_LONGEST_REASON],
            "source": one.arrival.source,
            "signers": list(one.arrival.signers),
        }
        length += len(str(said["package"])) + len(str(said["reason"]))
        if length > _LONGEST:
            break
        data["refused"].append(said)
    _queue_now(session, f"{target.kind}.refused", target.kind, target.name, data)


def judged(session: Session, upload: JudgedUpload) -> None:
    """Queue that an upload was included, or refused."""
    data = upload._asdict() | {
        "packages": _some(upload.packages),
        "packages_count": len(upload.packages),
        "reason": upload.reason[:_LONGEST_REASON],
    }
    event = "upload.refused" if upload.reason else "upload.included"
    _queue_now(session, event, "upload", data.pop("name"), data)


def published(
    session: Session,
    publication: str,
    before: PublicationState | None,
    after: PublicationState | None,
    paths: Collection[str],
) -> None:
    """Queue that clients see something else of a publication, or nothing any more."""
    state = after or before
    data: dict[str, Any] = {
        "generation": after.generation if after else 0,
        "previous": before.generation if before else 0,
        "paths": _some(sorted(paths)),
        "paths_count": len(paths),
    }
    if state is not None:
        data |= {
            "storage": state.storage,
            "prefix": state.prefix,
            "distribution": state.distribution,
            "suite": state.suite,
            "codename": state.codename,
            "architectures": list(state.architectures),
            "components": {name: str(target) for name, target in state.components.items()},
        }
    event = "publication.published" if after else "publication.unpublished"
    _queue_now(session, event, "publication", publication, data)


def _queue_now(session: Session, event: str, kind: str, name: str, data: dict[str, Any]) -> None:
    """Queue what was committed already, in a transaction that the audit log does not record."""
    session.whole.db.update(lambda txn: queue(session, txn, event, kind, name, **data))


def _some(texts: Iterable[str]) -> list[str]:
    """Return the first of many texts, so that no body is larger than receivers accept."""
    found: list[str] = []
    length = 0
    for text in islice(texts, _MOST):
        length += len(text)
        if length > _LONGEST:
            break
        found.append(text)
    return found

"""Updates: what is new in an archive comes into its mirror, in one step at the end."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

from debrepo import packageset
from debrepo.catalog import CHUNKS
from debrepo.transport import NOTHING_KNOWN, Validators
from debrepo.values import NamedTuple
from debrepo_mirror import mirrors
from debrepo_mirror.tables import STATE, below
from debrepo_mirror.upstream import connecting, reading
from debrepo_mirror.upstream.dates import expired, lasting
from debrepo_mirror.upstream.reading import RELEASE_FILES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from debrepo.database import Transaction
    from debrepo.session import Session
    from debrepo.transport import Transport
    from debrepo_mirror.mirror import Mirror
    from debrepo_mirror.upstream.reading import AskedRelease


class UpdateTerms(NamedTuple):
    """How an update goes about it; what mirrors say themselves of it is in `Mirror`."""

    force: bool = False  #: read everything again, even if nothing has changed upstream
    ignore_checksums: bool = False
    skip_existing_packages: bool = False
    download_limit: int = 0  #: KiB a second; 0: as configured
    allow_missing: bool = False
    dry_run: bool = False


class Updated(NamedTuple):
    """What an update has done, or would do."""

    mirror: Mirror
    size: int  #: in packages
    added: int = 0
    removed: int = 0
    files: int = 0  #: that were fetched, or would be
    fetched: int = 0  #: bytes
    changed: bool = True  #: False: upstream is as it was at the last update
    faults: int = 0
    missing: tuple[str, ...] = ()  #: files that upstream lists and does not have


def update(session: Session, name: str, terms: UpdateTerms, options: Mapping[str, Any]) -> Updated:
    """Bring a mirror up to date with its archive.

    ``options`` are properties of the mirror that are different for this update alone: see
    `choices.changed`. Where nothing is new upstream, one request finds out, nothing is read or
    written, and little is imported.
    """
    before, mirror, stamp = _planned(session, name, options)
    asked: AskedRelease | None = None
    with closing(connecting.connect(session, mirror, limit=terms.download_limit)) as transport:
        if stamp is not None and not terms.force and _may_be_unchanged(before, mirror):
            where, digest = stamp
            validators = Validators(before.etag, before.modified)
            limit = session.config["mirror.limits.release"]
            asked = reading.ask(transport, mirror, limit=limit, last=where, validators=validators)
            if asked.unchanged or (asked.data and asked.digest == digest):
                before = _recognized(session, before, asked)
                with session.db.read() as txn:
                    size = packageset.count(txn[CHUNKS], before.set_id)
                return Updated(before, size, changed=False)
        with session.leases.hold(
            f"mirror:{name}", note=lambda lease: session.progress.note(str(lease))
        ):
            now, mirror, _ = _planned(session, name, options)
            same = now == before
            return _run(session, transport, now, mirror, terms, asked if same else None)


def _recognized(session: Session, before: Mirror, asked: AskedRelease) -> Mirror:
    """Return a mirror with what its Release file is recognized by, if that was not known.

    It is not where the file was too new at the last update: see `dates.lasting`.
    """
    known = lasting(asked.validators)
    if asked.unchanged or before.etag or before.modified or known == NOTHING_KNOWN:
        return before

    def change(txn: Transaction) -> Mirror:
        after = before._replace(etag=known.etag, modified=known.modified)
        if mirrors.get(txn, before.name) == before:
            mirrors.put(txn, after)
        return after

    return session.db.update(change)


def _planned(
    session: Session, name: str, options: Mapping[str, Any]
) -> tuple[Mirror, Mirror, tuple[str, str] | None]:
    """Return a mirror as it is stored and as it is to be, and which Release file was seen last."""
    with session.db.read() as txn:
        before = mirrors.get(txn, name)
        stamps = [(file, txn[STATE].get(below(name, file))) for file in RELEASE_FILES]
    mirror = before
    if options:
        from debrepo_mirror import choices

        mirror = choices.checked(session.config, choices.changed(before, options))
    known = [(file, state.checksum) for file, state in stamps if state is not None]
    return before, mirror, known[0] if known else None


def _may_be_unchanged(before: Mirror, mirror: Mirror) -> bool:
    """Tell whether there is nothing to do if upstream is as it was."""
    if not before.updated or before.partial or before.choices != mirror.chosen:
        return False
    return mirror.ignore_dates or not expired(before.release_field("Valid-Until"))


def _run(
    session: Session,
    transport: Transport,
    before: Mirror,
    mirror: Mirror,
    terms: UpdateTerms,
    asked: AskedRelease | None,
) -> Updated:
    from debrepo_mirror import updating  # and much with it

    return updating.run(session, transport, before, mirror, terms, asked)

"""What can be done with mirrors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from debrepo import lists, packageset
from debrepo.catalog import CHUNKS
from debrepo.package import PackageKey
from debrepo.values import NamedTuple
from debrepo_mirror import mirrors
from debrepo_mirror.tables import MIRRORS, PROBLEMS, ArchiveFault, parts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager

    from debrepo.dependencies import Dependencies
    from debrepo.leases import Lease
    from debrepo.selection import Found
    from debrepo.session import Session
    from debrepo_mirror.mirror import Mirror
    from debrepo_mirror.sync import Updated


class ShownMirror(NamedTuple):
    """A mirror, with how many packages it holds, and which, if asked for."""

    mirror: Mirror
    size: int
    packages: tuple[PackageKey, ...] = ()
    faults: tuple[ArchiveFault, ...] = ()  #: of the archive, at the last update
    busy: str = ""  #: who updates or edits it at this moment
    pid: int = 0  #: the process that does


def create(
    session: Session,
    name: str,
    url: str,
    distribution: str = "",
    components: Sequence[str] = (),
    *,
    options: Mapping[str, Any] | None = None,
) -> Mirror:
    """Create a mirror, once the Release file of its archive was verified; fetch no packages.

    Without components, it has all that there are; the same for architectures. ``url`` can
    be ``ppa:user/project``; ``options`` are further properties of the mirror.
    """
    from debrepo_mirror import creating

    lists.check_name(name)
    with session.db.read() as txn:
        mirrors.check_free(txn, name)
    mirror = creating.verified(
        session, creating.new(session, name, url, distribution, components, options or {})
    )
    with session.db.write() as txn:
        mirrors.create(txn, mirror)
        session.hook.debrepo_created(session=session, txn=txn, kind="mirror", name=name)
    return mirror


def list_(session: Session, *, sort: str = "name") -> list[ShownMirror]:
    """Return all mirrors, sorted by ``name``, ``time`` of their last update, or ``size``."""
    busy = _busy(session)
    with session.db.read() as txn:
        found = [
            ShownMirror(
                mirror, packageset.count(txn[CHUNKS], mirror.set_id), **busy.get(mirror.name, {})
            )
            for mirror in txn[MIRRORS].values()
        ]
    if sort == "size":
        return sorted(found, key=lambda shown: -shown.size)
    return sorted(found, key=lambda shown: shown.mirror.updated) if sort == "time" else found


def show(
    session: Session, name: str, *, with_packages: bool = False, problems: bool = False
) -> ShownMirror:
    """Return one mirror; with ``problems``, what was wrong in its archive at the last update."""
    busy = _busy(session).get(name, {})
    with session.db.read() as txn:
        mirror = mirrors.get(txn, name)
        members = packageset.entries(txn[CHUNKS], mirror.set_id) if with_packages else ()
        faults = [fault for _, fault in parts(txn[PROBLEMS], name)] if problems else ()
        return ShownMirror(
            mirror,
            packageset.count(txn[CHUNKS], mirror.set_id),
            tuple(map(PackageKey.from_entry, members)),
            tuple(faults),
            **busy,
        )


def _busy(session: Session) -> dict[str, dict[str, Any]]:
    """Return by whom mirrors are updated or edited at this moment."""
    found = {}
    for lease in session.leases.held():
        kind, _, name = lease.what.partition(":")
        if kind == "mirror":
            found[name] = {"busy": str(lease), "pid": lease.pid}
    return found


def search(
    session: Session,
    name: str,
    queries: Sequence[str] = (),
    *,
    dependencies: Dependencies | None = None,
    architectures: Sequence[str] = (),
    latest: bool = False,
    details: bool = False,
) -> list[Found]:
    """Return the packages of a mirror that match any of the queries; all without one."""
    from debrepo import selection  # which `mirror list` can do without

    with session.db.read() as txn:
        return selection.search(
            session,
            txn,
            mirrors.package_list(txn, name).set_id,
            queries,
            dependencies=dependencies,
            architectures=architectures,
            latest=latest,
            details=details,
        )


def update(
    session: Session,
    name: str,
    *,
    options: Mapping[str, Any] | None = None,
    force: bool = False,
    ignore_checksums: bool = False,
    skip_existing_packages: bool = False,
    download_limit: int = 0,
    allow_missing: bool = False,
    dry_run: bool = False,
) -> Updated:
    """Bring a mirror up to date with its archive; its list changes at the end, in one step.

    ``options`` are properties of the mirror that are different for this update alone, such as
    ``latest``. ``force`` reads everything again, even if nothing has changed upstream.
    """
    from debrepo_mirror import sync  # which reading the database can do without

    terms = sync.UpdateTerms(
        force=force,
        ignore_checksums=ignore_checksums,
        skip_existing_packages=skip_existing_packages,
        download_limit=download_limit,
        allow_missing=allow_missing,
        dry_run=dry_run,
    )
    return sync.update(session, name, terms, options or {})


def edit(
    session: Session,
    name: str,
    *,
    url: str | None = None,
    options: Mapping[str, Any] | None = None,
) -> Mirror:
    """Edit the properties of a mirror; its packages change at the next update.

    Where another archive, or another part of it, is named, its Release file is verified first.
    """
    from debrepo_mirror import creating

    with _alone(session, name):
        with session.db.read() as txn:
            before = mirrors.get(txn, name)
        mirror = creating.edited(session, before, url, options or {})
        with session.db.write() as txn:
            mirrors.put(txn, mirror)
    return mirror


def rename(session: Session, name: str, new_name: str) -> None:
    """Rename a mirror, also where something refers to it."""
    lists.check_name(new_name)
    with _alone(session, name), session.db.write() as txn:
        mirrors.rename(txn, name, new_name)
        session.hook.debrepo_renamed(
            session=session, txn=txn, kind="mirror", old=name, new=new_name
        )


def drop(session: Session, name: str, *, force: bool = False) -> None:
    """Drop a mirror, unless something was created from it."""
    with _alone(session, name), session.db.write() as txn:
        target = mirrors.get(txn, name).package_list()
        lists.check_unused(session.hook, txn, target, force=force)
        mirrors.drop(txn, name)
        session.hook.debrepo_dropped(session=session, txn=txn, kind="mirror", name=name)


def _alone(session: Session, name: str) -> AbstractContextManager[Lease]:
    """Hold the lease on a mirror; raise `DatabaseBusy` at once while another has it."""
    return session.leases.hold(f"mirror:{name}", wait=0)

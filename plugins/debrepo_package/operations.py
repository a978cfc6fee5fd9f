"""What can be asked about packages, wherever they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo import catalog, selection
from debrepo.values import NamedTuple
from debrepo.version import sort_key
from debrepo_package.holding import holders

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from debrepo.dependencies import Dependencies
    from debrepo.package import Package
    from debrepo.selection import Found
    from debrepo.session import Session
    from debrepo_package.linting import Linted


class ShownPackage(NamedTuple):
    """A package, and, if asked for, where its files are and who refers to it."""

    package: Package
    files: tuple[Path, ...] = ()
    references: tuple[str, ...] = ()  #: package lists and publications, as ``kind:name``


def search(
    session: Session,
    queries: Sequence[str] = (),
    *,
    dependencies: Dependencies | None = None,
    architectures: Sequence[str] = (),
    latest: bool = False,
    details: bool = False,
) -> list[Found]:
    """Return the packages that any of the queries matches; all without a query."""
    with session.db.read() as txn:
        return selection.search(
            session,
            txn,
            None,
            queries,
            dependencies=dependencies,
            architectures=architectures,
            latest=latest,
            details=details,
        )


def show(
    session: Session, text: str, *, with_files: bool = False, with_references: bool = False
) -> list[ShownPackage]:
    """Return the packages that a query matches, the newest version of each name first."""
    wanted = selection.parse(session.config, [text])
    with session.db.read() as txn:
        entries = list(selection.members(txn, None, wanted))
        held = holders(session.hook, txn, entries) if with_references else {}
        shown = []
        for package in catalog.get_many(txn, entries):
            files = tuple(session.pool.path(f.sha256) for f in package.files) if with_files else ()
            shown.append(ShownPackage(package, files, held.get(package.key.entry, ())))
    newest = sorted(shown, key=lambda one: sort_key(one.package.key.version), reverse=True)
    return sorted(newest, key=lambda one: one.package.key.name)


def lint(
    session: Session, paths: Iterable[Path] = (), *, lists: Sequence[str] = ()
) -> Iterator[Linted]:
    """Yield what would keep each package out, and what is odd about it; nothing is changed.

    ``lists`` are repositories, or other package lists as ``kind:name``; of their packages, the
    files in the pool are read again.
    """
    from debrepo_package import linting

    return linting.lint(session, paths, lists)

"""What can be done for the data of an installation."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from debrepo.session import Session
    from debrepo_care.exporting import Exported
    from debrepo_care.rebuilding import Rebuilt
    from debrepo_care.repairing import PoolRepair


def repair(
    session: Session, places: Sequence[Path] = (), *, deep: bool = False, dry_run: bool = False
) -> PoolRepair:
    """Bring back files that the pool has lost, or that are damaged there.

    They come from directories given as ``places``, from publications, and from the archives of
    mirrors; each is verified. With ``deep`` every file is read to find damage.
    """
    from debrepo_care import repairing

    return repairing.repair(session, places, deep=deep, dry_run=dry_run)


def export(session: Session, target: Path, *, secrets: bool = False) -> Exported:
    """Write everything in the database to a new file, as lines of JSON; ``-`` is standard output.

    ``secrets`` are the hashes of tokens.
    """
    from debrepo_care import exporting

    if str(target) != "-":
        return exporting.to_file(session, target, secrets=secrets)
    import sys

    done = exporting.export(session, sys.stdout.buffer.write, secrets=secrets)
    sys.stdout.buffer.flush()
    return done


def import_(session: Session, source: Path) -> Exported:
    """Make the database of this root, which has none, from what `export` has written."""
    from debrepo_care import exporting

    if str(source) != "-":
        return exporting.from_file(session, source)
    import sys

    return exporting.import_(session, sys.stdin.buffer, "standard input")


def rebuild(
    session: Session, roots: Sequence[Path] = (), *, pool: bool = False, published: bool = False
) -> Rebuilt:
    """Make repositories of what published trees list, and of what else the pool has.

    The trees are those at ``roots``, or those in the storages of this machine. The database must
    have nothing but what an earlier call has made.
    """
    from debrepo_care import rebuilding

    return rebuilding.rebuild(session, roots, pool=pool, published=published)

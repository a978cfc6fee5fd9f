"""What the pool plugin brings: a place for package files in a storage, and a cache of them here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo import BackgroundJob, Command, Operation, Setting, TableRef, hookimpl

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from debrepo.database import Transaction
    from debrepo.health import Checkup
    from debrepo.session import Session

_EVERY = 300.0  # seconds


@hookimpl
def debrepo_settings() -> list[Setting]:
    return [
        Setting(
            "pool.storage",
            "",
            "Storage to move package files to, such as s3:NAME:prefix; empty: they stay here",
        ),
        Setting("pool.cache", 10 << 30, "Bytes of package files to keep on this machine as well"),
        Setting(
            "pool.shared",
            False,
            "Whether other nodes use the same place; then nothing is deleted there",
        ),
    ]


@hookimpl
def debrepo_tables() -> list[TableRef]:
    return [
        TableRef("pool.moved", 1, "debrepo_pool.tables:MOVED", ahead=1),
        TableRef("pool.unwanted", 1, "debrepo_pool.tables:UNWANTED"),
    ]


@hookimpl
def debrepo_commands() -> list[Command]:
    return [Command("pool", "debrepo_pool.cli:pool", "Move package files to another storage.")]


@hookimpl
def debrepo_operations() -> list[Operation]:
    return [
        Operation(
            "pool.move",
            "debrepo_pool.operations:move",
            "Move package files to pool.storage, and keep a cache of them here.",
            "admin",
            "pool move",
            long=True,
        )
    ]


@hookimpl
def debrepo_background() -> dict[str, BackgroundJob]:
    return {
        "pool": BackgroundJob(
            "debrepo_pool.moving:background",
            _EVERY,
            "Move package files to pool.storage, where one is configured.",
            alone=False,  # each node has files of its own
        )
    }


@hookimpl
def debrepo_remote_files(txn: Transaction) -> Iterable[str]:
    from debrepo_pool.tables import MOVED

    return [digest.hex() for digest in txn[MOVED]]


@hookimpl
def debrepo_fetch_files(session: Session, digests: frozenset[str]) -> None:
    from debrepo_pool import fetching

    fetching.fetch(session, digests)


@hookimpl
def debrepo_keep_files(
    session: Session, digests: frozenset[str]
) -> Callable[[Transaction], None] | None:
    from debrepo_pool import keeping

    return keeping.keep(session, digests)


@hookimpl
def debrepo_drop_remote_files(txn: Transaction, digests: Collection[str]) -> None:
    from debrepo_pool import moving

    moving.drop(txn, digests)


@hookimpl
def debrepo_files_beside(
    session: Session, endpoint: str, digests: frozenset[str]
) -> Mapping[str, str]:
    from debrepo_pool import places

    return places.beside(session, endpoint, digests)


@hookimpl
def debrepo_health(session: Session, thorough: bool) -> Iterable[Checkup]:
    from debrepo_pool import health

    return list(health.checkups(session, thorough=thorough))

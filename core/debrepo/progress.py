"""Progress: what long work says while it runs, on a terminal only."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

T = TypeVar("T")


class Progress:
    """Someone to report to; this one says nothing, and is what libraries get."""

    def track(self, label: str, items: Iterable[T], total: int | None = None) -> Iterator[T]:
        """Yield ``items``, reporting how many of ``total`` have gone by."""
        yield from items

    def note(self, text: str) -> None:
        """Say something that should be known while the work goes on."""


class TerminalProgress(Progress):
    """A line on standard error that is drawn again as the work goes on."""

    def track(self, label: str, items: Iterable[T], total: int | None = None) -> Iterator[T]:
        import sys

        import click

        with click.progressbar(
            items, length=total, label=label, file=sys.stderr, show_pos=True, show_eta=True
        ) as bar:
            yield from bar

    def note(self, text: str) -> None:
        import click

        click.echo(text, err=True)


class PlainProgress(TerminalProgress):
    """Notes, but no line that is drawn again: for logs and pipes."""

    def track(self, label: str, items: Iterable[T], total: int | None = None) -> Iterator[T]:
        yield from items


class Stopwatch:
    """Seconds since it was made, as people read them."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    def __str__(self) -> str:
        seconds = time.monotonic() - self._start
        if seconds < 60:
            return f"{seconds:.1f} s"
        return f"{int(seconds // 60)} min {int(seconds % 60)} s"

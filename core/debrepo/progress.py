"""Progress: what long work says while it runs, on a terminal only."""

from __future__ import annotations

import operator
import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Self, TextIO

T = TypeVar("T")


_PAUSE = 0.1  # seconds between two drawings of a line
_UNITS = ("B", "kB", "MB", "GB", "TB")


class Meter:
    """What counts bytes and files as they come; this one tells nobody."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Stop counting."""

    def add(self, size: int) -> None:
        """Count bytes; negative ones are those that have to come again."""

    def ended(self) -> None:
        """Count a file."""


class Progress:
    """Someone to report to; this one says nothing, and is what libraries get."""

    quiet = True  #: whether nobody reads notes

    def track(self, label: str, items: Iterable[T], total: int | None = None) -> Iterator[T]:
        """Yield ``items``, reporting how many of ``total`` have gone by."""
        yield from items

    def meter(self, label: str, *, files: int, size: int) -> Meter:
        """Return what to count ``files`` with that have ``size`` bytes in all, in a block."""
        return Meter()

    def note(self, text: str) -> None:
        """Say something that should be known while the work goes on."""

    def warn(self, text: str) -> None:
        """Say that something beside the work has failed, after the result where there is one."""
        self.note(text)

    def end(self) -> None:
        """Say what was kept until the result was out, and keep nothing from now on."""


class TerminalProgress(Progress):
    """A line on standard error that is drawn again as the work goes on."""

    quiet = False
    _line: LineMeter | None = None

    def __init__(self) -> None:
        self._kept: list[str] | None = []  #: warnings; ``None``: they are said at once

    def track(self, label: str, items: Iterable[T], total: int | None = None) -> Iterator[T]:
        import sys

        import click

        if total is None:
            total = operator.length_hint(items)
        with click.progressbar(
            length=total, label=label, file=sys.stderr, show_pos=True, show_eta=True
        ) as bar:
            passed, following = 0, 0.0
            for item in items:
                yield item
                passed += 1
                now = time.monotonic()
                if now >= following:  # each drawing costs more than many items
                    bar.update(passed)
                    passed, following = 0, now + _PAUSE
            bar.update(passed)

    def meter(self, label: str, *, files: int, size: int) -> Meter:
        import sys

        self._line = LineMeter(label, files, size, sys.stderr)
        return self._line

    def note(self, text: str) -> None:
        import click

        if self._line is not None:
            self._line.clear()
        click.echo(text, err=True)

    def warn(self, text: str) -> None:
        if self._kept is None:
            self.note(text)
        else:
            self._kept.append(text)

    def end(self) -> None:
        kept, self._kept = self._kept or [], None
        for text in kept:
            self.note(text)


class LineMeter(Meter):
    """A line with bytes, files, and how long the rest will take."""

    def __init__(
        self,
        label: str,
        files: int,
        size: int,
        out: TextIO,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._label = label
        self._files = files
        self._size = size
        self._out = out
        self._clock = clock
        self._got = self._ended = 0
        self._began = clock()
        self._next = 0.0
        self._drawn = False

    def __exit__(self, *_: object) -> None:
        self.clear()

    def add(self, size: int) -> None:
        self._got += size
        now = self._clock()
        if now >= self._next:
            self._next = now + _PAUSE
            self._draw(now - self._began)

    def ended(self) -> None:
        self._ended += 1

    def clear(self) -> None:
        """Leave an empty line to what is written next."""
        if self._drawn:
            self._out.write("\r\x1b[K")
            self._out.flush()
            self._drawn = False

    def _draw(self, seconds: float) -> None:
        rate = self._got / seconds if seconds else 0.0
        parts = [f"{self._ended} of {self._files} files", f"{amount(self._got)}"]
        if self._size:
            parts[1] += f" of {amount(self._size)}"
        if rate >= 1:
            parts.append(f"{amount(int(rate))}/s")
            if self._size > self._got:
                parts.append(f"{duration((self._size - self._got) / rate)} left")
        self._out.write(f"\r{self._label}: {', '.join(parts)}\x1b[K")
        self._out.flush()
        self._drawn = True


def amount(size: int) -> str:
    """Return a number of bytes as people read it: ``1.2 GB``."""
    value, unit = float(size), 0
    while value >= 999.5 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return (
        f"{value:.1f} {_UNITS[unit]}" if unit and value < 99.95 else f"{value:.0f} {_UNITS[unit]}"
    )


def duration(seconds: float) -> str:
    """Return a time as people read it: ``2 min 5 s``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds < 3600:
        return f"{int(seconds // 60)} min {int(seconds % 60)} s"
    return f"{int(seconds // 3600)} h {int(seconds % 3600 // 60)} min"


class PlainProgress(TerminalProgress):
    """Notes, but no line that is drawn again: for logs and pipes."""

    def track(self, label: str, items: Iterable[T], total: int | None = None) -> Iterator[T]:
        yield from items

    def meter(self, label: str, *, files: int, size: int) -> Meter:
        return Meter()


class Stopwatch:
    """Seconds since it was made, as people read them."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    def __str__(self) -> str:
        return duration(time.monotonic() - self._start)

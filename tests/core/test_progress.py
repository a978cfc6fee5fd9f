"""Progress of what is fetched."""

import io

import pytest

from debrepo.progress import (
    LineMeter,
    Meter,
    PlainProgress,
    Progress,
    TerminalProgress,
    amount,
    duration,
)


@pytest.fixture
def clock():
    return [0.0]


@pytest.fixture
def out():
    return io.StringIO()


@pytest.fixture
def meter(clock, out):
    return LineMeter("Fetching", 10, 4_000_000, out, clock=lambda: clock[0])


def test_line_says_how_much_came_and_how_long_the_rest_takes(meter, clock, out):
    clock[0] = 2.0
    meter.ended()
    meter.add(1_000_000)
    line = "Fetching: 1 of 10 files, 1.0 MB of 4.0 MB, 500 kB/s, 6.0 s left"
    assert out.getvalue() == f"\r{line}\x1b[K"


def test_line_is_drawn_ten_times_a_second_at_most(meter, clock, out):
    for _ in range(1000):
        clock[0] += 0.001
        meter.add(100)
    assert out.getvalue().count("\r") == 10


def test_line_is_gone_at_the_end(meter, out):
    with meter:
        meter.add(1)
    assert out.getvalue().endswith("\r\x1b[K")


def test_nothing_is_drawn_where_nobody_looks():
    assert type(PlainProgress().meter("Fetching", files=1, size=1)) is Meter
    with Progress().meter("Fetching", files=1, size=1) as meter:
        meter.add(1)
        meter.ended()


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (123_456, "123 kB"), (999_999, "1.0 MB")],
)
def test_amounts_are_short(size, text):
    assert amount(size) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.04, "0.0 s"), (65, "1 min 5 s"), (3700, "1 h 1 min")]
)
def test_durations_are_short(seconds, text):
    assert duration(seconds) == text


def test_bar_is_drawn_ten_times_a_second_at_most(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    out = Terminal()
    now = iter(number / 1000 for number in range(10_000))  # a thousand items a second
    monkeypatch.setattr("sys.stderr", out)
    monkeypatch.setattr("debrepo.progress.time.monotonic", lambda: next(now))
    assert list(TerminalProgress().track("Adding", range(2000))) == list(range(2000))
    assert out.getvalue().count("\r") <= 30
    assert "2000/2000" in out.getvalue()

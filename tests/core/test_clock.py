"""Spans of time, as users give them."""

import pytest

from debrepo import clock
from debrepo.errors import InvalidInput


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("", 0), ("0d", 0), ("12h", 43200), ("30d", 2592000), ("4w", 2419200), ("1y", 31536000)],
)
def test_span_is_a_number_and_a_unit(text, seconds):
    assert clock.span(text) == seconds


@pytest.mark.parametrize("text", ["30", "d", "-1d", "1.5d", "1m", "1 d", "1d ", "999999d", "١d"])
def test_anything_else_is_refused(text):
    with pytest.raises(InvalidInput, match="is no span of time"):
        clock.span(text)


@pytest.mark.parametrize("text", ["", "12h", "30d", "4w", "1y", "36h"])
def test_span_is_spelled_as_it_was_given(text):
    assert clock.spelled(clock.span(text)) == text
    assert clock.spelled(clock.span("14d")) == "2w"

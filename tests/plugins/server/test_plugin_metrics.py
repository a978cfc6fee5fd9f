"""Metrics of plugins: one that fails takes nothing from the others."""

import logging

import pytest

from debrepo import hookimpl
from debrepo.metrics import Metric


class Measuring:
    def __init__(self, answer):
        self.answer = answer

    @hookimpl
    def debrepo_metrics(self, session):
        yield from self.answer()


def _raising():
    yield Metric("mill_grain", "Sacks.", 3)
    raise RuntimeError("no scales")


def _one(*fields, **more):
    return lambda: [Metric(*fields, **more)]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (_raising, "RuntimeError: no scales"),
        (lambda: ["mill_grain 3"], "it has to return each Metric, and returns 'mill_grain 3'"),
        (_one("mill grain", "Sacks.", 3), "'mill grain' cannot be a name of a metric"),
        (_one("mill_grain", "Sacks.", 3, {"a b": "c"}), "'a b' cannot be a name"),
        (_one("mill_grain", "Sacks.", "3"), "the value of the metric mill_grain is no number"),
        (_one("debrepo_tasks", "Mine.", 3), "plugins server and mill both bring the metric"),
        (_one("debrepo_notify_queued", "Mine.", 3), "mill both bring the metric debrepo_notify"),
    ],
)
def test_plugin_that_cannot_measure_is_logged_once_counted_and_left_out(
    api, session, caplog, answer, said
):
    session.plugins.register(Measuring(answer), "mill")
    with caplog.at_level(logging.WARNING, "debrepo.plugins"):
        api.get("/api/metrics")
        text = api.get("/api/metrics").text
    assert 'debrepo_plugin_metrics_failures_total{plugin="mill"} 2\n' in text
    assert "mill_grain" not in text
    assert "debrepo_notify_queued 0\n" in text
    assert text.count("# TYPE debrepo_tasks ") == 1
    (record,) = [one for one in caplog.records if one.name == "debrepo.plugins"]
    assert record.getMessage().startswith("debrepo_metrics of plugin mill failed: ")
    assert said in record.getMessage()


def test_help_of_a_metric_is_one_line(api, session):
    session.plugins.register(Measuring(_one("mill_grain", "Sacks\nof grain.", 3)), "mill")
    text = api.get("/api/metrics").text
    assert "# HELP mill_grain Sacks of grain.\n# TYPE mill_grain gauge\nmill_grain 3\n" in text
    assert "debrepo_plugin_metrics_failures_total{" not in text

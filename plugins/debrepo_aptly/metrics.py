"""Metrics under the names that aptly uses, for existing dashboards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo import __version__
from debrepo.metrics import Amounts, Metric

if TYPE_CHECKING:
    from collections.abc import Iterator

    from debrepo.metrics import Requests

_HTTP = "aptly_api_http_"
#: Summaries: name, help, and field of `Amounts`.
_SUMMARIES = (
    ("request_duration_seconds", "Time spent on requests.", "seconds"),
    ("request_size_bytes", "Bytes of bodies received.", "received"),
    ("response_size_bytes", "Bytes of bodies sent.", "sent"),
)


def of_requests(requests: Requests) -> Iterator[Metric]:
    """Yield the metrics of requests; aptly knows paths by their first two segments."""
    found: dict[tuple[str, str, str], Amounts] = {}
    for (method, route, status), row in requests.rows():
        key = str(status), method, "/".join(route.split("/")[:3])
        found[key] = Amounts(*map(sum, zip(found.get(key, Amounts()), row, strict=True)))
    labelled = [
        (dict(zip(("code", "method", "path"), key, strict=True)), row)
        for key, row in sorted(found.items())
    ]
    version = {"version": __version__, "goversion": ""}
    yield Metric("aptly_build_info", "The version of debrepo.", 1, version)
    yield Metric(f"{_HTTP}requests_in_flight", "Requests not answered yet.", requests.in_flight)
    uploaded = "aptly_api_files_uploaded_total"
    yield Metric(uploaded, "Files uploaded.", requests.uploaded, kind="counter")
    for labels, row in labelled:
        total = f"{_HTTP}requests_total"
        yield Metric(total, "Requests answered.", row.requests, labels, "counter")
        for what, text, field in _SUMMARIES:
            name = f"{_HTTP}{what}"
            amount = getattr(row, field)
            yield Metric(f"{name}_sum", text, amount, labels, "summary", name)
            yield Metric(f"{name}_count", text, row.requests, labels, "summary", name)

"""Metrics under the names that aptly uses, for existing dashboards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo import __version__
from debrepo_server.metrics import Amounts, head, line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from debrepo_server.metrics import Requests


#: Summaries: name, help, and field of `Amounts`.
_SUMMARIES = (
    ("request_duration_seconds", "Time spent on requests.", "seconds"),
    ("request_size_bytes", "Bytes of bodies received.", "received"),
    ("response_size_bytes", "Bytes of bodies sent.", "sent"),
)


def lines(requests: Requests) -> Iterator[str]:
    """Yield the metrics of requests; aptly knows paths by their first two segments."""
    found: dict[tuple[str, str, str], Amounts] = {}
    for (method, route, status), row in requests.rows():
        key = str(status), method, "/".join(route.split("/")[:3])
        found[key] = Amounts(*map(sum, zip(found.get(key, Amounts()), row, strict=True)))
    yield from head("aptly_build_info", "The version of debrepo.", "gauge")
    yield line("aptly_build_info", {"version": __version__, "goversion": ""}, 1)
    name = "aptly_api_http_requests_in_flight"
    yield from head(name, "Requests not answered yet.", "gauge")
    yield line(name, {}, requests.in_flight)
    name = "aptly_api_files_uploaded_total"
    yield from head(name, "Files uploaded.", "counter")
    yield line(name, {}, requests.uploaded)
    name = "aptly_api_http_requests_total"
    yield from head(name, "Requests answered.", "counter")
    labelled = [
        (dict(zip(("code", "method", "path"), key, strict=True)), row)
        for key, row in sorted(found.items())
    ]
    for labels, row in labelled:
        yield line(name, labels, row.requests)
    for what, text, field in _SUMMARIES:
        name = f"aptly_api_http_{what}"
        yield from head(name, text, "summary")
        for labels, row in labelled:
            yield line(f"{name}_sum", labels, getattr(row, field))
            yield line(f"{name}_count", labels, row.requests)

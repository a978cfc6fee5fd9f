"""Metrics of the server, in the format of Prometheus."""

from __future__ import annotations

import time
from collections import Counter
from threading import Lock
from typing import TYPE_CHECKING

from debrepo import __version__
from debrepo.metrics import Amounts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from debrepo_server.records import TaskRecord

_AMOUNTS = (
    ("requests_total", "Requests answered."),
    ("request_duration_seconds_total", "Time spent on requests."),
    ("request_bytes_total", "Bytes of bodies received."),
    ("response_bytes_total", "Bytes of bodies sent."),
)
_STATES = ("waiting", "running", "succeeded", "failed")


class RequestCounts:
    """The requests so far, by method, route and status."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._started = time.time()
        self._rows: dict[tuple[str, str, int], list[float]] = {}
        self.in_flight = 0
        self.uploaded = 0  #: files

    def begin(self) -> None:
        """Count a request that has started."""
        with self._lock:
            self.in_flight += 1

    def end(
        self, method: str, route: str, status: int, seconds: float, received: int, sent: int
    ) -> None:
        """Count a request that has been answered."""
        with self._lock:
            self.in_flight -= 1
            row = self._rows.setdefault((method, route, status), [*Amounts()])
            row[0] += 1
            row[1] += seconds
            row[2] += received
            row[3] += sent

    def upload(self, files: int) -> None:
        """Count files that have been uploaded."""
        with self._lock:
            self.uploaded += files

    def rows(self) -> list[tuple[tuple[str, str, int], Amounts]]:
        """Return the amounts by method, route and status, sorted."""
        with self._lock:
            return sorted((key, Amounts(*row)) for key, row in self._rows.items())

    def lines(self) -> Iterator[str]:
        """Yield the metrics in the format of Prometheus."""
        rows = self.rows()
        yield from head("debrepo_build_info", "The version of debrepo.", "gauge")
        yield line("debrepo_build_info", {"version": __version__}, 1)
        yield from head("debrepo_start_time_seconds", "When the server started.", "gauge")
        yield line("debrepo_start_time_seconds", {}, self._started)
        yield from head("debrepo_http_requests_in_flight", "Requests not answered yet.", "gauge")
        yield line("debrepo_http_requests_in_flight", {}, self.in_flight)
        yield from head("debrepo_uploaded_files_total", "Files uploaded.", "counter")
        yield line("debrepo_uploaded_files_total", {}, self.uploaded)
        for index, (name, text) in enumerate(_AMOUNTS):
            yield from head(f"debrepo_http_{name}", text, "counter")
            for (method, route, status), row in rows:
                labels = {"method": method, "path": route, "code": str(status)}
                yield line(f"debrepo_http_{name}", labels, row[index])


def task_lines(records: Iterable[TaskRecord]) -> Iterator[str]:
    """Yield how many tasks there are in each state."""
    states = Counter(record.state for record in records)
    yield from head("debrepo_tasks", "Tasks, by state.", "gauge")
    for state, name in enumerate(_STATES):
        yield line("debrepo_tasks", {"state": name}, states[state])


def write_lines(written: tuple[int, float]) -> Iterator[str]:
    """Yield how often this process wrote to the database, and how long that took."""
    count, seconds = written
    yield from head("debrepo_database_writes_total", "Write transactions.", "counter")
    yield line("debrepo_database_writes_total", {}, count)
    name = "debrepo_database_write_lock_seconds_total"
    yield from head(name, "Time that write transactions held the lock.", "counter")
    yield line(name, {}, seconds)


def round_trip_lines(count: int) -> Iterator[str]:
    """Yield how often this process waited for the server of the database, if there is one."""
    if count:
        name = "debrepo_database_round_trips_total"
        yield from head(name, "Questions to the server of the database.", "counter")
        yield line(name, {}, count)


def head(name: str, text: str, kind: str) -> Iterator[str]:
    """Yield the lines that come before the values of a metric."""
    yield f"# HELP {name} {text}"
    yield f"# TYPE {name} {kind}"


def line(name: str, labels: Mapping[str, str], value: float) -> str:
    """Return the line with a value."""
    said = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
    return f"{name}{{{said}}} {value!r}" if said else f"{name} {value!r}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")

"""Metrics: what the server counts, as Prometheus reads it."""

from __future__ import annotations

import time
from collections import Counter
from threading import Lock
from typing import TYPE_CHECKING

from debrepo import __version__
from debrepo.errors import DebrepoError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from debrepo.metrics import Metric
    from debrepo.session import Session
    from debrepo_server.records import Record

_STATES = ("waiting", "running", "succeeded", "failed")


class Requests:
    """The requests so far, by method, route and status."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._started = time.time()
        self._count: Counter[tuple[str, str, int]] = Counter()
        self._seconds: Counter[tuple[str, str, int]] = Counter()
        self._bytes: Counter[tuple[str, str, int]] = Counter()
        self.in_flight = 0

    def begin(self) -> None:
        """Count a request that has come."""
        with self._lock:
            self.in_flight += 1

    def end(self, method: str, route: str, status: int, seconds: float, sent: int) -> None:
        """Count a request that has been answered."""
        with self._lock:
            self.in_flight -= 1
            key = (method, route, status)
            self._count[key] += 1
            self._seconds[key] += seconds  # type: ignore[assignment]  # a Counter adds floats too
            self._bytes[key] += sent

    def lines(self) -> Iterator[str]:
        """Yield the metrics as Prometheus reads them."""
        with self._lock:
            tables = (
                ("requests_total", "Requests answered.", dict(self._count)),
                ("request_duration_seconds_total", "Time spent on them.", dict(self._seconds)),
                ("response_bytes_total", "Bytes of bodies sent.", dict(self._bytes)),
            )
        yield from head("debrepo_build_info", "The version of debrepo.", "gauge")
        yield line("debrepo_build_info", {"version": __version__}, 1)
        yield from head("debrepo_start_time_seconds", "When the server started.", "gauge")
        yield line("debrepo_start_time_seconds", {}, self._started)
        yield from head("debrepo_http_requests_in_flight", "Requests not answered yet.", "gauge")
        yield line("debrepo_http_requests_in_flight", {}, self.in_flight)
        for name, text, rows in tables:
            yield from head(f"debrepo_http_{name}", text, "counter")
            for (method, route, status), value in sorted(rows.items()):
                labels = {"method": method, "path": route, "code": str(status)}
                yield line(f"debrepo_http_{name}", labels, value)


def task_lines(records: Iterable[Record]) -> Iterator[str]:
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
    yield from head(name, "Time that they held the write lock.", "counter")
    yield line(name, {}, seconds)


def key_lines(session: Session) -> Iterator[str]:
    """Yield how long the signing keys stay valid; nothing where no plugin knows keys."""
    if "key.list" not in session.operations:
        return
    try:
        keys = session.call("key.list")
    except DebrepoError:  # GnuPG is not there, or not well
        return
    name = "debrepo_key_valid_days"
    yield from head(name, "Days until a signing key expires.", "gauge")
    for key in keys:
        if key.expires is not None:
            left = key.expires.timestamp() - time.time()
            yield line(name, {"key": key.fingerprint}, left / 86400)


def plugin_lines(metrics: Iterable[Metric]) -> Iterator[str]:
    """Yield what plugins have measured."""
    named: dict[str, list[Metric]] = {}
    for metric in metrics:
        named.setdefault(metric.name, []).append(metric)
    for name, found in sorted(named.items()):
        yield from head(name, found[0].help, found[0].kind)
        for metric in found:
            yield line(name, metric.labels, metric.value)


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

"""The metrics of plugins: those of one that fails are left out, and the failure is counted."""

from __future__ import annotations

import logging
import re
from collections import Counter
from threading import Lock
from typing import TYPE_CHECKING, Any

from debrepo.errors import PluginError
from debrepo.metrics import Metric
from debrepo_server.metrics import head, line

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from debrepo.database import Transaction
    from debrepo.metrics import Requests
    from debrepo.session import Session

_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_FAILURES = "debrepo_plugin_metrics_failures_total"

_log = logging.getLogger("debrepo.plugins")


class PluginMetrics:
    """What the plugins of one server measure, and how often each failed to."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._failures: Counter[str] = Counter()
        self._said: dict[str, str] = {}  # by plugin, so that a failure is logged once

    def lines(
        self, session: Session, txn: Transaction, requests: Requests, taken: Collection[str]
    ) -> Iterator[str]:
        """Yield the metrics in the format of Prometheus; ``taken`` are names of the server's."""
        named: dict[str, list[Metric]] = {}
        owners = dict.fromkeys([*taken, _FAILURES], "server")
        known: dict[str, Any] = {"session": session, "txn": txn, "requests": requests}
        for plugin in session.hook.debrepo_metrics.get_hookimpls():
            whose = str(plugin.plugin_name)
            try:
                brought: Any = plugin.function(*(known[name] for name in plugin.argnames)) or ()
                found = [_checked(metric) for metric in brought]
                _claim(owners, whose, {metric.family or metric.name for metric in found})
            except (Exception, SystemExit) as error:  # a plugin may raise anything
                self._failed(whose, error)
                continue
            for metric in found:
                named.setdefault(metric.family or metric.name, []).append(metric)
        for name, metrics in sorted(named.items()):
            yield from head(name, metrics[0].help, metrics[0].kind)
            for metric in metrics:
                yield line(metric.name, metric.labels, metric.value)
        yield from head(_FAILURES, "Times that a plugin could not tell its metrics.", "counter")
        for whose, count in sorted(self._failures.items()):
            yield line(_FAILURES, {"plugin": whose}, count)

    def _failed(self, plugin: str, error: BaseException) -> None:
        said = f"{type(error).__name__}: {error}"
        with self._lock:
            self._failures[plugin] += 1
            news = self._said.get(plugin) != said
            self._said[plugin] = said
        if news:
            known = isinstance(error, PluginError)
            _log.warning(
                "debrepo_metrics of plugin %s failed: %s", plugin, said, exc_info=not known
            )


def _checked(metric: Any) -> Metric:
    """Return a metric; raise `PluginError` for one that would make all others unreadable."""
    if not isinstance(metric, Metric):
        raise PluginError(f"it has to return each Metric, and returns {metric!r}")
    for name in (metric.name, metric.family or metric.name, *metric.labels):
        if not _NAME.fullmatch(name):
            raise PluginError(f"{name!r} cannot be a name of a metric")
    if not isinstance(metric.value, (int, float)):
        raise PluginError(f"the value of the metric {metric.name} is no number: {metric.value!r}")
    return metric._replace(help=" ".join(metric.help.split()))


def _claim(owners: dict[str, str], plugin: str, names: Collection[str]) -> None:
    for name in sorted(names):
        other = owners.get(name, plugin)
        if other != plugin:
            raise PluginError(f"plugins {other} and {plugin} both bring the metric {name}")
    owners.update(dict.fromkeys(names, plugin))

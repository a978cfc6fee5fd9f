"""Logs: lines on standard error, as text or JSON."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

from debrepo.errors import InvalidInput

_LEVELS = ("debug", "info", "warning", "error", "critical")


class JSONFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        said = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            said["exception"] = self.formatException(record.exc_info)
        return json.dumps(said, ensure_ascii=False)


class TextFormatter(logging.Formatter):
    """Plain text; the time is formatted once a second."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        self._second = 0
        self._spelled = ""

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802
        if self._second != int(record.created):
            self._second = int(record.created)
            self._spelled = super().formatTime(record, "%Y-%m-%d %H:%M:%S")
        return f"{self._spelled},{int(record.msecs):03}"


def configure(level: str, form: str) -> None:
    """Log to standard error from ``level`` up, as ``text`` or ``json``."""
    if level.lower() not in _LEVELS:
        raise InvalidInput(f"server.log_level is {level!r}", hint=f"it can be: {_LEVELS}")
    if form not in {"text", "json"}:
        raise InvalidInput(f"server.log_format is {form!r}", hint="it can be: text, json")
    handler = logging.StreamHandler()
    handler.setFormatter(JSONFormatter() if form == "json" else TextFormatter())
    # Our formats use neither threads nor processes, and looking them up is slow.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.getLogger("uvicorn").setLevel("WARNING")  # we log the same

"""Ingest: how package files get into the pool, and when their data is read."""

from debrepo.ingest.files import Ingested, Rejected, find
from debrepo.ingest.surveying import When, configured_depth, configured_limits
from debrepo.ingest.workers import ingest

__all__ = [
    "Ingested",
    "Rejected",
    "When",
    "configured_depth",
    "configured_limits",
    "find",
    "ingest",
]

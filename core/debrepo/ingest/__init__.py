"""Ingest: how package files get into the pool, each of them read once."""

from debrepo.ingest.files import Ingested, Rejected, find
from debrepo.ingest.workers import configured_limits, ingest

__all__ = ["Ingested", "Rejected", "configured_limits", "find", "ingest"]

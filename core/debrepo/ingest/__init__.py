"""Ingest: how package files get into the pool, each of them read once."""

from debrepo.ingest.files import Ingested, Rejected, find
from debrepo.ingest.workers import ingest

__all__ = ["Ingested", "Rejected", "find", "ingest"]

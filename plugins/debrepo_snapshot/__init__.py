"""Snapshots: ``debrepo snapshot``."""

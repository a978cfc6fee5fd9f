"""Phased updates: offer a new version to a part of the machines first."""
